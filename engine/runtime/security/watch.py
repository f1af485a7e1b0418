"""Says at the start and every hour which secrets are due; only names and days."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import structlog

from engine.api import Level
from engine.runtime.desk import Desk
from engine.runtime.security.rotation import Standing, of_config, utc_today

ALERT: Final = "secret_due"
EVERY_S: Final = 3600.0

_log = structlog.get_logger("engine")


class SecretWatch:
    """A step of the engine's regular round; reads its small file in a thread."""

    def __init__(self, desk: Desk, *, state_dir: Path, today: Callable[[], date] = utc_today) -> None:
        self._desk = desk
        self._state_dir = state_dir
        self._today = today
        self._next_s = float("-inf")
        self._told: tuple[Standing, ...] = ()

    async def round(self) -> None:
        """Look once an hour."""
        now_s = self._desk.clock.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + EVERY_S
        self._tell(
            await asyncio.to_thread(of_config, self._desk.config, self._state_dir, today=self._today())
        )

    def _tell(self, found: tuple[Standing, ...]) -> None:
        if found != self._told:
            self._told = found
            for one in found:
                on = None if one.on is None else one.on.isoformat()
                _log.info("secret.rotation", name=one.name, changed_on=on, is_overdue=one.is_overdue)
        overdue = [str(one) for one in found if one.is_overdue]
        if overdue:
            text = f"time for new secrets: {'; '.join(overdue)}; --live is refused meanwhile"
            self._desk.notices.raise_alert(Level.WARNING, ALERT, text)
        else:
            self._desk.notices.clear_alert(ALERT)
