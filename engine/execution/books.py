"""The books: ledger and store as one. Nothing counts as told before it is durable.

`post()` applies events to the ledger at once (so that the very next gate check sees them) and returns
when they are committed. Whoever shows something to people first waits for `settled()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from engine.domain.order import Order, OrderIntent, OrderState
from engine.domain.position import Position
from engine.execution.watch import Watch
from engine.ledger.changes import Changes
from engine.ledger.events import LedgerEvent, NeverSent, Registered, SendingMarked
from engine.ledger.ledger import Ledger


class Journal(Protocol):
    """The part of the store the books write to."""

    async def apply(self, changes: Changes) -> None:
        """Commit one set of changes; raises when the disk refuses."""
        ...


class JournalDownError(Exception):
    """The store cannot write: nothing that adds risk may be sent."""


class Books:
    """Single place where broker events and our own acts become positions, orders and rows."""

    def __init__(self, *, ledger: Ledger, journal: Journal, now: Callable[[], datetime]) -> None:
        self.ledger = ledger
        self.watch = Watch()
        self._journal = journal
        self._now = now
        self._writing = 0
        self._unwritten: list[Changes] = []
        self._order = asyncio.Lock()
        self._on_changes: list[Callable[[Changes], None]] = []
        self.problem = ""
        """Why the store does not write; empty while it does."""

    def on_changes(self, listener: Callable[[Changes], None]) -> None:
        """Call `listener` after each durable change (or at once where the store is down)."""
        self._on_changes.append(listener)

    @property
    def unwritten(self) -> int:
        """How many sets of changes wait in memory because the store is down."""
        return len(self._unwritten)

    async def post(self, *events: LedgerEvent) -> Changes:
        """Apply events now, commit them, then tell. Returns what changed.

        Where the store cannot write, the changes stay in memory in order, `problem` says why, and the
        call returns all the same: exits and cancels must never wait for a disk. Callers that add risk
        use `post_or_raise`.
        """
        changes = Changes()
        for event in events:
            changes = changes + self.ledger.apply(event)
        if changes:
            await self._commit(changes)
        return changes

    async def post_or_raise(self, *events: LedgerEvent) -> Changes:
        """Like `post`, but raises JournalDownError where the changes are not durable."""
        changes = await self.post(*events)
        if self.problem:
            raise JournalDownError(self.problem)
        return changes

    async def _commit(self, changes: Changes) -> None:
        self._writing += 1
        try:
            self._unwritten.append(changes)
            await self.flush()
        finally:
            self._writing -= 1
        for listener in self._on_changes:
            listener(changes)
        self.watch.notify()

    async def flush(self) -> bool:
        """Write what waits, oldest first. True where nothing waits any more."""
        async with self._order:
            while self._unwritten:
                try:
                    # Shielded: a cancelled caller must not leave a half-told change behind.
                    await asyncio.shield(self._journal.apply(self._unwritten[0]))
                except OSError as err:
                    self.problem = str(err)
                    return False
                self._unwritten.pop(0)
            self.problem = ""
            return True

    async def settled(self) -> None:
        """Return once everything applied is durable (or the store is known to be down)."""
        while self._writing and not self.problem:
            async with self._order:
                pass

    # --- what the executor does -----------------------------------------------------------------

    async def register(self, intents: tuple[OrderIntent, ...], *, reducing: bool = False) -> None:
        """P1: the intents are durable and count in every limit; nothing is sent yet."""
        await self._write_ahead(Registered(intents, self._now()), reducing=reducing)

    async def mark_sending(self, order_ids: Iterable[tuple[str, int]], *, reducing: bool = False) -> None:
        """P2: from here on a crash leaves these orders UNKNOWN, not forgotten."""
        await self._write_ahead(SendingMarked(tuple(order_ids), self._now()), reducing=reducing)

    async def _write_ahead(self, event: LedgerEvent, *, reducing: bool) -> None:
        """Orders that only reduce go out even where the store cannot write; all others do not."""
        await (self.post(event) if reducing else self.post_or_raise(event))

    async def never_sent(self, refs: Iterable[str], why: str) -> None:
        """Proven that not a byte went out."""
        await self.post(*(NeverSent(ref, why, self._now()) for ref in refs))

    # --- what everybody reads -------------------------------------------------------------------

    def orders(self) -> tuple[Order, ...]:
        """Every order of the day, done or not."""
        return self.ledger.orders.all()

    def open_orders(self, key: str | None = None) -> tuple[Order, ...]:
        """Orders not done, of one instrument or of all."""
        return tuple(o for o in self.ledger.orders.live() if key in (None, o.intent.key))

    def order(self, ref: str) -> Order | None:
        """One order by its ref."""
        return self.ledger.orders.get(ref)

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

    def unknown_orders(self) -> int:
        """How many orders have an unknown fate."""
        return sum(1 for o in self.open_orders() if o.state is OrderState.UNKNOWN)
