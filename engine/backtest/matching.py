"""What one order does against one price or one bar: the only place that says when a recorded price fills.

Pure. Where a bar leaves open what came first, the worse of it is taken: a stop fills at its price or at the
open beyond it; a limit fills at its price or at an open better than it, and only if price goes *through* it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.domain.order import OrderType

_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT
_STOP, _STOP_LIMIT = OrderType.STOP, OrderType.STOP_LIMIT


class Terms(NamedTuple):
    """An order as the matcher needs it."""

    kind: OrderType
    sign: int
    """+1 buys, -1 sells."""
    limit: float | None = None
    stop: float | None = None
    triggered: bool = False
    """Its stop was reached before: from then on it is a limit (or a market) order."""


class Answer(NamedTuple):
    """What became of an order at a price or in a bar."""

    price: float | None
    """Where it trades, before slippage; None where it does not."""
    triggered: bool = False
    """Its stop is reached, now or before."""


NOTHING: Final = Answer(None)


def at_touch(order: Terms, price: float) -> Answer:
    """Against the one price at which it may trade this moment: the ask for a buyer, the bid for a seller.

    Raises ValueError for a kind of order that the matcher does not know.
    """
    kind, sign, limit, stop, triggered = order
    if kind is _MARKET:
        return Answer(price)
    if kind is _LIMIT:
        return Answer(price) if limit is not None and sign * (limit - price) >= 0 else NOTHING
    if kind is not _STOP and kind is not _STOP_LIMIT:
        raise ValueError(f"{kind.value} orders are not matched")
    triggered = triggered or (stop is not None and sign * (price - stop) >= 0)
    if not triggered:
        return NOTHING
    if kind is _STOP or (limit is not None and sign * (limit - price) >= 0):
        return Answer(price, triggered)
    return Answer(None, triggered)


def at_open(order: Terms, open_: float) -> Answer:
    """Against the first print of a bar: as at a touch, but a limit wants a print better than itself."""
    answer = at_touch(order, open_)
    # A print at the limit itself may have been somebody else's turn.
    if order.limit is not None and answer.price == order.limit and order.kind is not _STOP:
        return Answer(None, answer.triggered)
    return answer


def inside(order: Terms, high: float, low: float) -> Answer:
    """Against the rest of a bar, after its open did not fill it.

    A stop fills at its price. A stop-limit that triggers here fills at its stop where the limit allows that,
    else it waits: whether the bar came back to its limit afterwards nobody knows.
    """
    kind, sign, limit, stop, triggered = order
    if kind is _MARKET:
        return NOTHING
    best, worst = (low, high) if sign > 0 else (high, low)
    if kind is _LIMIT or (kind is _STOP_LIMIT and triggered):
        through = limit is not None and sign * (limit - best) > 0
        return Answer(limit if through else None, triggered)
    if stop is None or sign * (worst - stop) < 0:
        return NOTHING
    if kind is _STOP or (limit is not None and sign * (limit - stop) >= 0):
        return Answer(stop, triggered=True)
    return Answer(None, triggered=True)


def reach(order: Terms) -> tuple[float | None, float | None]:
    """Below which low and above which high an order can do anything; (None, None): at any price."""
    kind, sign, limit, stop, triggered = order
    if kind is _MARKET or (kind is _STOP and triggered):
        return None, None
    is_limit = kind is _LIMIT or (kind is _STOP_LIMIT and triggered)
    price = limit if is_limit else stop
    return (price, None) if (sign > 0) is is_limit else (None, price)
