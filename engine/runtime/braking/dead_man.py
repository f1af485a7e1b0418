"""Pauses entries where no operator was seen for too long: a market must not be traded with nobody there."""

from __future__ import annotations

from engine.api import BrakeKind, Level, Scope
from engine.runtime.brakes import BrakeDesk
from engine.runtime.desk import Desk

WHO = "dead man"
ABSENT_ALERT = "operator_absent"


class DeadMan:
    """A key, a command or a screen that attaches is a sign of life; a screen that only shows is none."""

    def __init__(self, desk: Desk, *, brakes: BrakeDesk) -> None:
        self._desk = desk
        self._brakes = brakes
        self._seen_s = desk.clock.monotonic()

    def seen(self) -> None:
        """Somebody is there. The PAUSE stays: a person lifts it, with a reason."""
        self._seen_s = self._desk.clock.monotonic()
        self._desk.notices.clear_alert(ABSENT_ALERT)

    async def round(self) -> None:
        """Pause, once, where `shutdown.dead_man_minutes` have passed without a sign."""
        minutes = self._desk.config.shutdown.dead_man_minutes
        silent_s = self._desk.clock.monotonic() - self._seen_s
        if not minutes or silent_s < minutes * 60.0 or self._desk.brakes.account_level() is not None:
            return
        text = f"no operator was seen for {minutes:g} min (shutdown.dead_man_minutes)"
        self._desk.notices.raise_alert(Level.WARNING, ABSENT_ALERT, f"{text}: entries are paused")
        await self._brakes.pull(BrakeKind.PAUSE, Scope(), reason=text, who=WHO)
