"""Which protective stops a position needs, compared with those it has. Pure; the executor acts on it.

The rule: stops at the broker cover what is held less what exits on their way will take. They may exceed it
only by the unfilled rest of the entry they are attached to. Too little is a naked position; too much would
open a position of the other side when the stop fires.

An exit that does not prove itself would leave what it takes without a stop. A stop of exactly its size then
stands beside it in its one-cancels-all group: whichever fills first ends the other, so the two count once.
Such a stop is never merged with the others: at the first share the exit fills, the broker cancels it.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from engine.domain.order import Order, OrderState, Role, Side


class AddStop(NamedTuple):
    """Send a new stop for this quantity."""

    key: str
    side: Side
    quantity: int
    oca_group: str = ""
    """The group of the exit beside which it stands; empty for a stop on its own."""


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
    key: str,
    *,
    position: int,
    orders: Sequence[Order],
    stop_price: float | None = None,
    overdue: AbstractSet[str] = frozenset(),
) -> tuple[ProtectionStep, ...]:
    """What to change about the stops of `key`, given its position and all its orders that are not done.

    `stop_price` is where stops are meant to stand, on the grid; None leaves prices alone. `overdue` are the
    refs of exits that have had their time: they get a stop beside them, as those of unknown fate do. While
    a stop is of unknown fate, or an exit that no group ties to its stop, nothing is planned: the sum of both
    could overshoot, and the next pass comes soon.
    """
    stops = [o for o in orders if o.intent.role is Role.STOP]
    exits = [o for o in orders if is_exit(o)]
    unsure = [o for o in (*stops, *exits) if o.state is OrderState.UNKNOWN]
    if any(o in stops or not o.intent.oca_group for o in unsure):
        return ()
    entries = {o.intent.ref: o.remaining for o in orders if o.intent.role.adds_risk}
    side = Side.SELL if position > 0 else Side.BUY
    right = [o for o in stops if position and o.intent.side is side]
    # A stop attached to an entry that still works waits for that entry, whatever is held now.
    astray = [o for o in stops if o not in right and o.intent.parent_ref not in entries]
    wrong = tuple(CancelStop(o) for o in astray if _can_change(o))
    if position == 0:
        return wrong
    left = abs(position)
    steps: list[ProtectionStep] = [*wrong]
    for out in exits:
        taken = min(left, out.remaining)
        left -= taken
        beside = [o for o in right if _stands_beside(o, out)]
        right = [o for o in right if o not in beside]
        if beside or _is_doubtful(out, overdue):
            steps += _beside(out, beside, AddStop(key, side, taken, out.intent.oca_group), stop_price)
    own_rest = sum(entries.get(ref, 0) for ref in {o.intent.parent_ref for o in right})
    missing = left - sum(o.remaining for o in right)
    if missing > 0:
        return (*steps, *_grow(AddStop(key, side, missing), right, stop_price))
    return (*steps, *_fit(right, max(0, -missing - own_rest), stop_price))


def is_exit(order: Order) -> bool:
    """True for orders that close a position by themselves: they and the stops can fill together."""
    return not order.intent.role.adds_risk and order.intent.role is not Role.STOP


def _is_doubtful(out: Order, overdue: AbstractSet[str]) -> bool:
    """True for an exit that may never fill, and that a stop may stand beside.

    One that has begun to fill has ended its group with its first share: no stop may join that any more.
    """
    unsure = out.state is OrderState.UNKNOWN or out.intent.ref in overdue
    return unsure and bool(out.intent.oca_group) and not out.filled


def _stands_beside(stop: Order, out: Order) -> bool:
    """True where the broker ends this stop as soon as that exit fills, and the other way round."""
    return bool(out.intent.oca_group) and stop.intent.oca_group == out.intent.oca_group


def _beside(
    out: Order, stops: list[Order], wanted: AddStop, stop_price: float | None
) -> tuple[ProtectionStep, ...]:
    """The stop in the group of an exit: of exactly the size that the exit would take."""
    missing = wanted.quantity - sum(o.remaining for o in stops)
    if missing <= 0:
        return _fit(stops, -missing, stop_price)
    if out.filled:
        return ()
    return _grow(wanted._replace(quantity=missing), stops, stop_price)


def _grow(wanted: AddStop, stops: list[Order], stop_price: float | None) -> tuple[ProtectionStep, ...]:
    """One stop grows where there is one: a total said twice stays the same, a second order would double."""
    growing = next((o for o in sorted(stops, key=_age) if _can_change(o)), None)
    if growing is None:
        # Those on their way or being cancelled are counted already; what they leave open is sent anew.
        return (wanted,)
    others = [o for o in stops if o is not growing]
    price = growing.intent.stop_price if stop_price is None else stop_price
    total = growing.intent.quantity + wanted.quantity
    return (ChangeStop(growing, total, price), *_fit(others, 0, stop_price))


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
