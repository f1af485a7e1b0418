"""When a stop is elected and where a trailing stop stands.

The rule, stated once: a stop is elected by a print at or through it. Where a contract has had no print for
60 s, as at the start of its session, bid (for sells) and ask (for buys) elect instead.
"""

from __future__ import annotations

from engine.gateway.matching import LocalBook
from engine.gateway.model import Contract
from engine.gateway.orders import TRAIL, Order

QUIET_S = 60.0


def reference_price(book: LocalBook, order: Order, *, now: float, opened: float) -> float | None:
    """The price that elects and moves this order's stop now; None where the market gives none."""
    last = book.last
    if last is not None and now - last.ts <= QUIET_S:
        return last.price
    if book.quoted_at < opened:
        return None
    best = book.against(order.request.action).best
    return None if best is None else book.contract.price(best)


def is_elected(order: Order, price: float, contract: Contract) -> bool:
    """True where `price` is at or through the order's stop."""
    if order.stop_price is None:
        return False
    distance = contract.ticks(price) - contract.ticks(order.stop_price)
    return distance * order.sign >= 0


def trail(order: Order, price: float, contract: Contract) -> bool:
    """Move a trailing stop after `price`; True where it moved. It only ever moves toward the market."""
    request = order.request
    if request.order_type != TRAIL:
        return False
    if request.trailing_percent is not None:
        distance = price * request.trailing_percent / 100
    else:
        distance = request.aux_price or 0.0
    stop = contract.price(contract.ticks(price + order.sign * distance))
    if order.stop_price is not None and (order.stop_price - stop) * order.sign <= 0:
        return False
    order.stop_price = stop
    return True


def first_stop(order: Order) -> float | None:
    """Where an order's stop stands when it is placed; None where it has none or the market must tell."""
    request = order.request
    if request.order_type == TRAIL:
        return request.trail_stop_price
    return request.aux_price if order.waits_for_trigger else None
