"""The last look at an order before it is written down: whole units, on the grid, worth its fees. Pure.

The gate makes orders that pass; this catches what did not come from it. Judged with the same function as
there, so that both always agree.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.domain.fees import FeeSchedule
from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderIntent, OrderState
from engine.domain.price import round_to_tick
from engine.domain.reasons import Reason
from engine.risk.refusal import Refusal


class OrderRules(NamedTuple):
    """What an order that adds risk must be worth."""

    fees: FeeSchedule = FeeSchedule()
    min_order_value_usd: float = 0.0
    """Least value of an entry after its fee."""

    def fee_usd(self, instrument: Instrument, quantity: int, price: float) -> float:
        """Estimated fee of one order."""
        value = abs(price) * quantity * instrument.multiplier
        return self.fees.order_fee_usd(instrument.sec_type, quantity, value)


ANY_VALUE = OrderRules()
"""The usual fees and no least value."""


def check_order(intent: OrderIntent, instrument: Instrument, rules: OrderRules) -> Refusal | None:
    """Why this order must not be sent; None where it may. The value of exits and stops is never judged."""
    if intent.quantity < 1:
        text = f"{intent.key}: an order of {intent.quantity} units"
        return Refusal(Reason.SIZE_ZERO, text, 1, intent.quantity)
    first = None
    for price in (intent.limit_price, intent.stop_price):
        if price is None:
            continue
        off_grid = _off_grid(instrument, price)
        if off_grid is not None:
            return off_grid
        first = price if first is None else first
    if intent.role.adds_risk and first is not None:
        fee = rules.fee_usd(instrument, intent.quantity, first)
        return too_small(instrument, rules, intent.quantity, first, fee)
    return None


def check_approved(intent: OrderIntent, stored: Order | None) -> Refusal | None:
    """Why this very order must not leave although somebody sends it; None where it may.

    What adds risk leaves only as the gate let it through and as it was written down: with its ticket, for no
    more than that, at that price or at market, and word for word the intent that is durable. What reduces
    risk needs nobody's leave.
    """
    if not intent.role.adds_risk:
        return None
    ticket = intent.ticket
    if ticket is None or not 1 <= intent.quantity <= ticket.quantity:
        return Refusal(Reason.NOT_APPROVED, f"{intent.ref}: the gate has not let {intent.quantity} through")
    if intent.limit_price not in (None, ticket.limit_price):
        return Refusal(Reason.NOT_APPROVED, f"{intent.ref}: {intent.limit_price} is not the gate's price")
    if stored is None or stored.state is not OrderState.SENDING:
        return Refusal(Reason.NOT_APPROVED, f"{intent.ref}: it is not written down as about to be sent")
    # The very same object as a rule: comparing field by field costs more than all of the above.
    if stored.intent is not intent and stored.intent != intent:
        return Refusal(Reason.NOT_APPROVED, f"{intent.ref}: it is not written down as it is sent")
    return None


def too_small(
    instrument: Instrument, rules: OrderRules, quantity: int, price: float, fee: float
) -> Refusal | None:
    """The refusal of an entry that is not worth its fee in USD; None for one that is."""
    value = abs(price) * quantity * instrument.multiplier
    if value - fee >= rules.min_order_value_usd:
        return None
    worth, least = value - fee, rules.min_order_value_usd
    text = f"{instrument.key}: {quantity} at {price:g} is {worth:,.2f} of {least:,.2f} USD after its fee"
    return Refusal(Reason.MIN_ORDER_VALUE, text, least, worth)


def _off_grid(instrument: Instrument, price: float) -> Refusal | None:
    if not math.isfinite(price):
        return Refusal(Reason.NOT_FINITE, f"{instrument.key}: a price of {price}")
    nearest = round_to_tick(instrument, price)
    # Decimal dust of a double is no other price.
    if price == nearest or math.isclose(price, nearest, rel_tol=0.0, abs_tol=1e-9):
        return None
    text = f"{instrument.key}: {price:g} is between two price steps, the next one is {nearest:g}"
    return Refusal(Reason.MIN_INCREMENT, text, nearest, price)
