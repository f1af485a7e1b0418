"""Where the broker's callbacks arrive: market data goes on at once, order events into the books in order."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from engine.api import Level, Mode
from engine.broker.port import (
    AccountValue,
    BrokerEvent,
    BrokerPosition,
    Commission,
    DataType,
    Execution,
    LineRefused,
    LinkEvent,
    Notice,
    OrderClaim,
    OrderRefusal,
    ProductHalt,
)
from engine.domain.market import Bar, Depth, Print, Quote
from engine.ledger.changes import Changes, NoteCode, NoteLevel
from engine.ledger.events import (
    Changed,
    CommissionReported,
    Executed,
    LedgerEvent,
    Refused,
    Source,
    StatusClaimed,
)
from engine.market.feed import NO_LINE_LEFT, NO_PRICES
from engine.runtime.breakers.broker_codes import level_of_code
from engine.runtime.desk import Desk
from engine.runtime.guards.moved_stop import moved_outside
from engine.runtime.health.products import keep_status
from engine.runtime.process.late_log import LateLog

_log = structlog.get_logger("engine")

_LEVEL_OF_NOTE = {
    NoteLevel.INFO: Level.INFO,
    NoteLevel.WARNING: Level.WARNING,
    NoteLevel.ERROR: Level.ERROR,
    NoteLevel.CRITICAL: Level.CRITICAL,
}

_FILL_NOTES = frozenset({NoteCode.FILL, NoteCode.TRADE_CLOSED, NoteCode.CORRECTION})

_TELL_TOTAL = frozenset({"PreSubmitted", "Submitted", "Filled"})
"""Statuses that tell the order's whole quantity."""

_WORKING = frozenset({"PreSubmitted", "Submitted"})
_ENDED = frozenset({"Filled", "Cancelled", "ApiCancelled"})

_QUIET_CODES = frozenset({2104, 2106, 2107, 2108, 2158, 2119, 2100})
"""Notices that say that all is well."""


class Inbox:
    """The engine's BrokerListener. `pump()` is the one task that moves order events into the books."""

    def __init__(
        self,
        desk: Desk,
        *,
        on_bar: Callable[[Bar], None],
        on_quote: Callable[[Quote], None],
    ) -> None:
        self._desk = desk
        self._on_bar = on_bar
        self._on_quote = on_quote
        self._events: deque[BrokerEvent] = deque()
        """Unbounded on purpose: dropping an execution would be worse than memory; it is drained at once."""
        self._arrived = asyncio.Event()
        self.on_book: Callable[[Depth], None] = lambda _: None
        """Called with every book, once it is on the board."""
        self.on_looked_at: Callable[[Depth], bool] = lambda _: False
        """Called with every book first; True where it is only looked at, and nobody may decide by it."""
        self.on_trade: Callable[[Print], None] = lambda _: None
        """Called with every trade of a tape."""
        self.on_refused: Callable[[LineRefused], bool] = lambda _: False
        """Called when the broker gives no book or tape; True where that is told already."""
        self.on_link: Callable[[LinkEvent], None] = lambda _: None
        """Called at once when the line changed."""
        self.on_foreign: Callable[[], None] = lambda: None
        """Called when an order or an execution is none of ours: somebody else trades this account."""
        self.on_position: Callable[[BrokerPosition], None] = lambda _: None
        """Called when the broker says what it holds of one instrument."""

    # --- BrokerListener -------------------------------------------------------------------------

    def on_broker_event(self, event: BrokerEvent) -> None:
        """Queue an order event; act on link, account and data events at once."""
        faults = self._desk.faults
        try:
            self._take(event)
        except Exception as err:  # noqa: BLE001 - the next event comes all the same
            faults.loop_failed("events of the broker", err)
        else:
            faults.loop_worked("events of the broker")

    def _take(self, event: BrokerEvent) -> None:
        match event:
            case LinkEvent():
                self.on_link(event)
            case AccountValue():
                self._on_value(event)
            case DataType():
                self._on_data_type(event)
            case ProductHalt():
                self._desk.products.on_halt(event.key, event.flag)
                keep_status(self._desk)
            case Notice():
                self._on_notice(event)
            case LineRefused():
                if not self.on_refused(event):
                    self._tell_notice(Notice(event.code, event.text, event.key))
            case BrokerPosition():
                self.on_position(event)
            case _:
                self._events.append(event)
                self._arrived.set()

    def on_quote(self, quote: Quote) -> None:
        """A change of the touch or a print."""
        faults = self._desk.faults
        try:
            self._desk.quotes.on_quote(quote)
            self._on_quote(quote)
        except Exception as err:  # noqa: BLE001 - as above
            faults.loop_failed("quotes", err)
        else:
            faults.loop_worked("quotes")

    def on_bar(self, bar: Bar) -> None:
        """A complete 5-second bar."""
        faults = self._desk.faults
        try:
            self._desk.quotes.on_bar(bar)
            self._on_bar(bar)
        except Exception as err:  # noqa: BLE001 - as above
            faults.loop_failed("bars", err)
        else:
            faults.loop_worked("bars")

    def on_depth(self, depth: Depth) -> None:
        """Our own book after an update."""
        with self._desk.faults.loop("books"):
            if self.on_looked_at(depth):
                return
            self._desk.quotes.on_depth(depth)
            self.on_book(depth)

    def on_print(self, trade: Print) -> None:
        """One trade of the market."""
        with self._desk.faults.loop("tapes"):
            self.on_trade(trade)

    # --- order events ---------------------------------------------------------------------------

    async def pump(self) -> None:
        """Move order events into the books, in arrival order, one commit per batch."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            batch = []
            while self._events:
                batch += self._readable(self._events.popleft())
            if batch:
                await self._post(batch)

    async def _post(self, batch: list[LedgerEvent]) -> None:
        """One that the books cannot take must not take the others with it: each is posted alone.

        Posting what was taken already changes nothing; what is missing then, the comparison finds.
        """
        try:
            await self._desk.books.post(*batch)
        except Exception as err:  # noqa: BLE001 - the broker's other answers must be booked
            self._desk.faults.loop_failed("order events", err)
            self.on_foreign()
            for event in batch if len(batch) > 1 else ():
                with self._desk.faults.loop("order events"):
                    await self._desk.books.post(event)
        else:
            self._desk.faults.loop_worked("order events")

    def _readable(self, event: BrokerEvent) -> list[LedgerEvent]:
        """One event that cannot be read must not take the others with it: the account is compared."""
        if isinstance(event, OrderClaim) and self._is_news_of_others(event):
            self.on_foreign()
        try:
            return self.ledger_events(event)
        except Exception as err:  # noqa: BLE001 - as the sentence above says
            text = f"an event of the broker could not be read, the account is compared: {event} ({err})"
            self._desk.notices.event(Level.ERROR, "link", text)
            self._desk.faults.loop_failed("order events", err)
            self.on_foreign()
            return []

    def ledger_events(self, event: BrokerEvent) -> list[LedgerEvent]:
        """What the books are told of one broker event; empty where it is not about an order of ours."""
        now = self._desk.now()
        match event:
            case OrderClaim():
                return self._claim(event)
            case OrderRefusal():
                text = self._desk.notices.redactor(event.text)
                return [Refused(event.order_ref, event.order_id, event.code, text, now)]
            case Execution():
                return self._execution(event)
            case Commission():
                return [CommissionReported(event.exec_id, event.amount, now)]
            case _:
                return []

    def _claim(self, claim: OrderClaim) -> list[LedgerEvent]:
        """The status; also total and stop price where they are not ours: the broker's word changes them."""
        now = self._desk.now()
        order = self._desk.books.ledger.orders.match(claim.order_ref, claim.perm_id, claim.order_id)
        if order is None:
            return []
        found: list[LedgerEvent] = [_status(claim, at=now)]
        if claim.status in _TELL_TOTAL and claim.source == "broker":
            intent = order.intent
            total = int(claim.filled + claim.remaining) or intent.quantity
            if claim.status == "Filled":
                # More than was ordered is an over-fill: it is told, and no larger order is made of it.
                total = min(total, intent.quantity)
            price = intent.stop_price if claim.stop_price is None else claim.stop_price
            changed = replace(intent, quantity=total, stop_price=price)
            if changed != intent:
                found.append(Changed(changed, now))
                found += moved_outside(self._desk, order, price)
        return found

    def _is_news_of_others(self, claim: OrderClaim) -> bool:
        """An order that the books do not know begins or ends: also one of ours whose record was lost."""
        if self._desk.books.ledger.orders.match(claim.order_ref, claim.perm_id, claim.order_id) is not None:
            return False
        is_listed = any(o.claim.perm_id == claim.perm_id for o in self._desk.strange_orders)
        return is_listed == (claim.status in _ENDED) if claim.status in _WORKING | _ENDED else False

    def _execution(self, event: Execution) -> list[LedgerEvent]:
        fill = event.fill
        ledger = self._desk.books.ledger
        if ledger.orders.match(fill.order_ref, fill.perm_id, event.order_id) is None:
            if event.live:
                text = f"{fill.key}: execution {fill.exec_id} is not ours; the account is compared"
                self._desk.notices.event(Level.WARNING, "fill", text, symbol=fill.key)
                self.on_foreign()
            return []
        return [Executed(fill, event.order_id, self._desk.now())]

    # --- the rest -------------------------------------------------------------------------------

    def _on_value(self, event: AccountValue) -> None:
        try:
            value = float(event.value)
        except ValueError:
            return  # text values (AccountType, GatewayKind …) are read elsewhere
        if math.isfinite(value) and event.currency in ("", "USD", "BASE"):
            self._desk.values[event.key] = value
            if event.key == "NetLiquidation":
                self._desk.heard.values()

    def _on_data_type(self, event: DataType) -> None:
        """Frozen or delayed prices are shown as long as they are all there is: nothing is bought on them."""
        self._desk.quotes.on_data_type(event.key, event.kind)
        self._tell_entitlement(event.key)

    def _tell_entitlement(self, key: str) -> None:
        if self._desk.quotes.is_live(key):
            self._desk.notices.clear_alert("delayed_data", symbol=key)
            return
        dry = self._desk.mode is Mode.DRY_RUN
        so = "the dry run goes on with them" if dry else "entries in it are blocked, exits and stops go on"
        kind = self._desk.quotes.kind_of(key)
        text = f"{key}: the broker delivers {kind} prices, not live ones; {so}"
        self._desk.notices.raise_alert(Level.WARNING, "delayed_data", text, symbol=key)

    def _on_notice(self, event: Notice) -> None:
        if event.code in NO_PRICES and event.request_key in self._desk.instruments:
            self._desk.quotes.on_no_prices(event.request_key, event.code)
            self._tell_entitlement(event.request_key)
        elif event.code == NO_LINE_LEFT and event.request_key in self._desk.instruments:
            self._desk.quotes.out_of_lines.add(event.request_key)
        elif self._desk.products.on_notice(event.code, event.text):
            keep_status(self._desk)
        self._tell_notice(event)

    def _tell_notice(self, event: Notice) -> None:
        if event.code in _QUIET_CODES:
            return
        where = f" ({event.request_key})" if event.request_key else ""
        level, is_mapped = level_of_code(event.code)
        note = "" if is_mapped else " (a code we do not know)"
        self._desk.notices.event(level, "link", f"broker {event.code}{where}: {event.text}{note}")


def _status(claim: OrderClaim, *, at: datetime) -> StatusClaimed:
    return StatusClaimed(
        order_ref=claim.order_ref,
        order_id=claim.order_id,
        perm_id=claim.perm_id,
        status=claim.status,
        filled=int(claim.filled),
        avg_fill_price=claim.avg_fill_price,
        source=Source.BROKER if claim.source == "broker" else Source.LIBRARY,
        at=at,
        client_id=claim.client_id,
        message=claim.message,
    )


def tell_changes(desk: Desk, late: LateLog, changes: Changes) -> None:
    """Put what the ledger remarked on into the event line; call it when the changes are durable.

    The ordinary steps of an order (sending, working …) go to the log only: the orders panel shows them.
    """
    for note in changes.notes:
        if note.code is NoteCode.ORDER_STATE and note.level is NoteLevel.INFO:
            order = desk.books.order(note.order_ref)
            signal = "" if order is None else order.intent.signal_id
            late.add(_log.info, note.text, kind="order", symbol=note.key, ref=note.order_ref, signal=signal)
            continue
        kind = "fill" if note.code in _FILL_NOTES else "order"
        level = _LEVEL_OF_NOTE[note.level]
        desk.notices.event(level, kind, note.text, symbol=note.key, ref=note.order_ref)
