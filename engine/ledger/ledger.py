"""The ledger: one door for everything that happened, one answer of what changed.

It holds the only truth about orders and positions. Pure: no I/O, no clock; the same event twice
changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.domain.fill import Fill
from engine.domain.order import Order, OrderIntent, OrderState, Role
from engine.domain.position import Position
from engine.domain.reasons import Reason
from engine.ledger.changes import (
    BookedFill,
    BrokerOrderRecord,
    Changes,
    Leg,
    Note,
    NoteCode,
    NoteLevel,
    StopMove,
)
from engine.ledger.events import (
    Adjustment,
    CancelRequested,
    Changed,
    CommissionReported,
    Described,
    Executed,
    FateUnknown,
    LedgerEvent,
    NeverSent,
    Refused,
    Registered,
    Resolved,
    SendingMarked,
    StatusClaimed,
    StopMoved,
)
from engine.ledger.managed import is_plain, pending_position
from engine.ledger.orders import Orders
from engine.ledger.positions import PositionManager

OPERATOR = "operator"
_ENTRY, _STOP = Role.ENTRY, Role.STOP

CLOSE_REASONS = {
    Role.STOP: Reason.STOP,
    Role.TARGET: Reason.TARGET,
    Role.EXIT: Reason.SIGNAL,
    Role.ENTRY: Reason.SIGNAL,
    Role.FLATTEN: Reason.FLATTEN,
}
"""Reason of a close by the role of the order that made it, where the order names none."""


@dataclass(frozen=True, slots=True)
class LedgerState:
    """What the store remembers of a ledger: the day's anchor and everything booked since."""

    anchors: tuple[Leg, ...] = ()
    """Positions at the beginning of the trading day."""
    described: tuple[Described, ...] = ()
    known_exec_ids: tuple[str, ...] = ()
    """Executions booked before the anchor."""
    orders: tuple[Order, ...] = ()
    broker_orders: tuple[BrokerOrderRecord, ...] = ()
    fills: tuple[BookedFill, ...] = ()
    """Executions since the anchor, in order of booking."""
    earlier_fills: tuple[Fill, ...] = ()
    """Executions before the anchor of orders that can still fill."""
    adjustments: tuple[Adjustment, ...] = ()
    stop_moves: tuple[StopMove, ...] = ()
    """Moves of protective stops since the anchor."""


class Ledger:
    """Orders and positions of one account. Not thread-safe: it lives on the engine's loop."""

    def __init__(self, state: LedgerState | None = None) -> None:
        """An empty ledger, or one that stands where `state` was stored."""
        state = state or LedgerState()
        self.orders = Orders(
            orders=state.orders,
            fills=(*state.earlier_fills, *(booked.fill for booked in state.fills)),
            broker_orders=state.broker_orders,
        )
        self.positions = PositionManager(
            anchors=state.anchors, described=state.described, known_exec_ids=state.known_exec_ids
        )
        self._replay(state)
        for order in self.orders.live():
            if not order.filled:
                self._expect(order.intent, self._stop_of(order.intent.ref), at=order.intent.created_at)
        self._handlers: dict[type, Callable[[Any], Changes]] = {
            Registered: self._on_registered,
            SendingMarked: self.orders.mark_sending,
            StatusClaimed: self.orders.on_status,
            Refused: self.orders.on_refusal,
            Executed: self._on_execution,
            CommissionReported: lambda e: self.positions.apply_commission(e.exec_id, e.amount),
            CancelRequested: lambda e: self._own(e.order_ref, OrderState.CANCEL_PENDING, e.at, ""),
            FateUnknown: lambda e: self._own(e.order_ref, OrderState.UNKNOWN, e.at, e.why),
            NeverSent: lambda e: self._own(e.order_ref, OrderState.ABANDONED, e.at, e.why),
            Resolved: self.orders.resolve,
            Changed: self.orders.change,
            Adjustment: self._on_adjustment,
            StopMoved: self.positions.move_stop,
            Described: self.positions.describe,
        }

    def _replay(self, state: LedgerState) -> None:
        """Book again what was booked since the anchor."""
        bookings: list[BookedFill | Adjustment | StopMove]
        bookings = [*state.fills, *state.adjustments, *state.stop_moves]
        for booked in sorted(bookings, key=_booked_at):
            match booked:
                case BookedFill():
                    self.positions.apply_fill(booked)
                case Adjustment():
                    self.positions.adjust(booked)
                case StopMove():
                    self.positions.put_stop(booked)

    def apply(self, event: LedgerEvent) -> Changes:
        """Take in one event; the answer lists every row to store and every line to tell."""
        changes: Changes = self._handlers[type(event)](event)
        for key, ref in self.positions.pending_refs():
            entry = self.orders.get(ref)
            if entry is None or entry.state.is_done or entry.filled:
                self.positions.drop_pending(key)
        return changes

    def surely_takes(self, event: Registered) -> bool:
        """True where `apply` raises for certain nothing; False says only that it has to be tried."""
        for intent in event.intents:
            is_entry = intent.role is _ENTRY
            if (is_entry or intent.role is _STOP) and not is_plain(intent, at=event.at):
                return False
            if is_entry and self.positions.position(intent.key) is not None:
                return False
        return True

    def start_day(self) -> tuple[Leg, ...]:
        """Begin a trading day: done orders are let go. The answer is the anchor to store."""
        self.orders.forget_done()
        return self.positions.start_day()

    def differs_from(self, stored: Iterable[Leg]) -> tuple[str, ...]:
        """Keys whose stored position row is not what the bookings add up to; empty when all agree."""
        rows = {leg.key: leg for leg in stored}
        held = {leg.key: leg for leg in self.positions.legs()}
        return tuple(sorted(key for key in rows.keys() | held.keys() if rows.get(key) != held.get(key)))

    def owned(self) -> tuple[Position, ...]:
        """Positions that an order of ours or an operator opened."""
        return tuple(p for p in self.positions.positions() if p.owner)

    def _on_registered(self, event: Registered) -> Changes:
        """Raises InvalidPositionError, and takes in nothing, where an entry cannot become a position."""
        stops = {i.parent_ref: i.stop_price for i in event.intents if i.role is Role.STOP}
        for intent in event.intents:
            if self.orders.get(intent.ref) is None:
                self._expect(intent, stops.get(intent.ref), at=event.at)
        return self.orders.register(event)

    def _expect(self, entry: OrderIntent, stop: float | None, *, at: datetime) -> None:
        """Make the position that an entry is to become; one that adds to what is held makes none."""
        if entry.role is not Role.ENTRY or self.positions.get_position(entry.key) is not None:
            return
        pending = pending_position(entry, stop=stop, at=at, terms=self.positions.terms(entry.key))
        self.positions.create_position(pending, order_ref=entry.ref)

    def _own(self, ref: str, wanted: OrderState, at: datetime, why: str) -> Changes:
        return self.orders.own_step(ref, wanted, at, why)

    def _on_execution(self, event: Executed) -> Changes:
        order = self.orders.match(event.fill.order_ref, event.fill.perm_id, event.order_id)
        fill = event.fill
        if order is not None:
            intent = order.intent
            if fill.order_ref != intent.ref or not fill.strategy or not fill.role:
                fill = replace(
                    fill,
                    order_ref=intent.ref,
                    strategy=fill.strategy or intent.strategy,
                    role=fill.role or intent.role.value,
                )
                event = event._replace(fill=fill)
        changes = self._book(fill, order, at=event.at)
        if not changes.fills:
            return changes
        if order is None:
            text = f"{fill.key}: execution {fill.exec_id} of an order that is not ours was booked"
            note = Note(NoteCode.UNKNOWN_EXECUTION, NoteLevel.ERROR, fill.key, fill.order_ref, text)
            return changes + Changes(notes=(note,))
        return self.orders.on_execution(event) + changes

    def _book(self, fill: Fill, order: Order | None, *, at: datetime) -> Changes:
        stop = None if order is None else self._stop_of(order.intent.ref)
        if order is None:
            return self.positions.apply_fill(BookedFill(fill, Reason.EXTERNAL_CLOSE.value, stop))
        reason = order.intent.reason or CLOSE_REASONS[order.intent.role].value
        changes = self.positions.apply_fill(BookedFill(fill, reason, stop, order.intent.plan), at=at)
        if not changes.adjustments:
            return changes
        notes = (Note(NoteCode.ADJUSTED, NoteLevel.WARNING, a.key, "", a.note) for a in changes.adjustments)
        return changes + Changes(notes=tuple(notes))

    def _stop_of(self, ref: str) -> float | None:
        """Price of the stop attached to an order, as placed."""
        stops = (o.intent.stop_price for o in self.orders.children(ref) if o.intent.role is Role.STOP)
        return next(stops, None)

    def _on_adjustment(self, event: Adjustment) -> Changes:
        changes = self.positions.adjust(event)
        if not changes:
            return changes
        price = "an unknown price" if event.price is None else f"{event.price}"
        text = (
            f"{event.key}: position changed by {event.quantity:+d} at {price} ({event.reason}) {event.note}"
        )
        level = NoteLevel.WARNING if event.price is not None else NoteLevel.ERROR
        return changes + Changes(notes=(Note(NoteCode.ADJUSTED, level, event.key, "", text.strip()),))


def _booked_at(booked: BookedFill | Adjustment | StopMove) -> datetime:
    return booked.fill.at if isinstance(booked, BookedFill) else booked.at
