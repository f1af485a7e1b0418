"""Where a strategy stands in one instrument, from the position and the orders that work. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from engine.domain.order import Role
from engine.domain.position import Position
from engine.domain.quick import maker
from engine.strategy.base import Holding, StrategyView

_ENTRY = Role.ENTRY
LEAVING = frozenset({Role.EXIT, Role.FLATTEN})
"""What an order is for that closes a position because somebody wants to be out."""
make_view = maker(StrategyView)
_make_holding = maker(Holding)


def view_of(
    position: Position | None, roles: AbstractSet[Role], *, owner: str, allow_short: bool
) -> StrategyView:
    """What `owner` may see: its own position and what works. `roles` are those of the working orders."""
    own = position if position is not None and position.owner == owner else None
    return make_view(
        0 if own is None else own.quantity,
        _ENTRY in roles,
        bool(roles & LEAVING),
        allow_short,
        None if own is None else holding_of(own),
    )


def holding_of(position: Position) -> Holding:
    """A position as far as its strategy needs it."""
    plan = position.plan
    return _make_holding(
        float(position.avg_price),
        position.opened_at,
        position.stop_price,
        position.initial_stop,
        bool(position.partials),
        plan.target1,
        plan.target2,
    )
