"""Where a strategy stands in one instrument, from the position and the orders that work. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from engine.domain.order import Role
from engine.domain.position import Position
from engine.strategy.base import Holding, StrategyView

_ENTRY = Role.ENTRY
_LEAVING = frozenset({Role.EXIT, Role.FLATTEN})


def view_of(
    position: Position | None, roles: AbstractSet[Role], *, owner: str, allow_short: bool
) -> StrategyView:
    """What `owner` may see: its own position and what works. `roles` are those of the working orders."""
    own = position if position is not None and position.owner == owner else None
    return StrategyView(
        0 if own is None else own.quantity,
        _ENTRY in roles,
        bool(roles & _LEAVING),
        allow_short,
        None if own is None else _holding(own),
    )


def _holding(position: Position) -> Holding:
    return Holding(
        entry_price=float(position.avg_price),
        opened_at=position.opened_at,
        stop_price=position.stop_price,
        initial_stop=position.initial_stop,
        has_partial=bool(position.partials),
        target1=position.plan.target1,
        target2=position.plan.target2,
    )
