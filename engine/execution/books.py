"""The books: ledger and store as one. Nothing counts as told before it is durable.

`post()` applies events to the ledger at once (so that the very next gate check sees them) and returns
when they are committed. Whoever shows something to people first waits for `settled()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from engine.domain.order import Order, OrderIntent, OrderState
from engine.domain.position import Position
from engine.execution.eager import begin
from engine.execution.watch import Watch
from engine.ledger.changes import Changes, Leg
from engine.ledger.events import LedgerEvent, NeverSent, Registered, SendingMarked
from engine.ledger.ledger import Ledger
from engine.risk.pace import RecentOrders
from engine.store.errors import StoreError


class Journal(Protocol):
    """The part of the store the books write to."""

    @property
    def healthy(self) -> bool:
        """False while a write failed or records wait in memory."""
        ...

    async def record_intents(
        self, intents: Iterable[OrderIntent], *, at: datetime, keep: bool = False
    ) -> bool:
        """P1. Raises StoreError where it is not durable; with `keep` it waits in memory instead."""
        ...

    async def mark_sending(
        self, order_ids: Sequence[tuple[str, int]], *, at: datetime, keep: bool = False
    ) -> bool:
        """P2. Raises StoreError where it is not durable; with `keep` it waits in memory instead."""
        ...

    async def apply(self, changes: Changes, *, at: datetime) -> bool:
        """Commit changes; False where they wait in memory because the disk does not take them."""
        ...


class JournalDownError(Exception):
    """What adds risk is not durable (the store is down, or refused it): it must not be sent."""


def _raised(_: str, err: Exception) -> None:
    raise err


class Books:
    """Single place where broker events and our own acts become positions, orders and rows."""

    def __init__(self, *, ledger: Ledger, journal: Journal, now: Callable[[], datetime]) -> None:
        self.ledger = ledger
        self.recent = RecentOrders(ledger.orders.all())
        """What was made lately, for the gate."""
        self.version = 0
        """Rises whenever the ledger may have changed."""
        self.watch = Watch()
        self._journal = journal
        self._now = now
        self._writing = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._on_changes: list[Callable[[Changes], None]] = []
        self.on_failed: Callable[[str, Exception], object] = _raised
        """Told where a listener fails: neither the others nor the order under way may suffer from it."""
        self.on_event: Callable[[LedgerEvent, datetime], object] = lambda _event, _at: None
        """Hears each event that the ledger has taken in, with the time its rows are written under."""
        self._open: tuple[Order, ...] | None = None
        """Orders not done, as of the last event; None where they must be looked up again."""

    @property
    def is_stored(self) -> bool:
        """False while the store cannot write: records wait in memory and nothing that adds risk goes out."""
        return self._journal.healthy

    def on_changes(self, listener: Callable[[Changes], None]) -> None:
        """Call `listener` after each durable change (or at once where the store is down)."""
        self._on_changes.append(listener)

    async def post(self, *events: LedgerEvent) -> Changes:
        """Apply events now, commit them, then tell. Returns what changed.

        Where the store cannot write, the changes wait in its memory in order and the call returns all the
        same: exits and cancels must never wait for a disk. Where the ledger cannot take an event, those
        before it are committed and told first, then its error is raised.
        """
        changes, at = Changes(), self._now()
        broken: Exception | None = None
        for event in events:
            try:
                changes = changes + self._apply(event, at)
            except Exception as err:  # noqa: BLE001 - raised below, once what came before it is durable
                broken = err
                break
        if changes:
            self._writes_begin()
            try:
                # Shielded: a cancelled caller must not leave applied changes unwritten.
                await asyncio.shield(self._journal.apply(changes, at=at))
            finally:
                self._writes_end()
            self._tell(changes)
        if broken is not None:
            raise broken
        return changes

    def _apply(self, event: LedgerEvent, at: datetime) -> Changes:
        self._open = None
        self.version += 1
        changes = self.ledger.apply(event)
        self.on_event(event, at)
        for order in changes.orders:
            self.recent.note(order)
        return changes

    def start_day(self) -> tuple[Leg, ...]:
        """Begin a trading day. The answer is the anchor to store."""
        self.version += 1
        return self.ledger.start_day()

    def _tell(self, changes: Changes) -> None:
        for listener in self._on_changes:
            try:
                listener(changes)
            except Exception as err:  # noqa: BLE001 - as `on_failed` says
                self.on_failed("a listener of the books", err)
        self.watch.notify()

    def _tell_stored(self, changes: Changes) -> None:
        if not self._writing:
            self._idle.set()
        self._tell(changes)

    def _writes_begin(self) -> None:
        self._writing += 1
        self._idle.clear()

    def _writes_end(self) -> None:
        self._writing -= 1
        if not self._writing:
            self._idle.set()

    async def settled(self) -> None:
        """Return once everything applied so far is durable, or waits in memory because the store is down."""
        while self._writing:
            await self._idle.wait()

    # --- what the executor does -----------------------------------------------------------------

    async def register(
        self,
        intents: tuple[OrderIntent, ...],
        *,
        reducing: bool = False,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        """P1: the intents are durable and count in every limit; nothing is sent yet.

        Raises JournalDownError where they are not durable, unless the orders only reduce: those go out
        even then, and their records wait in memory. `meanwhile` is called while the disk works.
        """
        now = self._now()
        event = Registered(intents, now)
        # The ledger refuses what can never become a position, and then nothing is written down. Where it
        # takes them for certain the disk goes first.
        tried = None if self.ledger.surely_takes(event) else self._apply(event, now)
        write = self._journal.record_intents(intents, at=now, keep=reducing)

        def take_in() -> Changes:
            return self._apply(event, now) if tried is None else tried

        await self._ahead(write, take_in, meanwhile)

    async def mark_sending(
        self,
        order_ids: Sequence[tuple[str, int]],
        *,
        reducing: bool = False,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        """P2: from here on a crash leaves these orders UNKNOWN, not forgotten. As `register`."""
        now, ids = self._now(), tuple(order_ids)
        write = self._journal.mark_sending(ids, at=now, keep=reducing)
        await self._ahead(write, lambda: self._apply(SendingMarked(ids, now), now), meanwhile)

    async def _ahead(
        self,
        write: Coroutine[object, object, bool],
        take_in: Callable[[], Changes],
        meanwhile: Callable[[], object] | None,
    ) -> None:
        """Hand a write to the disk; on the same turn, while it works, the ledger takes it in."""
        loop = asyncio.get_running_loop()
        self._writes_begin()
        try:
            try:
                rest = begin(write)
            except StoreError:
                take_in()  # of what was never sent is told, too: the ledger must know it
                raise
            try:
                changes = take_in()
                if meanwhile is not None:
                    loop.call_soon(meanwhile)
            finally:
                if rest is not None:
                    await rest
        except StoreError as err:
            self._writes_end()
            raise JournalDownError(str(err)) from err
        except BaseException:
            self._writes_end()
            raise
        # Who waits for the disk, and who hears of changes, does so a turn later: the wire comes first.
        self._writing -= 1
        loop.call_soon(self._tell_stored, changes)

    async def never_sent(self, refs: Iterable[str], why: str) -> None:
        """Proven that not a byte went out."""
        await self.post(*(NeverSent(ref, why, self._now()) for ref in refs))

    # --- what everybody reads -------------------------------------------------------------------

    def orders(self) -> tuple[Order, ...]:
        """Every order of the day, done or not."""
        return self.ledger.orders.all()

    def open_orders(self, key: str | None = None) -> tuple[Order, ...]:
        """Orders not done, of one instrument or of all."""
        if self._open is None:
            # Asked several times on the way of every order: only this once does the day's length count.
            self._open = self.ledger.orders.live()
        if key is None or not self._open:
            return self._open
        return tuple([o for o in self._open if o.intent.key == key])

    def order(self, ref: str) -> Order | None:
        """One order by its ref."""
        return self.ledger.orders.get(ref)

    def attached(self, ref: str) -> tuple[Order, ...]:
        """The orders attached to one, done or not."""
        return self.ledger.orders.children(ref)

    def claimed_filled(self, ref: str) -> int:
        """What the broker's statuses say has filled of an order; its executions may still be on their way."""
        return self.ledger.orders.claimed_filled(ref)

    def positions(self) -> tuple[Position, ...]:
        """Everything held."""
        return self.ledger.positions.positions()

    def position(self, key: str) -> Position | None:
        """The open position in an instrument, or None."""
        return self.ledger.positions.position(key)

    def quantity(self, key: str) -> int:
        """Signed quantity held; 0 when flat."""
        position = self.position(key)
        return 0 if position is None else position.quantity

    def unknown_orders(self, key: str | None = None) -> int:
        """How many orders have an unknown fate, of one instrument or of all."""
        return sum(1 for o in self.open_orders(key) if o.state is OrderState.UNKNOWN)
