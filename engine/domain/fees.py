"""What an order costs. One function for the gate, for execution and for P&L that waits for the real figure.

IBKR has no maker and taker fees but a price per share with a minimum and a cap per order, and a price per
contract. The broker's own report always takes the place of the estimate.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.domain.instrument import SecType

_FUTURE = SecType.FUTURE


class FeeSchedule(NamedTuple):
    """Prices of trading, USD."""

    per_share_usd: float = 0.005
    minimum_usd: float = 1.0
    """Least fee of an order in stocks."""
    cap_pct: float = 1.0
    """Highest fee of an order in stocks, in percent of its value; stronger than the minimum."""
    per_contract_usd: float = 2.25
    """Fee of one future, exchange and clearing included."""

    def order_fee_usd(self, sec_type: SecType, *, quantity: int, value_usd: float) -> float:
        """Fee of one order that fills wholly. `value_usd` is price times quantity times multiplier."""
        per_share_usd, at_least, cap_pct, per_contract_usd = self
        if sec_type is _FUTURE:
            return per_contract_usd * quantity
        by_share, cap = per_share_usd * quantity, cap_pct / 100.0 * abs(value_usd)
        at_least = by_share if by_share > at_least else at_least
        return cap if cap < at_least else at_least


NO_FEES = FeeSchedule(0.0, 0.0, 0.0, 0.0)
"""Where nobody estimates: only what the broker reported counts."""
