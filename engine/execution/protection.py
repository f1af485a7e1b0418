"""Which protective stops a position needs, compared with those it has. Pure; the executor acts on it.

The rule: stops at the broker cover exactly the position, and may exceed it only by the
unfilled rest of the entry they are attached to. Too little is a naked position; too much would open a
position of the other side when the stop fires.
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


class ShrinkStop(NamedTuple):
    """Lower this stop's total quantity (filled part included) to `quantity`."""

    order: Order
    quantity: int


class CancelStop(NamedTuple):
    """Cancel this stop: nothing is left for it to protect."""

    order: Order


ProtectionStep = AddStop | ShrinkStop | CancelStop


def plan_protection(key: str, *, position: int, orders: Sequence[Order]) -> tuple[ProtectionStep, ...]:
    """What to change about the stops of `key`, given its position and all its orders that are not done.

    While an order that reduces the position is out, or a stop is of unknown fate, nothing is planned: the
    sum of both could overshoot, and the next pass comes soon.
    """
    stops = [o for o in orders if o.intent.role is Role.STOP]
    if any(o.intent.role in (Role.EXIT, Role.FLATTEN) for o in orders):
        return ()
    if any(o.state is OrderState.UNKNOWN for o in stops):
        return ()
    entry_rest = sum(o.remaining for o in orders if o.intent.role.adds_risk)
    if position == 0:
        return () if entry_rest else tuple(CancelStop(o) for o in stops if _can_change(o))
    side = Side.SELL if position > 0 else Side.BUY
    wrong = tuple(CancelStop(o) for o in stops if o.intent.side is not side and _can_change(o))
    right = [o for o in stops if o.intent.side is side]
    covered = sum(o.remaining for o in right)
    missing = abs(position) - covered
    if missing > 0:
        return (*wrong, AddStop(key, side, missing))
    return (*wrong, *_shrink(right, -missing - entry_rest))


def _shrink(stops: list[Order], surplus: int) -> tuple[ProtectionStep, ...]:
    """Take the surplus from the newest stops first: the attached one is the oldest and keeps its queue."""
    steps: list[ProtectionStep] = []
    for order in sorted(stops, key=lambda o: o.intent.created_at, reverse=True):
        if surplus <= 0:
            break
        if not _can_change(order):
            continue
        cut = min(surplus, order.remaining)
        surplus -= cut
        left = order.remaining - cut
        steps.append(ShrinkStop(order, order.filled + left) if left else CancelStop(order))
    return tuple(steps)


def _can_change(order: Order) -> bool:
    return order.state is OrderState.WORKING
