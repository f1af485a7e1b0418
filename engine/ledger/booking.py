"""The arithmetic of one booking: enter, add, reduce, close, flip. Average cost, no rounding of money.

Pure functions over `Leg`; the position manager decides what is booked and in which order.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from engine.domain.fill import Fill
from engine.domain.plan import NO_PLAN, Plan
from engine.domain.position import Partial, Trade
from engine.domain.quick import maker
from engine.ledger.changes import BookedFill, Leg, TradeRecord

ZERO = Decimal(0)
_make_leg, _make_trade = maker(Leg), maker(Trade)


class Booking(NamedTuple):
    """One signed change of a position. `price` None: unknown, booked at the average."""

    booking_id: str
    """Base of the execId, or the adjustment's id."""
    con_id: int
    at: datetime
    quantity: int
    price: Decimal | None
    fee_usd: Decimal
    owner: str
    reason: str
    """Reason code of the trade this booking may close."""
    initial_stop: float | None
    order_ref: str = ""
    plan: Plan = NO_PLAN


class Step(NamedTuple):
    """Where a position stands after a booking, and what the booking realised."""

    leg: Leg | None
    closed: TradeRecord | None
    realized_usd: Decimal
    fee_usd: Decimal


_make_step = maker(Step)


def booking_of(base: str, fill: Fill, booked: BookedFill) -> Booking:
    """An execution as a change of its position; `fill` is that of `booked`, with its commission."""
    row = (
        base,
        fill.con_id,
        fill.at,
        fill.signed_quantity,
        fill.price,
        fill.commission or ZERO,
        fill.strategy,
        booked.reason,
        booked.initial_stop,
        fill.order_ref,
        booked.plan,
    )
    # As `Booking(...)` makes it, without the call that takes four times as long.
    return tuple.__new__(Booking, row)


def book(leg: Leg | None, booking: Booking, *, key: str, multiplier: Decimal) -> Step:
    """The position after `booking`. Through zero closes one trade and opens the next leg."""
    price = _price(leg, booking)
    if leg is None:
        opened = _open(booking, booking.quantity, price, booking.fee_usd, key=key, multiplier=multiplier)
        return _make_step(opened, None, ZERO, booking.fee_usd)
    if (leg.quantity > 0) == (booking.quantity > 0):
        return Step(_add(leg, booking, price), None, ZERO, booking.fee_usd)
    held, wanted = abs(leg.quantity), abs(booking.quantity)
    if wanted < held:
        reduced, realized = _reduce(leg, wanted, price, booking.fee_usd)
        taken = Partial(booking.at, price, wanted, booking.reason, booking.order_ref)
        return Step(
            replace(reduced, partials=_with_partial(leg.partials, taken)), None, realized, booking.fee_usd
        )
    rest = wanted - held
    # A fee is one figure for the whole execution; a flip shares it between the trade and the new leg.
    fee = booking.fee_usd * held / wanted if rest else booking.fee_usd
    trade, realized = _close(leg, price, fee, booking)
    opened_leg = None
    if rest:
        signed_rest = rest if booking.quantity > 0 else -rest
        opened_leg = _open(booking, signed_rest, price, booking.fee_usd - fee, key=key, multiplier=multiplier)
    return _make_step(opened_leg, TradeRecord(booking.booking_id, trade), realized, booking.fee_usd)


def _price(leg: Leg | None, booking: Booking) -> Decimal:
    if booking.price is not None:
        return booking.price
    if leg is None:
        # Nothing is known of its cost; zero keeps the quantity true and the caller flags it.
        return ZERO
    return leg.cost / abs(leg.quantity)


def _open(
    booking: Booking, quantity: int, price: Decimal, fee: Decimal, *, key: str, multiplier: Decimal
) -> Leg:
    cost = price * abs(quantity)
    stop = booking.initial_stop
    # In the order of its fields: names take half as long again, and every entry comes by here.
    return _make_leg(
        key,
        booking.con_id,
        quantity,
        cost,
        multiplier,
        booking.owner,
        booking.at,
        abs(quantity),
        cost,
        ZERO,
        ZERO,
        fee,
        stop,
        stop,
        booking.plan,
    )


def _add(leg: Leg, booking: Booking, price: Decimal) -> Leg:
    added = price * abs(booking.quantity)
    return replace(
        leg,
        quantity=leg.quantity + booking.quantity,
        cost=leg.cost + added,
        entered=leg.entered + abs(booking.quantity),
        entry_notional=leg.entry_notional + added,
        fees_usd=leg.fees_usd + booking.fee_usd,
        initial_stop=booking.initial_stop if leg.initial_stop is None else leg.initial_stop,
        stop_price=booking.initial_stop if leg.stop_price is None else leg.stop_price,
        plan=booking.plan if leg.plan == NO_PLAN else leg.plan,
    )


def _reduce(leg: Leg, closing: int, price: Decimal, fee: Decimal) -> tuple[Leg, Decimal]:
    """What is left of a leg that is closed in part, and what that part realised."""
    sign = 1 if leg.quantity > 0 else -1
    released = leg.cost * closing / abs(leg.quantity)
    proceeds = price * closing
    realized = (proceeds - released) * sign * leg.multiplier
    reduced = replace(
        leg,
        quantity=leg.quantity - sign * closing,
        cost=leg.cost - released,
        exit_notional=leg.exit_notional + proceeds,
        realized_usd=leg.realized_usd + realized,
        fees_usd=leg.fees_usd + fee,
    )
    return reduced, realized


def _with_partial(partials: tuple[Partial, ...], taken: Partial) -> tuple[Partial, ...]:
    """`partials` and one more; executions of one order are one partial."""
    same = next((p for p in partials if p.order_ref and p.order_ref == taken.order_ref), None)
    if same is None:
        return (*partials, taken)
    quantity = same.quantity + taken.quantity
    price = (same.price * same.quantity + taken.price * taken.quantity) / quantity
    merged = taken._replace(price=price, quantity=quantity)
    return tuple(merged if p is same else p for p in partials)


def _close(leg: Leg, price: Decimal, fee: Decimal, booking: Booking) -> tuple[Trade, Decimal]:
    """The round trip that ends with all of a leg, and what its last part realised."""
    is_long, proceeds = leg.quantity > 0, price * abs(leg.quantity)
    realized = (proceeds - leg.cost if is_long else leg.cost - proceeds) * leg.multiplier
    entered, partials, ref = leg.entered, leg.partials, booking.order_ref
    if partials:
        # The first executions of the order that closed it looked like a partial until the last one came.
        partials = tuple(p for p in partials if not p.order_ref or p.order_ref != ref)
    trade = _make_trade(
        leg.key,
        leg.owner,
        entered if is_long else -entered,
        leg.entry_notional / entered,
        (leg.exit_notional + proceeds) / entered,
        leg.opened_at,
        booking.at,
        leg.realized_usd + realized,
        leg.fees_usd + fee,
        booking.reason,
        partials,
    )
    return trade, realized
