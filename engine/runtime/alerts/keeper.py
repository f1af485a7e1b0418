"""Keeps the alerts: their rows in the store, their minute and their escalation in the regular round."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from engine.runtime.alerts.notices import Notices
from engine.store.alerts import put_alerts
from engine.store.errors import StoreError
from engine.store.store import Store

_log = structlog.get_logger("engine")


class AlertKeeper:
    """Writes at every change, as soon as the writer is free; what the disk does not take waits in memory."""

    def __init__(
        self, notices: Notices, *, store: Store, spawn: Callable[[str, Callable[[], object]], None]
    ) -> None:
        self._notices = notices
        self._store = store
        self._spawn = spawn
        self._turn = asyncio.Lock()
        self._is_asked = False

    async def round(self) -> None:
        """Once a second: tell again, escalate, and write what could not be written before.

        The first one comes when the engine can run tasks; what is raised before it is written by it.
        """
        self._notices.on_unsaved(self._ask)
        self._notices.tick()
        if self._store.healthy:
            await self.save()

    async def save(self) -> None:
        """Make durable what waits."""
        self._is_asked = False
        async with self._turn:
            rows = self._notices.take_unsaved()
            if not rows:
                return
            try:
                await self._store.run(partial(put_alerts, alerts=rows, boot_id=self._store.boot_id))
            except StoreError as err:
                self._notices.give_back(rows)
                _log.warning("alerts.not_stored", rows=len(rows), error=str(err))

    def _ask(self) -> None:
        if not self._is_asked:
            self._is_asked = True
            self._spawn("write alerts", self.save)
