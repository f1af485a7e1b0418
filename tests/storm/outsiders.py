"""What others do to the account while the engine trades it."""

from __future__ import annotations

from engine.domain.order import OrderType, Role, Side
from tests.storm.exchange import Exchange
from tests.storm.held import Held


def trade(exchange: Exchange, key: str, quantity: int) -> None:
    """Somebody else trades this account."""
    side = Side.BUY if quantity > 0 else Side.SELL
    held = _placed(exchange, key, side, abs(quantity), OrderType.MARKET)
    exchange.fill(held, abs(quantity))


def leave_order(exchange: Exchange, key: str) -> None:
    """Somebody else leaves an order far from the market."""
    held = _placed(exchange, key, Side.BUY, 5, OrderType.LIMIT, limit=exchange.price[key] * 0.5)
    exchange.note(f"external order {held.perm_id} in {key}")


def cancel_a_stop(exchange: Exchange) -> None:
    """Somebody cancels a stop of ours."""
    stops = [h for h in exchange.orders.values() if h.role is Role.STOP and h.is_open]
    if stops:
        held = exchange.rng.choice(stops)
        exchange.note(f"external cancel of {held.ref}")
        exchange.end(held, "Cancelled")


def _placed(
    exchange: Exchange, key: str, side: Side, quantity: int, kind: OrderType, *, limit: float | None = None
) -> Held:
    exchange.tampered[key] = exchange.now_s
    held = Held(None, "", key, side, quantity, kind, limit, None, exchange.new_perm_id(), 0)
    exchange.orders[held.perm_id] = held
    return held
