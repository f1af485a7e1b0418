"""Keeps the store fit while it is traded on: backups at their times, old rows let go in small batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final

import structlog

from engine.api import Level
from engine.runtime.daypnl import trading_day
from engine.runtime.desk import Desk
from engine.store.backup import back_up
from engine.store.errors import StoreError, StoreUnwritableError
from engine.store.retention import prune
from engine.store.store import Opening, Store

PRUNE_EVERY_S: Final = 3600.0
"""Real seconds between two looks for old rows; while some are left, every round takes a batch."""

MOST_OF_TIME: Final = 60.0
"""A backup that took one second is not repeated for sixty: copying a large state never fills the day."""

LONGEST_AT_END_S: Final = 1.0

_log = structlog.get_logger("engine")


def tell_opening(desk: Desk, opening: Opening, rederived: Sequence[str]) -> None:
    """Put what the opening of the store had to do where people see it."""
    notices = desk.notices
    if opening.rescue is not None:
        level = Level.WARNING if opening.rescue.from_backup else Level.ERROR
        notices.raise_alert(level, "state_damaged", opening.rescue.text)
    if opening.quarantined:
        named = "; ".join(str(row) for row in opening.quarantined)
        text = f"{len(opening.quarantined)} unreadable row(s) of the state were put aside: {named}"
        notices.raise_alert(Level.ERROR, "state_rows", text)
    if rederived:
        text = (
            f"stored positions differed from what was booked and were written anew: {', '.join(rederived)}; "
            "compare them with the broker's"
        )
        notices.raise_alert(Level.ERROR, "positions_rederived", text)


class Housekeeping:
    """A step of the engine's regular round. Its work is done in threads and holds up no order."""

    def __init__(
        self,
        desk: Desk,
        *,
        store: Store,
        spawn: Callable[[str, Callable[[], object]], None],
        keeps_backups: bool = True,
    ) -> None:
        self._desk = desk
        self._store = store
        self._spawn = spawn
        self._keeps_backups = keeps_backups
        self._next_backup_s = float("-inf")
        self._next_prune_s = float("-inf")
        self._took_s = 0.0
        """Real seconds of the last backup."""
        self._day: date | None = None
        self._turn = asyncio.Lock()
        """One backup at a time."""

    async def round(self) -> None:
        """Start a backup where one is due, and let go of one batch of old rows."""
        self._look_at_backups()
        await self._prune()

    async def back_up(self, why: str) -> None:
        """Make one backup now; one that fails is told and tried again at the next time."""
        if not self._keeps_backups:
            return
        async with self._turn:
            began_s = self._desk.clock.monotonic()
            try:
                made = await asyncio.to_thread(back_up, self._store.path, at=datetime.now(UTC), why=why)
            except StoreError as err:
                text = f"no backup of the state was made: {err}"
                self._desk.notices.raise_alert(Level.WARNING, "no_backup", text)
            else:
                self._desk.notices.clear_alert("no_backup")
                self._took_s = self._desk.clock.monotonic() - began_s
                self._next_backup_s = max(self._next_backup_s, began_s + self._took_s * MOST_OF_TIME)
                _log.info("backup.made", file=made.name, why=why)

    async def last_backup(self) -> None:
        """One more at a graceful end, unless the state is so large that the end would wait for it."""
        if self._took_s <= LONGEST_AT_END_S:
            await self.back_up("end")

    def _look_at_backups(self) -> None:
        now_s, today = self._desk.clock.monotonic(), trading_day(self._desk.now())
        why = "start" if self._day is None else "day" if today != self._day else "regular"
        if why == "regular" and now_s < self._next_backup_s:
            return
        self._day = today
        self._next_backup_s = now_s + self._desk.config.state.backup_interval_minutes * 60.0
        self._spawn(f"backup {why}", partial(self.back_up, why))

    async def _prune(self) -> None:
        now_s = self._desk.clock.monotonic()
        if now_s < self._next_prune_s or not self._store.healthy:
            return
        now = self._desk.now()
        before = now - timedelta(days=self._desk.config.state.retention_days)
        try:
            removed = await self._store.run(
                partial(prune, before=before, at=now, boot_id=self._store.boot_id)
            )
        except StoreUnwritableError as err:
            _log.warning("prune.not_stored", error=str(err))
            return
        if not removed:
            self._next_prune_s = now_s + PRUNE_EVERY_S
