"""Carries orders and cancels to the exchange, with whatever a drill wants to go wrong on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from engine.gateway.faults import OrderFault, OrderFaultKind
from engine.gateway.model import (
    ExchangeEvent,
    Notice,
    OrderChanged,
    OrderRequest,
    OrderView,
    Rejected,
    Status,
)
from engine.gateway.order_events import publish
from engine.gateway.venue import Venue

_UNKNOWN_ID: Final = 10147


def refusal_of(venue: Venue, order_ref: str) -> tuple[int, str] | None:
    """The error a drill has this new order end with; None where it may pass."""
    fault = venue.faults.take(OrderFaultKind.REJECT, order_ref)
    return None if fault is None else (fault.code, fault.text)


def place(venue: Venue, request: OrderRequest) -> None:
    """Place or modify an order; held, split, kept silent or falsely refused where a drill wants it so."""
    if held := venue.faults.take(OrderFaultKind.HOLD, request.order_ref):
        if held.seconds:
            venue.late_orders.append((venue.monotonic() + held.seconds, request))
        return
    known = {order.perm_id for order in venue.exchange.open_orders()}
    if not request.parent_id and (split := venue.faults.take(OrderFaultKind.SPLIT, request.order_ref)):
        venue.exchange.split_next(split.parts)
    if not request.parent_id and (over := venue.faults.take(OrderFaultKind.OVERFILL, request.order_ref)):
        venue.exchange.overfill_next(over.quantity)
    events = venue.exchange.place(request, now=venue.reached)
    fresh = {order.perm_id for order in _accepted(events) if order.perm_id not in known}
    if fresh and (silent := venue.faults.take(OrderFaultKind.SILENT, request.order_ref)):
        until = venue.monotonic() + silent.seconds
        venue.faults.silent.update(dict.fromkeys(fresh, until))
    publish(venue, events)
    if fresh and (false := venue.faults.take(OrderFaultKind.FALSE_CANCEL, request.order_ref)):
        publish(venue, [Notice(request.client_id, request.order_id, false.code, false.text)])


def place_late(venue: Venue) -> None:
    """Place what a drill has held long enough."""
    if not venue.late_orders:
        return
    now = venue.monotonic()
    due = [request for at, request in venue.late_orders if at <= now]
    venue.late_orders = [late for late in venue.late_orders if late[0] > now]
    for request in due:
        place(venue, request)


def cancel(venue: Venue, client_id: int, order_id: int) -> None:
    """Cancel an order; refused, or told as cancelled although it had filled, where a drill wants it so."""
    order = _working(venue, client_id, order_id)
    ref = "" if order is None else order.request.order_ref
    if refused := venue.faults.take(OrderFaultKind.REFUSE_CANCEL, ref):
        publish(venue, [_cancel_refused(refused, client_id, order_id, order)])
        return
    if order is not None and _can_fill(order) and (late := venue.faults.take(OrderFaultKind.LATE_FILL, ref)):
        _cancel_after_fill(venue, order, late)
        return
    publish(venue, venue.exchange.cancel(client_id, order_id, now=venue.reached))


def is_shown(venue: Venue, perm_id: int) -> bool:
    """Whether lists may name this order yet."""
    return venue.faults.silent_until(perm_id) <= venue.monotonic()


def _accepted(events: list[ExchangeEvent]) -> list[OrderView]:
    return [event.order for event in events if isinstance(event, OrderChanged)]


def _working(venue: Venue, client_id: int, order_id: int) -> OrderView | None:
    key = (client_id, order_id)
    found = (o for o in venue.exchange.open_orders() if (o.request.client_id, o.request.order_id) == key)
    return next(found, None)


def _can_fill(order: OrderView) -> bool:
    return order.status is not Status.PENDING_SUBMIT and "child" not in order.why_held


def _cancel_refused(fault: OrderFault, client_id: int, order_id: int, order: OrderView | None) -> Rejected:
    text = fault.text or (
        f"OrderId {order_id} that needs to be cancelled is not found."
        if fault.code == _UNKNOWN_ID
        else f"OrderId {order_id} that needs to be cancelled cannot be cancelled, state: PendingSubmit."
    )
    return Rejected(client_id, order_id, fault.code, text, order)


def _cancel_after_fill(venue: Venue, order: OrderView, fault: OrderFault) -> None:
    """The cancel is confirmed at once; what the order did before it is told `seconds` later."""
    publish(venue, [OrderChanged(replace(order, status=Status.CANCELLED))])
    quantity = min(fault.quantity or order.remaining, order.remaining)
    filled = venue.exchange.fill(order.perm_id, quantity=quantity, price=None, now=venue.reached)
    ended = venue.exchange.cancel(order.request.client_id, order.request.order_id, now=venue.reached)
    told = [*filled, *(event for event in ended if not isinstance(event, Rejected))]
    publish(venue, told, later_s=fault.seconds)
