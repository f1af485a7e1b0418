"""Which protective stops a position needs, compared with those it has. Pure; the executor acts on it.

The rule: stops at the broker cover what is held less what exits on their way will take. They may exceed it
only by the unfilled rest of the entry they are attached to. Too little is a naked position; too much would
open a position of the other side when the stop fires.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.domain.order import Order, OrderState, Role, Side


class AddStop(NamedTuple):
    """Send a new stop for this quantity."""

    key: str
    side: Side
    quantity: int


class ChangeStop(NamedTuple):
    """Give this stop another total quantity (filled part included) or another price; same order."""

    order: Order
    quantity: int
    stop_price: float | None


class CancelStop(NamedTuple):
    """Cancel this stop: nothing is left for it to protect."""

    order: Order


ProtectionStep = AddStop | ChangeStop | CancelStop


def plan_protection(
    key: str, *, position: int, orders: Sequence[Order], stop_price: float | None = None
) -> tuple[ProtectionStep, ...]:
    """What to change about the stops of `key`, given its position and all its orders that are not done.

    `stop_price` is where stops are meant to stand, on the grid; None leaves prices alone. While an exit or
    a stop is of unknown fate nothing is planned: the sum of both could overshoot, and the next pass comes
    soon.
    """
    stops = [o for o in orders if o.intent.role is Role.STOP]
    exits = [o for o in orders if is_exit(o)]
    if any(o.state is OrderState.UNKNOWN for o in (*stops, *exits)):
        return ()
    entries = {o.intent.ref: o.remaining for o in orders if o.intent.role.adds_risk}
    side = Side.SELL if position > 0 else Side.BUY
    right = [o for o in stops if position and o.intent.side is side]
    # A stop attached to an entry that still works waits for that entry, whatever is held now.
    astray = [o for o in stops if o not in right and o.intent.parent_ref not in entries]
    wrong = tuple(CancelStop(o) for o in astray if _can_change(o))
    if position == 0:
        return wrong
    target = max(0, abs(position) - sum(o.remaining for o in exits))
    own_rest = sum(entries.get(ref, 0) for ref in {o.intent.parent_ref for o in right})
    missing = target - sum(o.remaining for o in right)
    if missing > 0:
        return (*wrong, *_grow(key, side, right, missing, stop_price))
    return (*wrong, *_fit(right, max(0, -missing - own_rest), stop_price))


def is_exit(order: Order) -> bool:
    """True for orders that close a position by themselves: they and the stops can fill together."""
    return not order.intent.role.adds_risk and order.intent.role is not Role.STOP


def _grow(
    key: str, side: Side, stops: list[Order], missing: int, stop_price: float | None
) -> tuple[ProtectionStep, ...]:
    """One stop grows where there is one: a total said twice stays the same, a second order would double."""
    growing = next((o for o in sorted(stops, key=_age) if _can_change(o)), None)
    if growing is None:
        # Those on their way or being cancelled are counted already; what they leave open is sent anew.
        return (AddStop(key, side, missing),)
    others = [o for o in stops if o is not growing]
    price = growing.intent.stop_price if stop_price is None else stop_price
    return (ChangeStop(growing, growing.intent.quantity + missing, price), *_fit(others, 0, stop_price))


def _fit(stops: list[Order], surplus: int, stop_price: float | None) -> tuple[ProtectionStep, ...]:
    """Take the surplus from the newest first: the attached one is the oldest and keeps its queue."""
    steps: list[ProtectionStep] = []
    for order in sorted(stops, key=_age, reverse=True):
        if not _can_change(order):
            continue
        cut = min(surplus, order.remaining)
        surplus -= cut
        left = order.remaining - cut
        price = order.intent.stop_price if stop_price is None else stop_price
        if not left:
            steps.append(CancelStop(order))
        elif cut or price != order.intent.stop_price:
            steps.append(ChangeStop(order, order.filled + left, price))
    return tuple(steps)


def _age(order: Order) -> tuple[float, str]:
    return order.intent.created_at.timestamp(), order.intent.ref


def _can_change(order: Order) -> bool:
    return order.state is OrderState.WORKING
