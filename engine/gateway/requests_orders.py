"""Requests about orders and executions: place, modify, cancel, list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.gateway import encode_orders, order_faults
from engine.gateway.codec import FieldReader
from engine.gateway.handler import Handler
from engine.gateway.model import (
    Contract,
    ExecutionFilter,
    OrderRequest,
    OrderView,
    Rejected,
    Status,
    WhatIf,
)
from engine.gateway.order_events import is_charged, publish
from engine.gateway.parse_contracts import find_one
from engine.gateway.parse_orders import PlaceOrder, read_place_order
from engine.gateway.session import Session
from engine.gateway.venue import Venue
from engine.gateway.wire_text import parse_time

_NO_DEFINITION: Final = 200
_VALIDATION: Final = 321
_UNSUPPORTED_TYPE: Final = 387
_FRACTION: Final = 10243
_ORDER_TYPES: Final = frozenset({"MKT", "LMT", "STP", "STP LMT", "TRAIL"})
_TIMES_IN_FORCE: Final = frozenset({"DAY", "GTC", "GTD", "IOC"})
_WITH_LIMIT: Final = frozenset({"LMT", "STP LMT"})
_WITH_STOP: Final = frozenset({"STP", "STP LMT"})

Refusal = tuple[int, str]


def place_order(venue: Venue, session: Session, reader: FieldReader) -> None:
    """placeOrder (3): a new order, a modification of ours, or a what-if."""
    asked = read_place_order(reader, version=session.version)
    contract = find_one(asked.contract, venue.contracts)
    if isinstance(contract, str):
        session.error(_NO_DEFINITION, contract, request_id=asked.order_id)
        return
    refusal = _refusal(asked)
    if refusal is None and not asked.what_if:
        refusal = order_faults.refusal_of(venue, asked.order_ref)
    if refusal is not None:
        session.error(*refusal, request_id=asked.order_id)
        return
    request = _order_request(asked, contract, client_id=session.client_id or 0, venue=venue)
    if request.what_if:
        _answer_what_if(venue, session, request, contract)
        return
    order_faults.place(venue, request)


def _refusal(asked: PlaceOrder) -> Refusal | None:
    if asked.unsupported:
        names = ", ".join(asked.unsupported)
        return _invalid(f"the simulated exchange does not support: {names}. The order was not placed")
    if asked.order_type not in _ORDER_TYPES:
        return _UNSUPPORTED_TYPE, "Unsupported order type for this exchange and security type."
    if asked.action not in {"BUY", "SELL"}:
        return _invalid(f"action '{asked.action}' is neither BUY nor SELL")
    if not float(asked.quantity).is_integer():
        return _FRACTION, "Fractional-sized order cannot be placed via API."
    if asked.tif not in _TIMES_IN_FORCE:
        return _invalid(f"time in force '{asked.tif}' is not supported; use DAY, GTC, GTD or IOC")
    return _missing_price(asked)


def _missing_price(asked: PlaceOrder) -> Refusal | None:
    if asked.order_type in _WITH_LIMIT and asked.limit_price is None:
        return _invalid(f"a {asked.order_type} order needs lmtPrice")
    if asked.order_type in _WITH_STOP and not asked.aux_price:
        return _invalid(f"a {asked.order_type} order needs auxPrice, its stop price")
    if asked.order_type == "TRAIL" and not (asked.aux_price or asked.trailing_percent):
        return _invalid("a TRAIL order needs auxPrice (an amount) or trailingPercent")
    if asked.tif == "GTD" and asked.good_till is None:
        return _invalid("a GTD order needs goodTillDate")
    return None


def _invalid(cause: str) -> Refusal:
    return _VALIDATION, f"Error validating request.-'placeOrder' : cause - {cause}"


def _order_request(asked: PlaceOrder, contract: Contract, *, client_id: int, venue: Venue) -> OrderRequest:
    kind = asked.order_type
    is_trailing = kind == "TRAIL"
    return OrderRequest(
        client_id=client_id,
        order_id=asked.order_id,
        con_id=contract.con_id,
        action=asked.action,
        quantity=int(asked.quantity),
        order_type=kind,
        limit_price=asked.limit_price if kind in _WITH_LIMIT else None,
        aux_price=(asked.aux_price or None) if kind in _WITH_STOP or is_trailing else None,
        trail_stop_price=asked.trail_stop_price if is_trailing else None,
        trailing_percent=asked.trailing_percent if is_trailing else None,
        tif=asked.tif,
        good_till=asked.good_till,
        oca_group=asked.oca_group,
        oca_type=asked.oca_type,
        account=asked.account or venue.settings.account,
        order_ref=asked.order_ref,
        transmit=asked.transmit,
        parent_id=asked.parent_id,
        outside_rth=asked.outside_rth,
        what_if=asked.what_if,
    )


def _answer_what_if(venue: Venue, session: Session, request: OrderRequest, contract: Contract) -> None:
    effect = venue.exchange.what_if(request, now=venue.reached)
    if isinstance(effect, Rejected):
        session.error(effect.code, effect.text, request_id=request.order_id)
        return
    session.send(
        encode_orders.open_order(
            _unplaced(request), contract, version=session.version, what_if=_rounded(effect)
        )
    )


def _rounded(effect: WhatIf) -> WhatIf:
    return WhatIf(
        initial_before=round(effect.initial_before, 2),
        maintenance_before=round(effect.maintenance_before, 2),
        equity_before=round(effect.equity_before, 2),
        initial_change=round(effect.initial_change, 2),
        maintenance_change=round(effect.maintenance_change, 2),
        equity_change=round(effect.equity_change, 2),
        commission=round(effect.commission, 4),
        warning=effect.warning,
    )


def _unplaced(request: OrderRequest) -> OrderView:
    return OrderView(
        request=request,
        perm_id=0,
        status=Status.PRE_SUBMITTED,
        filled=0,
        remaining=request.quantity,
        avg_fill_price=0.0,
        last_fill_price=0.0,
    )


def cancel_order(venue: Venue, session: Session, reader: FieldReader) -> None:
    """cancelOrder (4): of this client's own orders only."""
    reader.integer("version")
    order_id = reader.integer("orderId")
    order_faults.cancel(venue, session.client_id or 0, order_id)


def cancel_all(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqGlobalCancel (58): every working order of the account, whoever owns it."""
    publish(venue, venue.exchange.cancel_all(now=venue.reached))


def open_orders(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqOpenOrders (5): this client's own."""
    _list_orders(venue, session, everyone=False)


def all_open_orders(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqAllOpenOrders (16): everybody's."""
    _list_orders(venue, session, everyone=True)


def auto_open_orders(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqAutoOpenOrders (15): client 0 hears of every client's orders from now on."""
    reader.integer("version")
    wanted = reader.flag("autoBind")
    if session.client_id != 0:
        session.error(_VALIDATION, "Error validating request.-'autoOpenOrders' : only client 0 may bind")
        return
    session.subscriptions.all_orders = wanted


def _list_orders(venue: Venue, session: Session, *, everyone: bool) -> None:
    for order in venue.exchange.open_orders():
        is_asked = everyone or order.request.client_id == session.client_id
        if is_asked and order_faults.is_shown(venue, order.perm_id):
            contract = venue.contract_of(order.request.con_id)
            session.send(encode_orders.open_order(order, contract, version=session.version))
            session.send(encode_orders.order_status(order))
    session.reply(53, 1)


def completed_orders(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqCompletedOrders (99): everything here was placed over the API, so its flag changes nothing."""
    for order in venue.exchange.completed_orders():
        if not order_faults.is_shown(venue, order.perm_id):
            continue
        contract = venue.contract_of(order.request.con_id)
        session.send(encode_orders.completed_order(order, contract, version=session.version))
    session.reply(102)


def executions(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqExecutions (7): today's fills that match the filter, each with its commission."""
    reader.integer("version")
    request_id = reader.integer("reqId")
    wanted = ExecutionFilter(
        client_id=reader.integer("clientId"),
        account=reader.text("acctCode"),
        since=parse_time(reader.text("time"), name="time"),
        symbol=reader.text("symbol").upper(),
        sec_type=reader.text("secType"),
        exchange=reader.text("exchange"),
        action=reader.text("side"),
    )
    fills = [f for f in venue.exchange.executions(wanted) if order_faults.is_shown(venue, f.perm_id)]
    for fill in fills:
        contract = venue.contract_of(fill.con_id)
        session.send(encode_orders.execution(fill, contract, request_id=request_id, version=session.version))
    for fill in fills:
        if is_charged(venue, fill.exec_id):
            session.send(encode_orders.commission_report(fill))
    session.reply(55, 1, request_id)


def next_ids(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqIds (8)."""
    tell_next_id(venue, session)


def tell_next_id(venue: Venue, session: Session) -> None:
    """nextValidId (9); too low by as much as a drill asked for."""
    next_id = venue.exchange.next_order_id(session.client_id or 0) - venue.faults.order_id_rollback
    session.reply(9, 1, max(1, next_id))


HANDLERS: Final[Mapping[int, Handler]] = {
    3: place_order,
    4: cancel_order,
    5: open_orders,
    7: executions,
    8: next_ids,
    15: auto_open_orders,
    16: all_open_orders,
    58: cancel_all,
    99: completed_orders,
}
