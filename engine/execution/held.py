"""What is known of a position beside its quantity: what was entered, its plan, where its stop belongs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from engine.domain.instrument import Instrument
from engine.domain.order import Order, Role
from engine.domain.plan import NO_PLAN, Plan
from engine.domain.position import Position
from engine.domain.price import Rounding, round_to_tick
from engine.ledger.ledger import Ledger


class Held(NamedTuple):
    """One position and what its orders tell of it."""

    position: Position
    entered: int
    """Units ever entered since it was opened."""
    plan: Plan
    stop_price: float | None
    """Where its stop was last put; None where it never had one."""
    last_partial_at: datetime | None
    """When the newest partial exit was filled; None before the first."""


def held(ledger: Ledger, key: str) -> Held | None:
    """The position in `key` with everything known of it; None when flat."""
    leg = next((leg for leg in ledger.positions.legs() if leg.key == key), None)
    if leg is None:
        return None
    position = leg.position
    orders = tuple(o for o in ledger.orders.all() if o.intent.key == key)
    entry = next((o for o in reversed(orders) if o.intent.role.adds_risk and o.filled), None)
    partials = [
        f.at
        for f in ledger.positions.fills()
        if f.key == key and f.role == Role.EXIT.value and f.at >= position.opened_at
    ]
    return Held(
        position=position,
        entered=leg.entered,
        plan=NO_PLAN if entry is None else entry.intent.plan,
        stop_price=_last_stop(position, orders),
        last_partial_at=max(partials, default=None),
    )


def _last_stop(position: Position, orders: Iterable[Order]) -> float | None:
    """The price of its newest stop, done or not: a stop cancelled from outside comes back there."""
    known = {o.intent.ref: o for o in orders}
    price = position.initial_stop
    for order in known.values():
        intent, parent = order.intent, known.get(order.intent.parent_ref)
        began = parent.updated_at if parent is not None else intent.created_at
        is_its_own = began is not None and began >= position.opened_at
        if intent.role is Role.STOP and is_its_own and intent.stop_price is not None:
            price = intent.stop_price
    return price


def meant_stop(it: Held, instrument: Instrument, *, default_pct: float) -> float:
    """Where its stop belongs, on the grid and rounded away from the market: never tighter than meant.

    After the first partial of a plan that moves to break-even this is the entry price, unless the stop
    stands closer already. A position that never had a stop gets one `default_pct` percent away.
    """
    position = it.position
    is_long = position.quantity > 0
    entry = float(position.avg_price)
    price = it.stop_price
    if price is None or not math.isfinite(price):
        price = entry * (1 - default_pct / 100 * (1 if is_long else -1))
    if it.plan.moves_to_breakeven and it.last_partial_at is not None:
        price = max(price, entry) if is_long else min(price, entry)
    return round_to_tick(instrument, price, Rounding.DOWN if is_long else Rounding.UP)


def partial_quantity(*, entered: int, held: int, fraction: float) -> int:
    """Units that a partial of `fraction` of what was entered takes, rounded down; 0 where there is none.

    Raises ValueError where more is asked for than is left, or the fraction is not in (0, 1].
    """
    if not 0.0 < fraction <= 1.0:
        raise ValueError(f"a partial takes a fraction in (0, 1], not {fraction}")
    # A whisker more, so that 0.29 of 100 is 29 and not 28.
    wanted = math.floor(fraction * entered + 1e-9)
    if wanted > held:
        raise ValueError(f"{wanted} of {entered} entered were asked for, only {held} are left")
    return wanted
