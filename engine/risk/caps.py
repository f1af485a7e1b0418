"""The caps on exposure: how much room each leaves, and whether a given order fits into all. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.domain.instrument import Instrument, SecType
from engine.domain.reasons import Reason
from engine.risk.exposure import gross_exposure_usd, group_exposure_usd
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal
from engine.risk.world import GateWorld

EXACT = 1e-9
"""Relative room for the last bits of a double: exactly the cap passes, a cent more does not."""


class Cap(NamedTuple):
    """One limit in USD and what positions and orders at worst case use of it."""

    reason: Reason
    name: str
    limit_usd: float
    used_usd: float

    @property
    def room_usd(self) -> float:
        """What is left; NaN where the use is not known."""
        return self.limit_usd - self.used_usd

    def holds(self, wanted_usd: float) -> bool:
        """True where this much more still fits; what is no number never does."""
        return wanted_usd <= self.room_usd + EXACT * self.limit_usd

    def refusal(self, key: str, wanted_usd: float) -> Refusal:
        """No, with the cap and what exposure would come to."""
        value = self.used_usd + wanted_usd
        text = f"{key}: {self.name} would be {value:,.2f} of {self.limit_usd:,.2f} USD"
        return Refusal(self.reason, text, self.limit_usd, value)


def caps_of(instrument: Instrument, world: GateWorld, limits: RiskLimits) -> tuple[Cap, ...]:
    """Every cap that holds an entry in this instrument."""
    worst, unit_usd, nlv = world.commitments.worst, world.unit_usd, world.net_liquidation_usd
    gross = gross_exposure_usd(worst, unit_usd)
    root = world.roots.get(instrument.key)
    if root is None:
        own = worst.get(instrument.key, 0)
        symbol = own * unit_usd.get(instrument.key, math.nan) if own else 0.0
    else:
        symbol = group_exposure_usd(root, world.roots, worst, unit_usd)
    is_future = instrument.sec_type is SecType.FUTURE
    if is_future:
        of_symbol, symbol_cap = Reason.SYMBOL_MARGIN, limits.symbol_margin_cap_usd
    else:
        of_symbol, symbol_cap = Reason.SYMBOL_NOTIONAL, limits.symbol_notional_cap_usd
    size_cap = nlv * limits.max_position_size_pct / 100.0
    total_cap = nlv * limits.max_total_at_risk_pct / 100.0
    caps = (
        Cap(of_symbol, "exposure per symbol", symbol_cap, symbol),
        Cap(Reason.POSITION_SIZE, "size of the position", size_cap, symbol),
        Cap(Reason.ORDER_VALUE, "value of the order", limits.max_order_value_usd, 0.0),
        Cap(Reason.GROSS_EXPOSURE, "gross exposure", limits.max_gross_exposure_usd, gross),
        Cap(Reason.TOTAL_AT_RISK, "total at risk", total_cap, gross),
    )
    theme = world.selection.themes.get(instrument.key)
    if theme is None:
        return caps
    used = group_exposure_usd(theme, world.selection.themes, worst, unit_usd)
    return (*caps, Cap(Reason.THEME_CAP, f"theme {theme}", nlv * limits.theme_cap_pct / 100.0, used))


def first_exceeded(key: str, caps: tuple[Cap, ...], wanted_usd: float) -> Refusal | None:
    """The first cap that does not hold this much more; what is not a number never fits."""
    for cap in caps:
        if not cap.holds(wanted_usd):
            return cap.refusal(key, wanted_usd)
    return None
