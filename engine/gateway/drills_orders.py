"""Drills of orders: what befalls the next order or cancel, and fills that come when a test wants them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from engine.gateway.drill import Answer, Arguments, Drill, seconds
from engine.gateway.faults import OrderFault, OrderFaultKind
from engine.gateway.model import OrderView
from engine.gateway.order_events import publish
from engine.gateway.server import GatewayServer

_REJECTED: Final = 201
_REJECT_TEXT: Final = "Order rejected - reason:a drill asked for it"
_TIF_SET: Final = 10349
_TIF_TEXT: Final = "Order TIF was set to DAY based on order preset."
_GRID: Final = 110
_GRID_TEXT: Final = "The price does not conform to the minimum price variation for this contract."
_UNKNOWN_ID: Final = 10147
_CODES: Final[Mapping[OrderFaultKind, int]] = {
    OrderFaultKind.REJECT: _REJECTED,
    OrderFaultKind.FALSE_CANCEL: _TIF_SET,
    OrderFaultKind.REFUSE_CANCEL: _UNKNOWN_ID,
}


def _arm(server: GatewayServer, asked: Arguments, *, kind: OrderFaultKind) -> None:
    code = int(asked.get("code", _CODES.get(kind, 0)))
    count, parts, quantity = (int(asked.get(key, other)) for key, other in _NUMBERS)
    if count < 1 or parts < 1 or quantity < 0:
        raise ValueError("count and parts start at 1, quantity at 0")
    server.venue.faults.orders[kind] = OrderFault(
        left=count,
        ref=str(asked.get("ref", "")),
        code=code,
        text=str(asked.get("text") or _text_of(kind, code)),
        seconds=seconds(asked, default=0.0),
        parts=parts,
        quantity=quantity,
    )


_NUMBERS: Final = (("count", 1), ("parts", 1), ("quantity", 0))


def _text_of(kind: OrderFaultKind, code: int) -> str:
    if kind is OrderFaultKind.REJECT:
        return _REJECT_TEXT
    if kind is OrderFaultKind.FALSE_CANCEL:
        return {_TIF_SET: _TIF_TEXT, _GRID: _GRID_TEXT}.get(code, "injected by a drill")
    return ""


def _fill(server: GatewayServer, asked: Arguments) -> Answer:
    """Fill the oldest working order whose orderRef contains `ref`, at once and whatever the market says."""
    venue = server.venue
    order = _oldest(server, str(asked.get("ref", "")))
    price = asked.get("price")
    events = venue.exchange.fill(
        order.perm_id,
        quantity=int(asked.get("quantity", order.remaining)),
        price=None if price is None else float(price),
        now=venue.reached,
    )
    publish(venue, events)
    return {"perm_id": order.perm_id, "ref": order.request.order_ref}


def _oldest(server: GatewayServer, ref: str) -> OrderView:
    found = [order for order in server.venue.exchange.open_orders() if ref in order.request.order_ref]
    if not found:
        raise ValueError(f"no working order has '{ref}' in its orderRef")
    return found[0]


DRILLS: Final[Mapping[str, Drill]] = {
    **{kind.value: partial(_arm, kind=kind) for kind in OrderFaultKind},
    "fill": _fill,
}
