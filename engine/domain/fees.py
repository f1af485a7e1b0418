"""What an order costs. One function for the gate, for execution and for P&L that waits for the real figure.

IBKR has no maker and taker fees but a price per share with a minimum and a cap per order, and a price per
contract. The broker's own report always takes the place of the estimate.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.domain.instrument import SecType

_FUTURE = SecType.FUTURE


class FlatFee(NamedTuple):
    """A price per order: a fixed part and a part of its value."""

    fixed_usd: float
    bps: float
    """Hundredths of a percent of the order's value."""


class FeeSchedule(NamedTuple):
    """Prices of trading, USD."""

    per_share_usd: float = 0.005
    minimum_usd: float = 1.0
    """Least fee of an order in stocks."""
    cap_pct: float = 1.0
    """Highest fee of an order in stocks, in percent of its value; stronger than the minimum."""
    per_contract_usd: float = 2.25
    """Fee of one future, exchange and clearing included."""
    flat_stock: FlatFee | None = None
    """Takes the place of all that is said of stocks above."""
    flat_future: FlatFee | None = None
    """The same for futures."""

    def order_fee_usd(self, sec_type: SecType, quantity: int, value_usd: float) -> float:
        """Fee of one order that fills wholly. `value_usd` is price times quantity times multiplier."""
        per_share_usd, at_least, cap_pct, per_contract_usd, flat_stock, flat_future = self
        flat = flat_future if sec_type is _FUTURE else flat_stock
        if flat is not None:
            return flat.fixed_usd + flat.bps * abs(value_usd) / 10_000.0
        if sec_type is _FUTURE:
            return per_contract_usd * quantity
        by_share, cap = per_share_usd * quantity, cap_pct / 100.0 * abs(value_usd)
        at_least = by_share if by_share > at_least else at_least
        return cap if cap < at_least else at_least


NO_FEES = FeeSchedule(0.0, 0.0, 0.0, 0.0)
"""Where nobody estimates: only what the broker reported counts."""
