"""The limits of CANARY, the first stage of LIVE: one position of tier 1, every cap cut. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from engine.risk.limits import RiskLimits

CUT: Final = (
    "risk_per_trade_pct",
    "volatility_target_pct",
    "max_gross_exposure_usd",
    "symbol_notional_cap_usd",
    "symbol_margin_cap_usd",
    "max_position_size_pct",
    "max_order_value_usd",
    "max_total_at_risk_pct",
    "theme_cap_pct",
    "daily_loss_pct",
    "symbol_daily_loss_pct",
    "session_drawdown_pct",
    "rolling_drawdown_pct",
)
"""Everything that bounds how much is held, and how much may be lost."""


def canary_limits(limits: RiskLimits, *, factor: float) -> RiskLimits:
    """The same limits for CANARY; a factor above one half counts as one half."""
    cut = min(factor, 0.5)
    caps = {name: getattr(limits, name) * cut for name in CUT}
    sizes = tuple(size * cut for size in limits.tier_sizes_pct)
    first = min(1, limits.max_positions)
    return replace(limits, max_positions=first, only_tier=1, tier_sizes_pct=sizes, **caps)
