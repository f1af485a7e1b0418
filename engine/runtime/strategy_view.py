"""What a strategy is told about where it stands in one instrument, read from the books at that moment."""

from __future__ import annotations

from engine.domain.instrument import SecType
from engine.domain.order import Role, Side
from engine.domain.setup import Setup
from engine.runtime.desk import Desk
from engine.strategy.base import StrategyView
from engine.strategy.standing import view_of

_NO_ROLES: frozenset[Role] = frozenset()


def strategy_view(
    desk: Desk, *, owner: str, key: str, allow_short: bool, with_setup: bool = False
) -> StrategyView:
    """Position, working orders and, for traders of levels, attempts, as this strategy may see them."""
    position = desk.books.position(key)
    orders = desk.books.open_orders(key)
    roles = {order.intent.role for order in orders} if orders else _NO_ROLES
    view = view_of(position, roles, owner=owner, allow_short=allow_short and short_allowed(desk, key))
    setup = desk.setups.get(key)
    return view if setup is None or not with_setup else _with_attempts(view, desk, setup)


def short_allowed(desk: Desk, key: str) -> bool:
    """May the asset class of this instrument be short at all."""
    instrument = desk.instruments.get(key)
    if instrument is None:
        return False
    allowed = desk.config.risk.allow_short
    return allowed.FUT if instrument.sec_type is SecType.FUTURE else allowed.STK


def _with_attempts(view: StrategyView, desk: Desk, setup: Setup) -> StrategyView:
    past = desk.books.ledger.positions.past
    return view._replace(
        attempts_long=past.attempts(setup.key, Side.BUY, setup.resistance),
        attempts_short=past.attempts(setup.key, Side.SELL, setup.support),
        max_attempts=desk.limits().max_attempts,
    )
