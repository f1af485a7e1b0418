"""Every order of ours and where it stands by what is proven, matched by orderRef, permId, order id.

Broker input never raises here: what cannot be right is ignored and becomes a note.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Final

from engine.domain.fill import Fill, execution_base
from engine.domain.order import Order, OrderIntent, OrderState
from engine.ledger.changes import (
    BrokerOrderRecord,
    Changes,
    Note,
    NoteCode,
    NoteLevel,
    OrderEventRecord,
)
from engine.ledger.events import (
    Changed,
    Executed,
    Refused,
    Registered,
    Resolved,
    SendingMarked,
    Source,
    StatusClaimed,
)
from engine.ledger.notes import contradiction_note, order_fill_notes, state_note
from engine.ledger.order_steps import Verdict, is_rejection, on_error, on_fill, on_own_step, on_status
from engine.ledger.perms import PermIds

_ENGINE: Final = "engine"


class Orders:
    """All orders of the day and everything not done. Single writer: the ledger."""

    def __init__(
        self,
        *,
        orders: Iterable[Order] = (),
        fills: Iterable[Fill] = (),
        broker_orders: Iterable[BrokerOrderRecord] = (),
    ) -> None:
        """Start from stored orders, their executions and the permIds they had at the broker."""
        self._orders: dict[str, Order] = {o.intent.ref: o for o in orders}
        # Kept beside them: asked for on the way of every order, when the day is long and few are out.
        self._live: dict[str, Order] = {r: o for r, o in self._orders.items() if not o.state.is_done}
        self._perms = PermIds()
        # Order ids are handles of one session: those of earlier sessions are never matched by.
        self._by_order_id: dict[int, str] = {}
        self._executed: dict[str, dict[str, Fill]] = {}
        self._last_said: dict[tuple[str, int, str], tuple[str, int, str]] = {}
        self._records: dict[int, BrokerOrderRecord] = {}
        self._refused: set[str] = set()
        self._inactive: set[str] = set()
        self._claimed_cancelled: set[str] = set()
        self._children: dict[str, list[str]] = {}
        for order in self._orders.values():
            self._link(order.intent)
            if order.perm_id:
                self._perms.put(order.perm_id, order.intent.ref)
        for record in broker_orders:
            self._perms.put(record.perm_id, record.order_ref)
            self._records[record.perm_id] = record
        for fill in fills:
            self._remember(fill)

    # --- reading -----------------------------------------------------------------------------

    def get(self, ref: str) -> Order | None:
        """The order of this orderRef, or None."""
        return self._orders.get(ref)

    def all(self) -> tuple[Order, ...]:
        """Every order known, in order of registration."""
        return tuple(self._orders.values())

    def live(self) -> tuple[Order, ...]:
        """Orders that can still fill: everything not done, UNKNOWN included."""
        return tuple(self._live.values())

    def children(self, ref: str) -> tuple[Order, ...]:
        """Orders attached to `ref` (its bracket)."""
        return tuple(self._orders[child] for child in self._children.get(ref, ()))

    def match(self, order_ref: str, perm_id: int, order_id: int) -> Order | None:
        """Our order by orderRef, then permId, then the order id of this session."""
        if order_ref:
            return self._orders.get(order_ref)
        ref = self._perms.ref(perm_id) if perm_id else None
        if ref is None and order_id:
            ref = self._by_order_id.get(order_id)
        return None if ref is None else self._orders.get(ref)

    def is_claimed_cancelled(self, ref: str) -> bool:
        """True where the library calls it cancelled and the broker has not spoken yet."""
        return ref in self._claimed_cancelled

    def perm_ids(self, ref: str) -> tuple[int, ...]:
        """Every permId seen under this orderRef; more than one is a duplicate at the broker."""
        return self._perms.of(ref)

    def extras(self, ref: str) -> tuple[BrokerOrderRecord, ...]:
        """Orders at the broker under this orderRef beside the first, as last heard of."""
        first = self._orders[ref].perm_id
        return tuple(r for r in self._records_of(ref) if r.perm_id != first)

    def claimed_filled(self, ref: str) -> int:
        """Sum over its orders at the broker of what their statuses said has filled."""
        return sum(record.filled for record in self._records_of(ref))

    def latest_done(self, count: int) -> tuple[Order, ...]:
        """The newest orders that are done, newest first; looks no further back than it must."""
        return tuple(islice((o for o in reversed(self._orders.values()) if o.state.is_done), count))

    # --- our own acts ------------------------------------------------------------------------

    def register(self, event: Registered) -> Changes:
        """Durable intents become PENDING orders; a ref already known is left alone."""
        new = [
            Order(intent, OrderState.PENDING, updated_at=event.at)
            for intent in event.intents
            if intent.ref not in self._orders
        ]
        for order in new:
            self._store(order)
            self._link(order.intent)
        said = [_event(order, event.at, _ENGINE, "", "") for order in new]
        return Changes(orders=tuple(new), order_events=tuple(said))

    def mark_sending(self, event: SendingMarked) -> Changes:
        """The bytes may leave from now on, under these order ids."""
        steps = []
        for ref, order_id in event.order_ids:
            step = self.own_step(ref, OrderState.SENDING, event.at, "", order_id=order_id)
            if step.orders:
                self._by_order_id[order_id] = ref
            steps.append(step)
        # Own steps change orders and nothing else: adding up whole changes takes longer than making these.
        return Changes(
            orders=tuple([order for step in steps for order in step.orders]),
            order_events=tuple([said for step in steps for said in step.order_events]),
            notes=tuple([note for step in steps for note in step.notes]),
        )

    def own_step(
        self, ref: str, wanted: OrderState, at: datetime, why: str, *, order_id: int | None = None
    ) -> Changes:
        """Sending, cancel asked, fate unknown, proven never sent; an illegal step becomes a note."""
        order = self._orders.get(ref)
        if order is None:
            return _notes(
                NoteCode.UNMATCHED_ORDER, NoteLevel.ERROR, "", ref, f"no order {ref} to mark {wanted}"
            )
        state, verdict = on_own_step(order.state, wanted)
        if state is OrderState.CANCEL_PENDING:
            # If it ends now it ends by our cancel, whatever was refused before (a modify, say).
            self._refused.discard(ref)
        if verdict is Verdict.ILLEGAL:
            text = f"{order.intent.key}: {ref} is {order.state}, not marked {wanted}"
            return _notes(NoteCode.ILLEGAL_STEP, NoteLevel.WARNING, order.intent.key, ref, text)
        return self._advance(order, state, at, source=_ENGINE, status="", message=why, order_id=order_id)

    def resolve(self, event: Resolved) -> Changes:
        """Take over what reconciliation or a person proved; a done order stays done."""
        order = self._orders.get(event.order_ref)
        if order is None or order.state.is_done:
            return Changes()
        self._claimed_cancelled.discard(event.order_ref)
        return self._advance(order, event.state, event.at, source=_ENGINE, status="", message=event.why)

    def change(self, event: Changed) -> Changes:
        """The order now has this price or quantity; one whose new total is filled already is FILLED."""
        order = self._orders.get(event.intent.ref)
        if order is None or order.state.is_done or order.intent == event.intent:
            return Changes()
        is_filled = order.filled >= event.intent.quantity
        state = OrderState.FILLED if is_filled else order.state
        order = self._store(replace(order, intent=event.intent, state=state, updated_at=event.at))
        return Changes(orders=(order,), order_events=(_event(order, event.at, _ENGINE, "modified", ""),))

    def forget_done(self) -> None:
        """Let go of orders that are done; a word or a fill about one that comes later finds no match."""
        done = {ref for ref, order in self._orders.items() if order.state.is_done}
        self._orders = {ref: order for ref, order in self._orders.items() if ref not in done}
        self._perms.forget(done)
        self._by_order_id = {number: ref for number, ref in self._by_order_id.items() if ref not in done}
        self._records = {perm: r for perm, r in self._records.items() if r.order_ref not in done}
        self._last_said = {heard: said for heard, said in self._last_said.items() if heard[0] not in done}
        self._executed = {ref: fills for ref, fills in self._executed.items() if ref not in done}
        self._children = {}
        for order in self._orders.values():
            self._link(order.intent)
        for flagged in (self._refused, self._inactive, self._claimed_cancelled):
            flagged.difference_update(done)

    # --- the broker's words ------------------------------------------------------------------

    def on_status(self, claim: StatusClaimed) -> Changes:
        """A status of an order. The library's own words change nothing but a flag."""
        order = self.match(claim.order_ref, claim.perm_id, claim.order_id)
        if order is None:
            text = f"order {claim.order_ref or claim.perm_id or claim.order_id} ({claim.status}) is not ours"
            return _notes(NoteCode.UNMATCHED_ORDER, NoteLevel.WARNING, "", claim.order_ref, text)
        ref = order.intent.ref
        said = (claim.status, claim.filled, claim.message)
        news = self._is_news(ref, claim.perm_id, claim.source.value, said)
        if claim.source is Source.LIBRARY:
            return self._library_claim(order, claim) if news else Changes()
        if order.perm_id and claim.perm_id not in (0, order.perm_id):
            # A second order at the broker under one reference: what becomes of it says nothing of the first.
            return self._record_perm(order, claim) if news else Changes()
        self._claimed_cancelled.discard(ref)
        (self._inactive.add if claim.status == "Inactive" else self._inactive.discard)(ref)
        state, verdict = on_status(order.state, claim.status, refused=ref in self._refused)
        if state is order.state and not news:
            return Changes()
        changes = self._record_perm(order, claim)
        order = self._orders[ref]
        if verdict is Verdict.CONTRADICTION:
            changes += Changes(notes=(contradiction_note(order, claim),))
        return changes + self._advance(
            order, state, claim.at, source=claim.source.value, status=claim.status, message=claim.message
        )

    def on_refusal(self, refusal: Refused) -> Changes:
        """An error that names one of our orders."""
        order = self.match(refusal.order_ref, 0, refusal.order_id)
        if order is None:
            text = f"error {refusal.code} for order {refusal.order_id}, which is not ours: {refusal.text}"
            return _notes(NoteCode.UNMATCHED_ORDER, NoteLevel.WARNING, "", refusal.order_ref, text)
        ref = order.intent.ref
        message = f"{refusal.code} {refusal.text}".strip()
        news = self._is_news(ref, 0, "error", (message, 0, ""))
        if is_rejection(refusal.code):
            self._refused.add(ref)
        state, verdict = on_error(order.state, refusal.code, inactive=ref in self._inactive)
        if state is order.state and not news:
            return Changes()
        notes = Changes()
        if verdict is Verdict.CANCEL_REFUSED:
            text = f"{order.intent.key}: cancel of {ref} refused ({message}); the order is {state}"
            notes = _notes(NoteCode.CANCEL_REFUSED, NoteLevel.WARNING, order.intent.key, ref, text)
        return notes + self._advance(
            order, state, refusal.at, source=Source.BROKER.value, status=str(refusal.code), message=message
        )

    def on_execution(self, event: Executed) -> Changes:
        """An execution that the position manager booked: sums, state, and what is odd about it."""
        order = self.match(event.fill.order_ref, event.fill.perm_id, event.order_id)
        if order is None:
            return Changes()
        ref = order.intent.ref
        self._remember(event.fill if event.fill.order_ref == ref else replace(event.fill, order_ref=ref))
        filled, average = self._sums(ref)
        state = on_fill(order.state, filled=filled, quantity=order.intent.quantity)
        notes = order_fill_notes(order, event.fill, filled)
        # Spelled out: `replace` takes twice as long, and every execution comes by here.
        changed = Order(
            order.intent,
            state,
            order_id=order.order_id,
            perm_id=order.perm_id or event.fill.perm_id,
            filled=filled,
            avg_fill_price=average,
            updated_at=event.at,
            message=order.message,
        )
        if event.fill.perm_id:
            self._perms.put(event.fill.perm_id, ref)
        self._store(changed)
        record = _event(changed, event.at, Source.BROKER.value, "execution", event.fill.exec_id)
        return Changes(orders=(changed,), order_events=(record,), notes=notes)

    # --- inside ------------------------------------------------------------------------------

    def _records_of(self, ref: str) -> tuple[BrokerOrderRecord, ...]:
        found = (self._records.get(perm) for perm in self._perms.seen(ref))
        return tuple(record for record in found if record is not None and record.order_ref == ref)

    def _is_news(self, ref: str, perm_id: int, source: str, said: tuple[str, int, str]) -> bool:
        """False where the same voice just said the very same thing."""
        if self._last_said.get((ref, perm_id, source)) == said:
            return False
        self._last_said[ref, perm_id, source] = said
        return True

    def _library_claim(self, order: Order, claim: StatusClaimed) -> Changes:
        record = _event(order, claim.at, Source.LIBRARY.value, claim.status, claim.message)
        changes = Changes(order_events=(record,))
        is_cancel = claim.status in {"Cancelled", "ApiCancelled", "Inactive"}
        if order.state.is_done or not is_cancel:
            return changes
        self._claimed_cancelled.add(order.intent.ref)
        text = (
            f"{order.intent.key}: the client library calls {order.intent.ref} {claim.status} "
            f"({claim.message or 'no reason'}); it counts as {order.state} until the broker says so"
        )
        return changes + _notes(
            NoteCode.CLAIMED_CANCELLED, NoteLevel.WARNING, order.intent.key, order.intent.ref, text
        )

    def _record_perm(self, order: Order, claim: StatusClaimed) -> Changes:
        if not claim.perm_id:
            return Changes()
        ref = order.intent.ref
        known = self.perm_ids(ref)
        self._perms.put(claim.perm_id, ref)
        old = self._records.get(claim.perm_id)
        record = BrokerOrderRecord(
            perm_id=claim.perm_id,
            order_ref=ref,
            order_id=claim.order_id,
            client_id=claim.client_id,
            status=claim.status,
            # A late status must not take back what was already reported as filled.
            filled=max(claim.filled, old.filled if old else 0),
            avg_fill_price=claim.avg_fill_price,
            at=claim.at,
        )
        self._records[claim.perm_id] = record
        changes = Changes(broker_orders=(record,))
        order_id = order.order_id or claim.order_id
        if not order.perm_id or order.order_id != order_id:
            # A row of its own, or nobody would store it. A lost record is cancelled by the broker's number.
            named = replace(order, perm_id=order.perm_id or claim.perm_id, order_id=order_id)
            changes += Changes(orders=(self._store(named),))
        if known and claim.perm_id not in known:
            text = f"{order.intent.key}: {ref} has a second order at the broker, permId {claim.perm_id}"
            changes += _notes(NoteCode.DUPLICATE_ORDER, NoteLevel.CRITICAL, order.intent.key, ref, text)
        return changes

    def _advance(
        self,
        order: Order,
        state: OrderState,
        at: datetime,
        *,
        source: str,
        status: str,
        message: str,
        order_id: int | None = None,
    ) -> Changes:
        heard, message = message, message or order.message
        if state is order.state and message == order.message:
            # Said again after a reconnect: kept as an event, but the order's time stays.
            said = (_event(order, at, source, status, heard),) if status else ()
            return Changes(order_events=said)
        number = order.order_id if order_id is None else order_id
        changed = self._store(order.moved(state, order_id=number, at=at, message=message))
        notes = (state_note(changed, order.state),) if state is not order.state else ()
        return Changes(
            orders=(changed,), order_events=(_event(changed, at, source, status, heard),), notes=notes
        )

    def _store(self, order: Order) -> Order:
        ref = order.intent.ref
        self._orders[ref] = order
        if order.state.is_done:
            self._live.pop(ref, None)
        else:
            self._live[ref] = order
        if order.perm_id:
            self._perms.put(order.perm_id, ref)
        return order

    def _link(self, intent: OrderIntent) -> None:
        if intent.parent_ref:
            self._children.setdefault(intent.parent_ref, []).append(intent.ref)

    def _remember(self, fill: Fill) -> None:
        base, _ = execution_base(fill.exec_id)
        self._executed.setdefault(fill.order_ref, {})[base] = fill

    def _sums(self, ref: str) -> tuple[int, float]:
        fills = self._executed.get(ref, {}).values()
        filled = sum(f.quantity for f in fills)
        notional = sum(f.quantity * f.price for f in fills)
        return filled, float(notional / filled) if filled else 0.0


_WORD = {state: state.value for state in OrderState}
"""An enum's value is two calls, and each step of each order names one."""


def _event(order: Order, at: datetime, source: str, status: str, message: str) -> OrderEventRecord:
    return OrderEventRecord(order.intent.ref, at, source, status or _WORD[order.state], order.filled, message)


def _notes(code: NoteCode, level: NoteLevel, key: str, ref: str, text: str) -> Changes:
    return Changes(notes=(Note(code, level, key, ref, text),))
