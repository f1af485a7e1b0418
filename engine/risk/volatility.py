"""Size by volatility, where it is switched on: no position moves more in a session than meant. Pure."""

from __future__ import annotations

import math

from engine.domain.instrument import Instrument
from engine.domain.order import Proposal
from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal


def calm_units(
    proposal: Proposal, instrument: Instrument, percent_usd: float, limits: RiskLimits
) -> int | Refusal:
    """Most units whose typical session moves no more than the target; twice the range, half the units.

    `percent_usd` is what one percent of equity counts now, regime and drawdown included.
    """
    moves = proposal.day_range
    if moves is None or not math.isfinite(moves) or moves <= 0:
        text = f"{instrument.key}: sizes follow volatility, and {proposal.strategy} does not know it"
        return Refusal(Reason.NOT_FINITE, text)
    target_usd, unit_usd = limits.volatility_target_pct * percent_usd, moves * instrument.multiplier
    units = math.floor(target_usd / unit_usd + 1e-9)
    if units >= 1:
        return units
    text = f"{instrument.key}: one would move {unit_usd:,.2f} of {target_usd:,.2f} USD in a session"
    return Refusal(Reason.SIZE_ZERO, text, target_usd, unit_usd)
