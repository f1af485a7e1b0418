"""Tells clients what the exchange did to their orders, in the order a real TWS tells it.

Per batch: openOrder and orderStatus of an acceptance, then execDetails, then openOrder and orderStatus of
the fill, and commissions last of all. A cancel is an orderStatus followed by error 202. Events go to the
client that owns the order, and to client 0 where it asked for automatic open orders.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from engine.gateway import encode_orders
from engine.gateway.account_feed import publish_account
from engine.gateway.model import (
    ExchangeEvent,
    Executed,
    ExecutionView,
    Notice,
    OrderChanged,
    OrderView,
    Rejected,
    Status,
)
from engine.gateway.session import Session
from engine.gateway.venue import Venue

_CANCELLED: Final = 202
_CANCELLED_TEXT: Final = "Order Canceled - reason:"


def publish(venue: Venue, events: Sequence[ExchangeEvent], *, later_s: float = 0.0) -> None:
    """Send a batch of exchange events to whom they concern.

    What a drill delays, keeps silent or wants `later_s` is held until its time has come.
    """
    if not events:
        return
    now = venue.monotonic()
    at_once: list[ExchangeEvent] = []
    for event in events:
        due = _due(venue, event, now + later_s)
        if due > now:
            venue.held_events.append((due, event))
        else:
            at_once.append(event)
    if at_once:
        _send_batch(venue, at_once)


def release_held(venue: Venue) -> None:
    """Send what was held long enough."""
    if venue.held_commissions:
        release_commissions(venue, until=venue.monotonic())
    if not venue.held_events:
        return
    now = venue.monotonic()
    due = [event for at, event in venue.held_events if at <= now]
    venue.held_events = [held for held in venue.held_events if held[0] > now]
    if due:
        _send_batch(venue, due)


def release_all(venue: Venue) -> None:
    """Send whatever is held, due or not."""
    held, venue.held_events = venue.held_events, []
    if held:
        _send_batch(venue, [event for _, event in held])


def release_commissions(venue: Venue, *, until: float = math.inf) -> None:
    """Tell what fills cost whose commission is kept back no longer than `until` (monotonic)."""
    due = [fill for at, fill in venue.held_commissions if at <= until]
    venue.held_commissions = [held for held in venue.held_commissions if held[0] > until]
    for fill in due:
        _tell_commission(venue, fill)


def is_charged(venue: Venue, exec_id: str) -> bool:
    """Whether clients may know yet what this fill cost."""
    return all(fill.exec_id != exec_id for _, fill in venue.held_commissions)


def _due(venue: Venue, event: ExchangeEvent, at: float) -> float:
    order = event.order if isinstance(event, OrderChanged | Executed | Rejected) else None
    silent_until = 0.0 if order is None else venue.faults.silent_until(order.perm_id)
    return max(at + venue.faults.order_delay_s, silent_until)


def _send_batch(venue: Venue, events: Sequence[ExchangeEvent]) -> None:
    fills: list[ExecutionView] = []
    for index, event in enumerate(events):
        if isinstance(event, Executed):
            fills.append(event.execution)
            _tell_execution(venue, event.execution)
            if not _is_told_later(event.order, events[index + 1 :]):
                tell_order(venue, event.order)
        else:
            _tell_event(venue, event)
    for fill in fills:
        if venue.faults.commission_delay_s:
            venue.held_commissions.append((venue.monotonic() + venue.faults.commission_delay_s, fill))
        else:
            _tell_commission(venue, fill)
    if fills:
        publish_account(venue)


def _tell_commission(venue: Venue, fill: ExecutionView) -> None:
    for session in _listeners(venue, fill.request.client_id):
        session.tell(encode_orders.commission_report(fill))


def _tell_event(venue: Venue, event: OrderChanged | Rejected | Notice) -> None:
    match event:
        case OrderChanged(order):
            tell_order(venue, order)
        case Rejected():
            _tell_rejection(venue, event)
        case Notice(client_id, order_id, code, text):
            for session in _listeners(venue, client_id):
                session.error(code, text, request_id=order_id)


def _is_told_later(order: OrderView, rest: Iterable[ExchangeEvent]) -> bool:
    return any(isinstance(event, OrderChanged) and event.order.perm_id == order.perm_id for event in rest)


def _listeners(venue: Venue, client_id: int) -> list[Session]:
    return [
        session
        for session in venue.started()
        if session.client_id in (client_id, venue.faults.master_client or client_id)
        or (session.client_id == 0 and session.subscriptions.all_orders)
    ]


def tell_order(venue: Venue, order: OrderView) -> None:
    """The order's present state to everyone it concerns."""
    contract = venue.contract_of(order.request.con_id)
    for session in _listeners(venue, order.request.client_id):
        if order.status is Status.CANCELLED:
            session.tell(encode_orders.order_status(order))
            session.error(_CANCELLED, _CANCELLED_TEXT, request_id=order.request.order_id)
            continue
        session.tell(encode_orders.open_order(order, contract, version=session.version))
        session.tell(encode_orders.order_status(order))


def _tell_execution(venue: Venue, fill: ExecutionView) -> None:
    contract = venue.contract_of(fill.con_id)
    for session in _listeners(venue, fill.request.client_id):
        session.tell(encode_orders.execution(fill, contract, request_id=-1, version=session.version))


def _tell_rejection(venue: Venue, event: Rejected) -> None:
    order = event.order
    for session in _listeners(venue, event.client_id):
        if order is not None and order.status.is_done:
            contract = venue.contract_of(order.request.con_id)
            session.tell(encode_orders.open_order(order, contract, version=session.version))
            session.tell(encode_orders.order_status(order))
        session.error(event.code, event.text, request_id=event.order_id)
