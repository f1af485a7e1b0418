"""The arithmetic of one booking: enter, add, reduce, close, flip. Average cost, no rounding of money.

Pure functions over `Leg`; the position manager decides what is booked and in which order.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from engine.domain.plan import NO_PLAN, Plan
from engine.domain.position import Partial, Trade
from engine.ledger.changes import Leg, TradeRecord

ZERO = Decimal(0)


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


def book(leg: Leg | None, booking: Booking, *, key: str, multiplier: Decimal) -> Step:
    """The position after `booking`. Through zero closes one trade and opens the next leg."""
    price = _price(leg, booking)
    if leg is None:
        opened = _open(booking, booking.quantity, price, booking.fee_usd, key=key, multiplier=multiplier)
        return Step(opened, None, ZERO, booking.fee_usd)
    if (leg.quantity > 0) == (booking.quantity > 0):
        return Step(_add(leg, booking, price), None, ZERO, booking.fee_usd)
    closing = min(abs(leg.quantity), abs(booking.quantity))
    rest = abs(booking.quantity) - closing
    # A fee is one figure for the whole execution; a flip shares it between the trade and the new leg.
    fee = booking.fee_usd * closing / abs(booking.quantity) if rest else booking.fee_usd
    reduced, realized = _reduce(leg, closing, price, fee)
    if reduced.quantity:
        taken = Partial(booking.at, price, closing, booking.reason, booking.order_ref)
        return Step(
            replace(reduced, partials=_with_partial(leg.partials, taken)), None, realized, booking.fee_usd
        )
    closed = TradeRecord(booking.booking_id, _trade(leg, reduced, booking))
    opened_leg = None
    if rest:
        signed_rest = rest if booking.quantity > 0 else -rest
        opened_leg = _open(booking, signed_rest, price, booking.fee_usd - fee, key=key, multiplier=multiplier)
    return Step(opened_leg, closed, realized, booking.fee_usd)


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
    return Leg(
        key=key,
        con_id=booking.con_id,
        quantity=quantity,
        cost=cost,
        multiplier=multiplier,
        owner=booking.owner,
        opened_at=booking.at,
        entered=abs(quantity),
        entry_notional=cost,
        exit_notional=ZERO,
        fees_usd=fee,
        initial_stop=booking.initial_stop,
        stop_price=booking.initial_stop,
        plan=booking.plan,
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
    sign = 1 if leg.quantity > 0 else -1
    released = leg.cost if closing == abs(leg.quantity) else leg.cost * closing / abs(leg.quantity)
    proceeds = price * closing
    realized = (proceeds - released) * sign * leg.multiplier
    # Spelled out: `replace` takes twice as long, and every exit comes by here.
    reduced = Leg(
        key=leg.key,
        con_id=leg.con_id,
        quantity=leg.quantity - sign * closing,
        cost=leg.cost - released,
        multiplier=leg.multiplier,
        owner=leg.owner,
        opened_at=leg.opened_at,
        entered=leg.entered,
        entry_notional=leg.entry_notional,
        exit_notional=leg.exit_notional + proceeds,
        realized_usd=leg.realized_usd + realized,
        fees_usd=leg.fees_usd + fee,
        initial_stop=leg.initial_stop,
        stop_price=leg.stop_price,
        plan=leg.plan,
        partials=leg.partials,
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


def _trade(before: Leg, closed: Leg, booking: Booking) -> Trade:
    return Trade(
        key=closed.key,
        owner=closed.owner,
        quantity=closed.entered if before.quantity > 0 else -closed.entered,
        entry_price=closed.entry_notional / closed.entered,
        exit_price=closed.exit_notional / closed.entered,
        opened_at=closed.opened_at,
        closed_at=booking.at,
        gross_usd=closed.realized_usd,
        fees_usd=closed.fees_usd,
        reason=booking.reason,
        # The first executions of the order that closed it looked like a partial until the last one came.
        partials=tuple(p for p in before.partials if not p.order_ref or p.order_ref != booking.order_ref),
    )
