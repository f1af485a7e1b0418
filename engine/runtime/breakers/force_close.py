"""Closes a position that failed too often: once, isolated, and with growing pauses where it does not work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from engine.api import Level, Mode
from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.execution.executor import CloseStatus, Executor
from engine.runtime.desk import Desk

ALERT: Final = "forced_close"

FIRST_PAUSE_S: Final = 10.0
LONGEST_PAUSE_S: Final = 300.0
"""Real seconds between two attempts."""


@dataclass(slots=True)
class _Due:
    """One position that is to go."""

    why: str
    next_s: float
    attempts: int = 0
    is_under_way: bool = False


class ForceClose:
    """Told by the breakers which positions are to go; asked once a second. Its symbol waits for a person."""

    def __init__(
        self, desk: Desk, *, executor: Executor, spawn: Callable[[str, Callable[[], object]], None]
    ) -> None:
        self._desk = desk
        self._executor = executor
        self._spawn = spawn
        self._due: dict[str, _Due] = {}

    def due(self, key: str, why: str) -> None:
        """Close the position of an instrument, now and until it is gone."""
        desk = self._desk
        if desk.books.position(key) is None or desk.mode is Mode.DRY_RUN:
            return
        text = f"{key}: {why}; its position is closed (error_force_close)"
        desk.notices.raise_alert(Level.CRITICAL, ALERT, text, symbol=key)
        self._due.setdefault(key, _Due(why, desk.clock.monotonic()))
        self.round()

    def round(self) -> None:
        """Start the attempts that are due; what is flat is forgotten."""
        now_s = self._desk.clock.monotonic()
        for key, due in tuple(self._due.items()):
            if self._desk.books.position(key) is None:
                del self._due[key]
            elif not due.is_under_way and now_s >= due.next_s:
                self._attempt(key, due, now_s)

    def _attempt(self, key: str, due: _Due, now_s: float) -> None:
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**due.attempts)
        due.attempts += 1
        due.next_s = now_s + pause_s
        unsettled = self._desk.unsettled().get(key)
        if unsettled is not None:
            self._tell(key, f"not closed before this is settled (O): {unsettled.text}")
            return
        due.is_under_way = True
        self._spawn(f"force close {key}", partial(self._close, key, due, pause_s))

    async def _close(self, key: str, due: _Due, pause_s: float) -> None:
        again = f"tried again in {pause_s:.0f} s; look at the broker"
        try:
            instrument = self._desk.instruments[key]
            result = await self._executor.close(
                key, instrument, role=Role.FLATTEN, reason=Reason.ERROR_FORCE_CLOSE
            )
        except Exception as err:  # noqa: BLE001 - the one act that must not fail for good
            self._desk.faults.failed("force close", err, key=key)
            self._tell(key, f"closing it failed, too ({type(err).__name__}: {err}), {again}")
        else:
            if result.status is CloseStatus.NOT_FLAT:
                self._tell(key, f"it could not be closed: {result.text}; {again}")
        finally:
            due.is_under_way = False

    def _tell(self, key: str, what: str) -> None:
        text = f"{key}: {self._due[key].why if key in self._due else 'too many errors'}; {what}"
        self._desk.notices.raise_alert(Level.CRITICAL, ALERT, text, symbol=key)
