"""The engine's regular round: protection, unfilled entries, the kill file, the store, the heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from engine.api import Level
from engine.broker.port import LinkState
from engine.domain.order import Order, OrderState, Role
from engine.execution.executor import Executor
from engine.execution.protection import AddStop, plan_protection
from engine.ledger.changes import Changes, NoteCode
from engine.runtime.day import DayBook
from engine.runtime.desk import Desk

ROUND_S = 1.0
"""Longest pause between two rounds."""

_COALESCE_S = 0.05
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
    ) -> None:
        self._desk = desk
        self._executor = executor
        self._store = store
        self._day = day
        self._kill_file = kill_file
        self._on_kill_file = on_kill_file
        self._spawn = spawn
        self._heartbeat = heartbeat
        self._wake = asyncio.Event()
        self._next_beat_s = 0.0
        self._cancelling: set[str] = set()

    def on_changes(self, changes: Changes) -> None:
        """Orders or positions moved: look at their protection soon."""
        if changes.orders or changes.legs or changes.flat_keys:
            self._wake.set()
        for note in changes.notes:
            if note.code is NoteCode.CONTRADICTION:
                ref = note.order_ref
                self._spawn(f"cancel {ref}", partial(self._executor.cancel_surfaced, ref))

    async def begin(self) -> None:
        """What must stand before the first fill: the trading day."""
        await self._day.round()

    async def run(self) -> None:
        """Rounds for ever. A round that fails is told; the next one comes all the same."""
        while True:
            try:
                async with asyncio.timeout(ROUND_S):
                    await self._wake.wait()
                await asyncio.sleep(_COALESCE_S)
            except TimeoutError:
                pass  # the regular beat
            self._wake.clear()
            await self.round()

    async def round(self) -> None:
        """One round."""
        desk = self._desk
        await self._look_for_kill_file()
        if not self._store.healthy and await self._store.retry():
            desk.notices.clear_alert("not_stored")
            desk.notices.event(Level.INFO, "engine", "the store writes again; nothing is missing")
        if not self._store.healthy:
            text = "NOT STORED: the store cannot write; entries are blocked, exits and stops go on"
            desk.notices.raise_alert(Level.CRITICAL, "not_stored", text)
        await self._day.round()
        if desk.link is LinkState.UP:
            self._protect()
            self._give_up_unfilled()
        self._beat()

    # --- protection -----------------------------------------------------------------------------

    def _protect(self) -> None:
        keys = {p.key for p in self._desk.books.positions()}
        keys |= {o.intent.key for o in self._desk.books.open_orders() if o.intent.role is Role.STOP}
        for key in keys:
            if not self._executor.lock(key).locked():
                self._protect_one(key)

    def _protect_one(self, key: str) -> None:
        desk = self._desk
        instrument = desk.instruments.get(key)
        steps = plan_protection(key, position=desk.books.quantity(key), orders=desk.books.open_orders(key))
        if not steps:
            desk.notices.clear_alert("naked", symbol=key)
            return
        if instrument is None:
            text = f"{key}: its stops need care, but the broker has not described it"
            desk.notices.raise_alert(Level.CRITICAL, "naked", text, symbol=key)
            return
        if any(isinstance(step, AddStop) for step in steps):
            desk.notices.event(
                Level.WARNING, "order", f"{key}: not covered by a stop; sending one", symbol=key
            )

        async def act() -> None:
            async with self._executor.lock(key):
                for step in steps:
                    await self._executor.protect(step, instrument)

        self._spawn(f"protect {key}", act)

    # --- entries that do not fill ---------------------------------------------------------------

    def _give_up_unfilled(self) -> None:
        now = self._desk.now()
        for order in self._desk.books.open_orders():
            ref = order.intent.ref
            if self._is_overdue(order, now) and ref not in self._cancelling:
                self._cancelling.add(ref)
                text = f"{order.intent.key}: entry not filled in time, cancelled ({order.filled} filled)"
                self._desk.notices.event(Level.INFO, "order", text, symbol=order.intent.key)
                self._spawn(f"give up {ref}", partial(self._cancel, ref))

    async def _cancel(self, ref: str) -> None:
        try:
            await self._executor.cancel(ref)
        finally:
            self._cancelling.discard(ref)

    def _is_overdue(self, order: Order, now: datetime) -> bool:
        if not order.intent.role.adds_risk or order.state is not OrderState.WORKING:
            return False
        age_s = (now - order.intent.created_at).total_seconds()
        return age_s > self._desk.config.execution.unfilled_timeout_s

    # --- the kill file --------------------------------------------------------------------------

    async def _look_for_kill_file(self) -> None:
        """The file's text is the reason. Once the brake is durable the file is renamed as taken."""
        reason = await asyncio.to_thread(_read_kill_file, self._kill_file)
        if reason is None:
            return
        await self._on_kill_file(reason)
        stamp = self._desk.now().strftime("%Y%m%dT%H%M%SZ")
        await asyncio.to_thread(_take, self._kill_file, stamp)

    # --- heartbeat ------------------------------------------------------------------------------

    def _beat(self) -> None:
        now_s = self._desk.clock.monotonic()
        if now_s >= self._next_beat_s:
            self._next_beat_s = now_s + self._desk.config.health.heartbeat_log_s
            _log.info("heartbeat", **self._heartbeat())


def _read_kill_file(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")[:500]
    except FileNotFoundError:
        return None
    except OSError as err:
        return f"the kill file could not be read: {err}"
    return text.strip() or f"file {path.name}"


def _take(path: Path, stamp: str) -> None:
    target = path.with_name(f"{path.name}.taken-{stamp}")
    try:
        path.rename(target)
    except FileNotFoundError:
        return  # somebody else took it away; the brake stays on
