"""Drills of the account: a stranger trades it, shares move without an order, what is true is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from engine.gateway.account_feed import publish_account
from engine.gateway.drill import Answer, Arguments, Drill
from engine.gateway.encode_market import Tick, tick_generic
from engine.gateway.model import Contract, ExecutionFilter, OrderRequest, OrderView
from engine.gateway.order_events import publish
from engine.gateway.server import GatewayServer
from engine.gateway.session import Session

_STRANGER: Final = 77
"""The client id of whoever trades the account besides us, where the command names none."""


def _external_order(server: GatewayServer, asked: Arguments) -> Answer:
    """An order of another client."""
    venue = server.venue
    contract = _contract(server, asked)
    client_id = int(asked.get("client_id", _STRANGER))
    order_id = venue.exchange.next_order_id(client_id)
    request = OrderRequest(
        client_id=client_id,
        order_id=order_id,
        con_id=contract.con_id,
        action=str(asked["action"]),
        quantity=int(asked["quantity"]),
        order_type=str(asked.get("type", "MKT")),
        limit_price=_price(asked, "limit"),
        aux_price=_price(asked, "stop"),
        tif=str(asked.get("tif", "DAY")),
        account=venue.settings.account,
        order_ref=str(asked.get("ref", "")),
    )
    publish(venue, venue.exchange.place(request, now=venue.reached))
    return {"client_id": client_id, "order_id": order_id}


def _external_cancel(server: GatewayServer, asked: Arguments) -> None:
    """Another client cancels its order."""
    venue = server.venue
    client_id, order_id = int(asked.get("client_id", _STRANGER)), int(asked["order_id"])
    publish(venue, venue.exchange.cancel(client_id, order_id, now=venue.reached))


def _external_change(server: GatewayServer, asked: Arguments) -> Answer:
    """The person at TWS changes the oldest working order whose orderRef contains `ref`, whoever placed it."""
    venue, ref = server.venue, str(asked["ref"])
    found = [order for order in venue.exchange.open_orders() if ref in order.request.order_ref]
    if not found:
        raise ValueError(f"no working order has '{ref}' in its orderRef")
    before = found[0].request
    changed = replace(
        before,
        quantity=int(asked.get("quantity", before.quantity)),
        limit_price=_price(asked, "limit") or before.limit_price,
        aux_price=_price(asked, "stop") or before.aux_price,
    )
    publish(venue, venue.exchange.place(changed, now=venue.reached))
    return {"perm_id": found[0].perm_id, "ref": before.order_ref}


def _external_position(server: GatewayServer, asked: Arguments) -> Answer | None:
    """Shares appear (`quantity` > 0) or vanish; with `executed` by an order of another client."""
    signed = int(asked["quantity"])
    if signed == 0:
        raise ValueError("quantity is 0: nothing would change")
    if asked.get("executed"):
        action = "BUY" if signed > 0 else "SELL"
        return _external_order(server, {**asked, "action": action, "quantity": abs(signed), "type": "MKT"})
    venue = server.venue
    contract = _contract(server, asked)
    price = _price(asked, "price")
    venue.exchange.move_position(contract.con_id, signed=signed, price=price, now=venue.reached)
    publish_account(venue)
    return None


def _halt(server: GatewayServer, asked: Arguments) -> None:
    """Every line of a contract hears that it is halted (kind 1), in a volatility halt (2), or trades (0)."""
    contract, kind = _contract(server, asked), int(asked.get("kind", 1))
    if kind not in {0, 1, 2}:
        raise ValueError(f"kind {kind} is not 0..2")
    server.venue.faults.halted[contract.con_id] = kind
    for session in server.venue.started():
        for request_id, line in session.subscriptions.quotes.items():
            if line.contract.con_id == contract.con_id:
                session.send(tick_generic(request_id, Tick.HALTED, kind))
        session.flush()


def _report(server: GatewayServer, asked: Arguments) -> Answer:
    """What is true at the exchange, whatever clients were told."""
    venue = server.venue
    account = venue.exchange.account(now=venue.reached)
    held = {_name(server, p.con_id): p.quantity for p in account.positions if p.quantity}
    fills = venue.exchange.executions(ExecutionFilter())
    return {
        "now": venue.reached,
        "positions": held,
        "lines": {str(s.client_id): _lines(server, s) for s in venue.started()},
        "orders": [_order(server, order) for order in venue.exchange.open_orders()],
        "done": [_order(server, order) for order in venue.exchange.completed_orders()],
        "executions": [
            [fill.exec_id, fill.request.order_ref, fill.action, fill.quantity, fill.price] for fill in fills
        ],
    }


def _lines(server: GatewayServer, session: Session) -> dict[str, list[str]]:
    """What a client is subscribed to, each line by its contract's name."""
    lines = session.subscriptions
    return {
        "quotes": sorted(_name(server, line.contract.con_id) for line in lines.quotes.values()),
        "bars": sorted(_name(server, line.contract.con_id) for line in lines.bars.values()),
    }


def _order(server: GatewayServer, order: OrderView) -> Answer:
    request = order.request
    return {
        "perm_id": order.perm_id,
        "ref": request.order_ref,
        "client_id": request.client_id,
        "symbol": _name(server, request.con_id),
        "action": request.action,
        "type": request.order_type,
        "quantity": request.quantity,
        "filled": order.filled,
        "remaining": order.remaining,
        "limit": request.limit_price,
        "stop": request.aux_price,
        "status": order.status.value,
        "held": order.why_held,
    }


def _name(server: GatewayServer, con_id: int) -> str:
    contract = server.venue.contract_of(con_id)
    return contract.local_symbol or contract.symbol


def _contract(server: GatewayServer, asked: Arguments) -> Contract:
    name = str(asked["symbol"])
    for contract in server.venue.contracts.values():
        if name in (contract.local_symbol, contract.symbol):
            return contract
    raise ValueError(f"no listed contract is called '{name}'")


def _price(asked: Arguments, key: str) -> float | None:
    told = asked.get(key)
    return None if told is None else float(told)


DRILLS: Final[Mapping[str, Drill]] = {
    "external_order": _external_order,
    "external_cancel": _external_cancel,
    "external_change": _external_change,
    "external_position": _external_position,
    "halt": _halt,
    "report": _report,
}
