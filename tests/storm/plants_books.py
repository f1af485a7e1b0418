"""Planted bugs of what is written, sent and believed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from engine.broker.port import BrokerState, Fetched
from engine.domain.order import OrderState
from engine.execution import protector as protector_module
from engine.execution.books import Books
from engine.execution.sender import Sender
from engine.ledger import orders as orders_module
from engine.ledger import positions as positions_module
from engine.ledger.changes import Changes
from engine.ledger.events import NeverSent, Resolved, Source
from engine.ledger.ledger import Ledger
from engine.ledger.orders import Orders
from engine.ledger.positions import PositionManager
from engine.runtime import assembly
from engine.runtime.guards.overdue import Overdue
from engine.runtime.reconcile.account import AccountDesk
from engine.store import intents
from engine.store.store import Store
from tests.storm.line import StormBroker
from tests.storm.put import Put, true

# --- the write-ahead way ----------------------------------------------------------------------------


def persist_after_send(put: Put) -> None:
    """The row is written a moment after the bytes left."""

    async def later(self: Store, new: Any, *, at: Any, keep: bool = False) -> bool:
        loop = asyncio.get_running_loop()
        loop.call_later(0.2, lambda: loop.create_task(record(self, new, at=at, keep=True)))
        return True

    record = put.over(Store, "record_intents", later)
    put.over(Store, "mark_sending", true)


def not_marked_as_sending(put: Put) -> None:
    """The intent is durable, but not that its bytes may be out."""
    put.over(Store, "mark_sending", true)


def resend_on_silence(put: Put) -> None:
    """An order nobody answered within 3 s is sent once more."""

    async def twice(self: Sender, orders: Any, instrument: Any, *, parent_ids: Any) -> bool:
        went = await send(self, orders, instrument, parent_ids=parent_ids)

        async def again() -> None:
            order = self._books.order(orders[0][0].ref)
            if order is not None and order.state is OrderState.SENDING:
                await self._broker.place(orders, instrument, parent_ids=parent_ids)

        loop = asyncio.get_running_loop()
        loop.call_later(3.0, lambda: loop.create_task(again()))
        return bool(went)

    send = put.over(Sender, "send", twice)


def silence_is_rejection(put: Put) -> None:
    """An order nobody answered is called never sent."""

    def silent(self: Overdue) -> list[Any]:
        return [NeverSent(e.order_ref, "silence", e.at) for e in before(self)]

    before = put.over(Overdue, "silent", silent)


def absence_is_rejection(put: Put) -> None:
    """An order that the broker does not list is called rejected."""

    async def drop(self: AccountDesk, missing: frozenset[str]) -> None:
        now = self._desk.now()
        await self._desk.books.post(
            *(Resolved(r, OrderState.REJECTED, "absent", now) for r in sorted(missing))
        )

    put.over(AccountDesk, "_park", drop)


def signals_forgotten(put: Put) -> None:
    """After a restart nobody knows which signals were acted on."""

    def forgetful(given: Any) -> Any:
        made = before(given)
        made.signals_used.clear()
        return made

    before = put.over(assembly, "_desk", forgetful)


def order_ids_from_one(put: Put) -> None:
    """The highest order id used is not remembered."""
    put.over(intents, "highest_order_id", lambda _: 0)


# --- what the broker says ---------------------------------------------------------------------------


def unknown_is_empty(put: Put) -> None:
    """A picture that failed is read as an account with nothing in it."""

    async def state(self: StormBroker) -> Fetched[BrokerState]:
        answer = await before(self)
        empty = BrokerState((), (), (), (), (), (), self._exchange.now())
        return answer if answer.ok else Fetched(empty)

    before = put.over(StormBroker, "state", state)


def executions_of_the_picture_dropped(put: Put) -> None:
    """Fills of the time without a line are never asked for."""

    async def state(self: StormBroker) -> Fetched[BrokerState]:
        answer = await before(self)
        return Fetched(replace(answer.value, executions=())) if answer.value is not None else answer

    before = put.over(StormBroker, "state", state)


def first_look_believed(put: Put) -> None:
    """The second look is the first one again."""

    async def state(self: StormBroker) -> Fetched[BrokerState]:
        now_s = self._exchange.now_s
        kept = getattr(self, "_kept", None)
        if kept is None or now_s - kept[0] > 8.0:
            kept = (now_s, await before(self))
            if kept[1].ok:
                self._kept = kept  # type: ignore[attr-defined]  # the bug's own
        return kept[1]  # type: ignore[no-any-return]  # as above

    before = put.over(StormBroker, "state", state)


def executions_booked_twice(put: Put) -> None:
    """No de-duplication by execId."""
    put.over(PositionManager, "_booked_revision", lambda *_: -1)


def corrections_added(put: Put) -> None:
    """A corrected execution is one more execution."""
    put.over(positions_module, "execution_base", lambda exec_id: (exec_id, 0))


def corrections_ignored(put: Put) -> None:
    """The first word about an execution counts for ever."""

    def revision(self: PositionManager, base: str) -> int:
        return -1 if before(self, base) < 0 else 99

    before = put.over(PositionManager, "_booked_revision", revision)


def cancel_claims_believed(put: Put) -> None:
    """The library's word is the broker's."""

    def believe(self: Orders, claim: Any) -> Changes:
        return before(self, claim._replace(source=Source.BROKER))  # type: ignore[no-any-return]  # the real one

    before = put.over(Orders, "on_status", believe)


def not_found_is_cancelled(put: Put) -> None:
    """10147 is taken for the end of the order."""

    def on_error(state: OrderState, code: int, *, inactive: bool) -> Any:
        found = before(state, code, inactive=inactive)
        return (OrderState.CANCELLED, found[1]) if code == 10147 and not state.is_done else found

    before = put.over(orders_module, "on_error", on_error)


def refused_cancel_is_cancelled(put: Put) -> None:
    """10148 is taken for the end of the order."""

    def on_error(state: OrderState, code: int, *, inactive: bool) -> Any:
        found = before(state, code, inactive=inactive)
        return (OrderState.CANCELLED, found[1]) if code == 10148 and not state.is_done else found

    before = put.over(orders_module, "on_error", on_error)


def status_says_filled(put: Put) -> None:
    """An order is filled because a status says so."""

    def on_status(state: OrderState, status: str, *, refused: bool) -> Any:
        found = before(state, status, refused=refused)
        return (OrderState.FILLED, found[1]) if status == "Filled" and not state.is_done else found

    before = put.over(orders_module, "on_status", on_status)


def late_fill_ignored(put: Put) -> None:
    """A fill of an order that was called cancelled is not booked."""

    def book(self: Ledger, event: Any) -> Changes:
        order = self.orders.match(event.fill.order_ref, event.fill.perm_id, event.order_id)
        if order is not None and order.state in (OrderState.CANCELLED, OrderState.UNKNOWN):
            return Changes()
        return before(self, event)  # type: ignore[no-any-return]  # the real one

    before = put.over(Ledger, "_on_execution", book)


def order_id_is_identity(put: Put) -> None:
    """Orders are matched by their number before their reference; numbers of earlier lives included."""

    def match(self: Orders, order_ref: str, perm_id: int, order_id: int) -> Any:
        same = [o for o in self.all() if o.order_id == order_id % 7 + 1] if order_id else []
        return same[0] if same else before(self, order_ref, perm_id, order_id)

    before = put.over(Orders, "match", match)


def surfaced_orders_left(put: Put) -> None:
    """An order that surfaces after it was given up works on."""

    async def leave(self: Sender, ref: str) -> None:
        return None

    put.over(Sender, "cancel_surfaced", leave)


# --- unknown fates ----------------------------------------------------------------------------------


def unknown_not_counted(put: Put) -> None:
    """What may be out does not count."""

    def known(self: Books, key: str | None = None) -> Any:
        return tuple(o for o in before(self, key) if o.state is not OrderState.UNKNOWN)

    before = put.over(Books, "open_orders", known)


def unknown_stops_trusted(put: Put) -> None:
    """Where a stop's fate is unknown, another one is put beside it."""

    def plan(key: str, *, position: int, orders: Any, **more: Any) -> Any:
        known = [o for o in orders if o.state is not OrderState.UNKNOWN]
        return before(key, position=position, orders=known, **more)

    before = put.over(protector_module, "plan_protection", plan)


BOOKS = (
    persist_after_send,
    not_marked_as_sending,
    resend_on_silence,
    silence_is_rejection,
    absence_is_rejection,
    signals_forgotten,
    order_ids_from_one,
    unknown_is_empty,
    executions_of_the_picture_dropped,
    first_look_believed,
    executions_booked_twice,
    corrections_added,
    corrections_ignored,
    cancel_claims_believed,
    not_found_is_cancelled,
    refused_cancel_is_cancelled,
    status_says_filled,
    late_fill_ignored,
    order_id_is_identity,
    surfaced_orders_left,
    unknown_not_counted,
    unknown_stops_trusted,
)
