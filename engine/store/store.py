"""The store: every durable write of the engine, through one writer thread, never on the event loop.

A transaction is one synchronous function run whole in that thread. So a cancelled task can leave it
done or not begun, but never half done, and the loop never waits for a disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import aiosqlite

from engine.domain.order import OrderIntent
from engine.ledger.changes import Changes, Leg
from engine.recovery.decisions import Decision
from engine.store import brakes, decisions, events, journal, operations
from engine.store.brakes import StoredBrake
from engine.store.connection import is_disk_trouble, open_database, transact
from engine.store.errors import StoreClosedError, StoreUnwritableError
from engine.store.events import ChainReport, NewEvent
from engine.store.journal import AuditEntry, EquityPoint
from engine.store.latency import WriteTimes
from engine.store.operations import StoredState
from engine.store.quarantine import QuarantinedRow
from engine.store.rescue import Rescue, open_or_rescue

T = TypeVar("T")
Transaction = Callable[[sqlite3.Connection], T]


class StoreMetrics(NamedTuple):
    """How the store does, for the health panel."""

    healthy: bool
    """False from a failed write until a write succeeds again."""
    last_ms: float | None
    """Time of the last durable write, there and back through the writer thread; None before any."""
    p99_ms: float | None
    backlog: int
    """Transactions asked for and not finished."""
    unstored: int
    """Records that wait in memory because the disk did not take them."""
    writes: int
    error: str


class Opening(NamedTuple):
    """What had to be done before the file could be used; nothing, as a rule."""

    rescue: Rescue | None = None
    quarantined: tuple[QuarantinedRow, ...] = ()


class _Record(NamedTuple):
    """A write that must not be lost. `stored` tells whether the first try made it durable."""

    function: Transaction[object]
    stored: asyncio.Future[bool]


class Store:
    """One account's durable state. Make it with `Store.open`; close it, or its thread keeps running."""

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        """Wrap an open connection; use `open`."""
        self._connection = connection
        self._path = path
        self._boot_id = ""
        self.opening = Opening()
        """What opening had to do before the file could be used."""
        self._records: deque[_Record] = deque()
        self.write_times = WriteTimes()
        self._backlog = 0
        self._writes = 0
        self._error = ""
        self.healthy = True
        """False from a failed write until one succeeds again. No property: every order asks four times."""
        self._closed = False
        self._spawned: set[asyncio.Task[bool]] = set()
        # One transaction at a time, first come first served: a failed one must not be overtaken.
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path, *, gateway: str, account: str) -> Store:
        """Open or create the file, checked, migrated and bound to (gateway, account).

        Raises a StoreError whose message says what is wrong and what to do.
        """
        # Opened before the writer thread exists: aiosqlite does not clean up after a connector that raises.
        raw = await asyncio.to_thread(open_database, path, gateway=gateway, account=account)
        return cls(await aiosqlite.Connection(lambda: raw, iter_chunk_size=64), path)

    @classmethod
    async def open_or_rescue(
        cls, path: Path, *, gateway: str, account: str, now: Callable[[], datetime]
    ) -> Store:
        """Like `open`, but a damaged file moves aside, and unreadable rows too; `opening` says what was done.

        `now` is the time written into the records. Raises a StoreError where it is not a matter of damage.
        """
        opened = await asyncio.to_thread(open_or_rescue, path, gateway=gateway, account=account, now=now)
        store = cls(await aiosqlite.Connection(lambda: opened.connection, iter_chunk_size=64), path)
        store.opening = Opening(opened.rescue, opened.quarantined)
        return store

    # --- transactions ------------------------------------------------------------------------

    async def run(self, function: Transaction[T]) -> T:
        """Run `function` whole in one durable transaction and return what it returns.

        Raises StoreUnwritableError when the disk does not take it, or still does not take what waits
        before it; StoreClosedError after `close`; and whatever `function` raises. Then nothing of it was
        stored. A cancelled caller does not learn whether it was, but it was wholly or not at all.
        """
        self._backlog += 1
        try:
            async with self._turn:
                if self._records and not await self._flush():
                    raise StoreUnwritableError(self._trouble())
                return await self._write(function)
        finally:
            self._backlog -= 1

    async def run_or_keep(self, function: Transaction[object]) -> bool:
        """Like `run`, but a record that the disk does not take waits in memory, in order.

        True where it is durable now. False: it counts as NOT STORED until `retry` (or any later write)
        succeeds. Only for records of what has happened or of acts that reduce risk. Being cancelled
        does not lose the record.
        """
        # Queued before anything is awaited, so that no later write can overtake it.
        record = _Record(function, asyncio.get_running_loop().create_future())
        self._records.append(record)
        self._spawn(self._flush_in_turn())
        return await asyncio.shield(record.stored)

    async def retry(self) -> bool:
        """Write what waits, first things first; True when nothing waits any more and the disk writes."""
        if self._records:
            return await asyncio.shield(self._spawn(self._flush_in_turn()))
        try:
            await self.run(_probe)
        except StoreUnwritableError:
            return False
        return True

    async def read(self, function: Transaction[T]) -> T:
        """Run a reading function in the writer thread, behind the writes asked for before."""
        if self._closed:
            raise StoreClosedError(f"the state file {self._path} is closed")
        return await self._in_writer(function)

    async def close(self) -> None:
        """Finish what was asked for and close the file. Calling it again does nothing."""
        if self._closed:
            return
        if self._spawned:
            await asyncio.wait(set(self._spawned))
        self._closed = True
        await self._connection.close()

    @property
    def unstored(self) -> int:
        """Records that wait in memory because the disk did not take them."""
        return len(self._records) if self._error else 0

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    @property
    def boot_id(self) -> str:
        """The mark of this run's rows; empty before `begin_run`."""
        return self._boot_id

    def metrics(self) -> StoreMetrics:
        """How the store does right now."""
        return StoreMetrics(
            healthy=self.healthy,
            last_ms=self.write_times.last_ms,
            p99_ms=self.write_times.p99_ms,
            backlog=self._backlog + len(self._records) - self.unstored,
            unstored=self.unstored,
            writes=self._writes,
            error=self._error,
        )

    # --- what the engine asks for ------------------------------------------------------------

    async def begin_run(self, *, boot_id: str, run_id: str, version: str, at: datetime) -> None:
        """Note that this engine starts; its boot id marks every row from here on."""
        self._boot_id = boot_id
        await self.run(partial(operations.begin_run, boot_id=boot_id, run_id=run_id, version=version, at=at))

    async def end_run(self, *, at: datetime, clean: bool) -> None:
        """Note that this engine stops."""
        await self.run(partial(journal.end_run, boot_id=self._boot_id, at=at, clean=clean))

    async def load(self) -> StoredState:
        """Everything the engine starts from."""
        return await self.read(partial(operations.load, boot_id=self._boot_id))

    async def record_intents(
        self, intents: Iterable[OrderIntent], *, at: datetime, keep: bool = False
    ) -> bool:
        """Make intents durable as PENDING. Until this returns none of their bytes may be sent.

        Raises DuplicateIntentError or StoreUnwritableError: then nothing was stored, nothing may be sent.
        `keep` is for orders that only reduce risk: False instead of StoreUnwritableError, and they may go.
        """
        write = partial(operations.record_intents, new=tuple(intents), at=at, boot_id=self._boot_id)
        return await self._run_as(write, keep=keep)

    async def mark_sending(
        self, order_ids: Sequence[tuple[str, int]], *, at: datetime, keep: bool = False
    ) -> bool:
        """Make durable that these (orderRef, order id) may be out from now on; all or none.

        Raises SendingRefusedError where one is not PENDING, StoreUnwritableError: then nothing may be sent.
        `keep` as for `record_intents`.
        """
        write = partial(operations.mark_sending, order_ids=tuple(order_ids), at=at, boot_id=self._boot_id)
        return await self._run_as(write, keep=keep)

    async def apply(self, changes: Changes, events: Iterable[NewEvent] = (), *, at: datetime) -> bool:
        """Make ledger changes durable before anyone is told. True when durable, False when kept to retry."""
        extra = tuple(events)
        if not changes and not extra:
            return True
        return await self.run_or_keep(
            partial(operations.apply_changes, changes=changes, extra=extra, at=at, boot_id=self._boot_id)
        )

    async def start_day(self, legs: Iterable[Leg], *, day: date, at: datetime) -> bool:
        """Write the anchor of a trading day (the answer of `Ledger.start_day`)."""
        return await self.run_or_keep(
            partial(operations.start_day, legs=tuple(legs), day=day, at=at, boot_id=self._boot_id)
        )

    async def put_brake(
        self, *, kind: str, scope: str, name: str, reason: str, who: str, at: datetime
    ) -> bool:
        """Make a brake durable. False: it is kept to retry, and must hold in memory all the same."""
        write = partial(
            operations.put_brake,
            kind=kind,
            scope=scope,
            name=name,
            reason=reason,
            who=who,
            at=at,
            boot_id=self._boot_id,
        )
        return await self.run_or_keep(write)

    async def clear_brake(
        self, *, kind: str, scope: str, name: str, who: str, reason: str, at: datetime
    ) -> bool:
        """Lift a brake durably; False where it was not on. StoreUnwritableError: it stays on."""
        write = partial(
            operations.clear_brake,
            kind=kind,
            scope=scope,
            name=name,
            who=who,
            reason=reason,
            at=at,
            boot_id=self._boot_id,
        )
        return await self.run(write)

    async def set_proof(self, proof: str, *, kind: str, scope: str, name: str) -> bool:
        """Write what the brake that is on proved; True when durable, False when kept to retry."""
        return await self.run_or_keep(
            partial(brakes.set_proof, proof=proof, kind=kind, scope=scope, name=name)
        )

    async def live_brakes(self) -> tuple[StoredBrake, ...]:
        """Every brake that is on, as stored."""
        return await self.read(brakes.live_brakes)

    async def rederive_positions(self, legs: Iterable[Leg], *, wrong: Sequence[str], at: datetime) -> None:
        """Write the position rows named `wrong` anew from what the bookings add up to."""
        write = partial(
            operations.rederive_positions, legs=tuple(legs), wrong=wrong, at=at, boot_id=self._boot_id
        )
        await self.run(write)

    async def put_decision(self, decision: Decision, *, keep: bool = False) -> bool:
        """Write how a difference from the broker is settled, before it is. `keep` as for `record_intents`."""
        write = partial(decisions.put_decision, decision=decision, boot_id=self._boot_id)
        return await self._run_as(write, keep=keep)

    async def save_equity(self, point: EquityPoint, *, day: date) -> None:
        """Add a point to the day's curve."""
        await self.run(partial(journal.put_equity, point=point, day=day))

    async def audit(self, entry: AuditEntry) -> bool:
        """Note an operator's change; True when durable, False when kept to retry."""
        return await self.run_or_keep(partial(journal.put_audit, entry=entry))

    async def verify_chain(self) -> ChainReport:
        """Check the whole event log against its hashes."""
        return await self.read(events.verify_chain)

    # --- inside ------------------------------------------------------------------------------

    async def _run_as(self, function: Transaction[object], *, keep: bool) -> bool:
        if keep:
            return await self.run_or_keep(function)
        await self.run(function)
        return True

    def _spawn(self, work: Coroutine[object, object, bool]) -> asyncio.Task[bool]:
        task = asyncio.get_running_loop().create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)
        return task

    async def _flush_in_turn(self) -> bool:
        async with self._turn:
            return await self._flush()

    async def _flush(self) -> bool:
        """Write the records that wait, in order; False where the disk does not. Only with the turn held."""
        while self._records:
            record = self._records[0]
            try:
                await self._write(record.function)
            except StoreUnwritableError:
                for waiting in self._records:
                    _answer(waiting.stored, stored=False)
                return False
            except Exception as err:
                # No disk will ever take this one. Whoever asked hears of it; the others must get through.
                self._records.popleft()
                if record.stored.done():
                    raise
                record.stored.set_exception(err)
            else:
                self._records.popleft()
                _answer(record.stored, stored=True)
        return True

    async def _write(self, function: Transaction[T]) -> T:
        if self._closed:
            raise StoreClosedError(f"the state file {self._path} is closed; nothing was stored")
        began = time.perf_counter()
        try:
            result = await self._in_writer(partial(transact, function=function))
        except sqlite3.DatabaseError as err:
            if not is_disk_trouble(err):
                raise
            self._error, self.healthy = str(err), False
            raise StoreUnwritableError(self._trouble()) from err
        self._error, self.healthy = "", True
        self._writes += 1
        self.write_times.add((time.perf_counter() - began) * 1000.0)
        return result

    def _trouble(self) -> str:
        return (
            f"the state file {self._path} did not take a write ({self._error}); nothing of it was stored. "
            "Entries stay blocked until a write succeeds: free space on the disk or make it writable"
        )

    async def _in_writer(self, function: Transaction[T]) -> T:
        """Run `function` in the connection's own thread.

        Only the library's private `_execute` takes a function whole; its public calls are one hop per
        statement, and a task cancelled between two of them would leave a transaction open.
        """
        connection = self._connection
        result: T = await connection._execute(function, connection._conn)  # type: ignore[no-untyped-call]  # private there
        return result


def _answer(asked: asyncio.Future[bool], *, stored: bool) -> None:
    if not asked.done():
        asked.set_result(stored)


def _probe(conn: sqlite3.Connection) -> None:
    """A write that leaves nothing behind but needs room: a full disk must not pass for a good one."""
    conn.execute("INSERT INTO meta (name, value) VALUES ('write_probe', hex(zeroblob(32768)))")
    conn.execute("DELETE FROM meta WHERE name = 'write_probe'")
