"""What a strategy is told about where it stands in one instrument, read from the books at that moment."""

from __future__ import annotations

from engine.domain.instrument import SecType
from engine.domain.order import Role, Side
from engine.domain.position import Position
from engine.domain.setup import Setup
from engine.runtime.desk import Desk
from engine.strategy.base import Holding, StrategyView

_LEAVING = frozenset({Role.EXIT, Role.FLATTEN})


def strategy_view(
    desk: Desk, *, owner: str, key: str, allow_short: bool, with_setup: bool = False
) -> StrategyView:
    """Position, working orders and, for traders of levels, attempts, as this strategy may see them."""
    position = desk.books.position(key)
    own = position if position is not None and position.owner == owner else None
    roles = {order.intent.role for order in desk.books.open_orders(key)}
    view = StrategyView(
        quantity=0 if own is None else own.quantity,
        entry_working=Role.ENTRY in roles,
        exit_working=bool(roles & _LEAVING),
        allow_short=allow_short and short_allowed(desk, key),
        holding=None if own is None else _holding(own),
    )
    setup = desk.setups.get(key)
    return view if setup is None or not with_setup else _with_attempts(view, desk, setup)


def short_allowed(desk: Desk, key: str) -> bool:
    """May the asset class of this instrument be short at all."""
    instrument = desk.instruments.get(key)
    if instrument is None:
        return False
    allowed = desk.config.risk.allow_short
    return allowed.FUT if instrument.sec_type is SecType.FUTURE else allowed.STK


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


def _with_attempts(view: StrategyView, desk: Desk, setup: Setup) -> StrategyView:
    past = desk.books.ledger.positions.past
    return view._replace(
        attempts_long=past.attempts(setup.key, Side.BUY, setup.resistance),
        attempts_short=past.attempts(setup.key, Side.SELL, setup.support),
        max_attempts=desk.limits().max_attempts,
    )
