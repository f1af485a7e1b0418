"""How much of a position a working stop at the broker covers. Asked of proven orders only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from engine.domain.order import Order, OrderState, OrderType
from engine.domain.position import Position

_STOP_TYPES = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAIL})


class Protection(NamedTuple):
    """The cover of one position."""

    protected: int
    """Units of it that working stops cover, never more than it has."""
    stop_quantity: int
    """Units all its working stops could trade; more than the position would flip it."""
    stop_price: float | None
    """Trigger of the stop that the market would reach last: the worst price the cover lets happen."""


def protection(position: Position, orders: Iterable[Order]) -> Protection:
    """What protects `position`, by orders the broker said it holds.

    An order that is only sent, being cancelled or of unknown fate protects nothing.
    """
    stops = [order for order in orders if _covers(order, position)]
    quantity = sum(order.remaining for order in stops)
    prices = [o.intent.stop_price for o in stops if o.intent.stop_price is not None]
    far = (min if position.quantity > 0 else max)(prices, default=None)
    return Protection(min(quantity, abs(position.quantity)), quantity, far)


def _covers(order: Order, position: Position) -> bool:
    intent = order.intent
    closes = intent.side.sign * position.quantity < 0
    return (
        order.state is OrderState.WORKING
        and intent.key == position.key
        and intent.order_type in _STOP_TYPES
        and closes
    )
