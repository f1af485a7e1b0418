"""The limits the gate holds, as plain values with their units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from engine.risk.order_check import OrderRules


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Every number the gate compares with. Percentages are of net liquidation value."""

    risk_per_trade_pct: float
    """Loss at the initial stop that one trade may risk."""
    max_positions: int
    """Open positions plus working entries."""
    max_gross_exposure_usd: float
    """Sum of exposures: notional for stocks, initial margin for futures."""
    symbol_notional_cap_usd: float
    """Per stock."""
    symbol_margin_cap_usd: float
    """Per future."""
    max_position_size_pct: float
    """Exposure of one position."""
    allow_short_stock: bool
    allow_short_future: bool
    entry_start: time
    """Wall time of the exchange (New York) from which entries are allowed."""
    entry_end: time
    """Wall time from which they no longer are."""
    cooldown_s: float
    """Time after any fill of an instrument in which it takes no entry."""
    cooldown_after_stop_s: float
    """The same after a protective stop closed a position in it."""
    max_attempts: int
    """Entries per trading day at one pivot and side that may fill."""
    order_rules: OrderRules
    """Fees, and what an entry must be worth after them."""
    max_quote_age_s: float
    entry_ticks_through: int
    """How many ticks through the touch an entry limit is set."""
