"""The engine's regular round: protection, unfilled entries, the kill file, the store, the heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import structlog

from engine.api import Level
from engine.broker.port import LinkState
from engine.execution.executor import Executor
from engine.ledger.changes import Changes, NoteCode
from engine.runtime.breakers.force_close import ForceClose
from engine.runtime.day import DayBook
from engine.runtime.desk import Desk
from engine.runtime.guards.age import AgeWatch
from engine.runtime.guards.overdue import Overdue
from engine.runtime.guards.stop_net import StopNet
from engine.runtime.guards.stops import StopKeeper, StopReport
from engine.runtime.guards.targets import TargetWatch
from engine.runtime.jitter import Jitter

ROUND_S = 1.0
"""Longest pause between two rounds that `loop.poll_interval_s` can ask for; jitter only shortens it."""

_COALESCE_S = 0.05

_TRADING = frozenset({"stops", "stop net", "targets", "age", "overdue orders", "silent orders", "risk"})
"""Steps without which positions are not looked after: these climb the ladder of loop errors."""

_log = structlog.get_logger("engine")


class Retrying(Protocol):
    """A store whose kept records can be written later."""

    @property
    def healthy(self) -> bool:
        """False while records wait."""
        ...

    async def retry(self) -> bool:
        """Write what waits."""
        ...


class Upkeep:
    """Runs at least once a second, and soon after every change of orders or positions."""

    def __init__(
        self,
        desk: Desk,
        *,
        executor: Executor,
        store: Retrying,
        day: DayBook,
        kill_file: Path,
        on_kill_file: Callable[[str], Awaitable[None]],
        spawn: Callable[[str, Callable[[], object]], None],
        heartbeat: Callable[[], dict[str, object]],
        chores: Mapping[str, Callable[[], Awaitable[None]]] | None = None,
    ) -> None:
        """`chores` are further steps of every round, by the name under which one that fails is told."""
        self._desk = desk
        self._executor = executor
        self._store = store
        self._day = day
        self._kill_file = kill_file
        self._on_kill_file = on_kill_file
        self._spawn = spawn
        self._heartbeat = heartbeat
        self._chores = dict(chores or {})
        self._wake = asyncio.Event()
        loop = desk.config.loop
        self._pauses = Jitter(loop.poll_interval_s, pct=loop.jitter_pct, seed=desk.account)
        self._next_beat_s = 0.0
        self._stops = StopKeeper(desk, executor=executor, spawn=spawn)
        self._net = StopNet(desk, executor=executor, spawn=spawn)
        self._targets = TargetWatch(desk, executor=executor, spawn=spawn)
        self._age = AgeWatch(desk, executor=executor, spawn=spawn)
        self._overdue = Overdue(desk, executor=executor, spawn=spawn)
        self._force = ForceClose(desk, executor=executor, spawn=spawn)
        desk.faults.on_due = self._force.due
        self._taken: tuple[int, int] | None = None
        """Inode and time of a kill file that acted and could not be renamed: it acts once."""

    def on_changes(self, changes: Changes) -> None:
        """Orders or positions moved: look at their protection soon."""
        if changes.orders or changes.legs or changes.flat_keys:
            self._wake.set()
        if self._overdue.on_changes(changes):
            self._wake.set()
        for note in changes.notes:
            if note.code is NoteCode.OVERFILL:
                text = f"{note.text}; all of it is booked, and its stop grows with it"
                self._desk.notices.raise_alert(Level.CRITICAL, "overfill", text, symbol=note.key)
            if note.code is NoteCode.DUPLICATE_ORDER:
                self._desk.notices.raise_alert(Level.CRITICAL, "duplicate_order", note.text, symbol=note.key)
                extra = partial(self._executor.cancel_extra, note.order_ref)
                self._spawn(f"cancel the second {note.order_ref}", extra)

    async def begin(self) -> None:
        """What must stand before the first fill: the trading day, and a KILL that was left for us."""
        await self._day.round()
        await self._step("kill file", self._look_for_kill_file)

    async def run(self) -> None:
        """Rounds for ever. A step that fails is told; the others and the next round come all the same."""
        while True:
            try:
                async with asyncio.timeout(self._pauses.next_s()):
                    await self._wake.wait()
                await asyncio.sleep(_COALESCE_S)
            except TimeoutError:
                pass  # the regular beat
            self._wake.clear()
            await self.round()

    async def round(self) -> None:
        """One round. Stops come first: nothing else may keep a position from its protection."""
        for name, look in self._looks():
            await self._step(name, look)
        await self._step("kill file", self._look_for_kill_file)
        await self._step("store", self._care_for_store)
        await self._step("day", self._day.round)
        for name, chore in self._chores.items():
            await self._step(name, chore)
        await self._step("breakers", self._care_for_breakers)
        await self._step("heartbeat", self._beat)

    async def settle_stops(self) -> tuple[str, ...]:
        """Put all stops right now, before the engine leaves; names what could not be."""
        return (await self._stops.verify()).failed

    async def verify_stops(self) -> StopReport:
        """Look at every protective stop and put right what is not; says what stands."""
        return await self._stops.verify()

    async def check_stops(self) -> None:
        """The same at a new connection, told; a look that fails is told, too, and ends nothing."""
        await self._step("stop check", self._tell_stops)

    async def _tell_stops(self) -> None:
        report = await self.verify_stops()
        for line in report.done:
            self._desk.notices.event(Level.INFO, "order", line)
        for line in report.failed:
            self._desk.notices.event(Level.ERROR, "order", f"{line}; tried again every few seconds")

    async def _step(self, name: str, act: Callable[[], Awaitable[None] | None]) -> None:
        code, faults = f"upkeep_{name.replace(' ', '_')}", self._desk.faults
        try:
            waits = act()
            if waits is not None:
                await waits
        except Exception as err:  # noqa: BLE001 - one broken step must not cost the others
            count = faults.loop_failed if name in _TRADING else faults.failed
            count(f"upkeep of the {name}", err)
            text = f"upkeep of the {name} failed and is tried again: {type(err).__name__}: {err}"
            self._desk.notices.raise_alert(Level.ERROR, code, text)
        else:
            if name in _TRADING:
                faults.loop_worked(f"upkeep of the {name}")
            self._desk.notices.clear_alert(code)

    def _looks(self) -> tuple[tuple[str, Callable[[], Awaitable[None] | None]], ...]:
        """What looks after orders and positions, each by itself; most needs the line."""
        tell = (
            ("unknown orders", self._overdue.tell_unknown),
            ("surfaced orders", self._overdue.tell_surfaced),
        )
        if self._desk.link is not LinkState.UP:
            return (("stops", self._stops.line_lost), *tell)
        return (
            ("silent orders", self._park_silent),
            ("stops", self._stops.round),
            ("stop net", self._net.round),
            ("targets", self._targets.round),
            ("age", self._age.round),
            ("overdue orders", self._overdue.round),
            *tell,
        )

    async def _park_silent(self) -> None:
        silent = self._overdue.silent()
        if silent:
            await self._desk.books.post(*silent)

    def _care_for_breakers(self) -> None:
        self._desk.faults.round(frozenset(p.key for p in self._desk.books.positions()))
        self._force.round()

    async def _care_for_store(self) -> None:
        notices = self._desk.notices
        was_down = any(a.code == "not_stored" for a in notices.alerts)
        if self._store.healthy or await self._store.retry():
            # Also where another write found the disk back before us.
            if was_down:
                notices.clear_alert("not_stored")
                notices.event(Level.INFO, "engine", "the store writes again; nothing is missing")
            return
        text = "NOT STORED: the store cannot write; entries are blocked, exits and stops go on"
        notices.raise_alert(Level.CRITICAL, "not_stored", text)

    # --- the kill file --------------------------------------------------------------------------

    async def _look_for_kill_file(self) -> None:
        """The file's text is the reason. Once the brake is durable the file is renamed as taken."""
        found = await asyncio.to_thread(_read_kill_file, self._kill_file)
        if found is None or found.stamp == self._taken:
            return
        await self._on_kill_file(self._desk.notices.redactor(found.reason))
        self._taken = found.stamp
        stamp = self._desk.now().strftime("%Y%m%dT%H%M%SZ")
        await asyncio.to_thread(_take, self._kill_file, stamp)

    # --- heartbeat ------------------------------------------------------------------------------

    def _beat(self) -> None:
        now_s = self._desk.clock.monotonic()
        if now_s >= self._next_beat_s:
            self._next_beat_s = now_s + self._desk.config.health.heartbeat_log_s
            _log.info("heartbeat", **self._heartbeat())


class _KillFile(NamedTuple):
    """One that was found."""

    reason: str
    stamp: tuple[int, int]


def _read_kill_file(path: Path) -> _KillFile | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as err:
        # Somebody may want everything stopped and we cannot see: that is a reason to stop.
        return _KillFile(f"the kill file could not be looked at: {err}", (0, 0))
    stamp = (found.st_ino, found.st_mtime_ns)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")[:500]
    except OSError as err:
        return _KillFile(f"the kill file could not be read: {err}", stamp)
    return _KillFile(text.strip() or f"file {path.name}", stamp)


def _take(path: Path, stamp: str) -> None:
    target = path.with_name(f"{path.name}.taken-{stamp}")
    try:
        path.rename(target)
    except FileNotFoundError:
        return  # somebody else took it away; the brake stays on
