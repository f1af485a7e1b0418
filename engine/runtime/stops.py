"""Keeps every position covered by its stops: retried with growing pauses, told aloud while it is not so.

A stop that the broker refuses must neither be sent again twenty times a second nor be forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from engine.api import Level, Mode
from engine.domain.order import OrderState, Role
from engine.execution.executor import Executor
from engine.execution.protection import AddStop
from engine.runtime.desk import Desk

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
"""Real seconds between two attempts to put the same stops right."""

TOLD_AFTER = 2
"""Attempts that did not hold before people are alarmed: some three seconds."""


@dataclass(slots=True)
class _Trouble:
    """Attempts for one instrument since its stops were last right."""

    attempts: int = 0
    next_s: float = 0.0


class StopKeeper:
    """Looks at every position and every stop of ours, as often as it is asked."""

    def __init__(
        self,
        desk: Desk,
        *,
        executor: Executor,
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self._desk = desk
        self._executor = executor
        self._spawn = spawn
        self._trouble: dict[str, _Trouble] = {}

    def round(self) -> None:
        """Start what is due; an instrument on which another act is under way is left to that act."""
        if self._desk.mode is Mode.DRY_RUN:
            return
        keys = self._keys()
        for key in self._trouble.keys() - keys:
            self._is_right(key)
        for key in sorted(keys):
            if not self._executor.lock(key).locked():
                self._look_at(key)

    async def settle(self) -> tuple[str, ...]:
        """Put all stops right now, before the engine leaves; names what could not be."""
        keys = sorted(self._keys()) if self._desk.mode is not Mode.DRY_RUN else []
        right = await asyncio.gather(*(self._protect(key) for key in keys))
        return tuple(
            f"{key}: its stops could not be put right" for key, ok in zip(keys, right, strict=True) if not ok
        )

    def _keys(self) -> set[str]:
        books = self._desk.books
        held = {p.key for p in books.positions()}
        return held | {o.intent.key for o in books.open_orders() if o.intent.role is Role.STOP}

    def _look_at(self, key: str) -> None:
        steps = self._executor.protection_steps(key, self._desk.instruments.get(key))
        if not steps:
            if self._is_confirmed(key):
                self._is_right(key)
            return
        trouble = self._trouble.setdefault(key, _Trouble())
        now_s = self._desk.clock.monotonic()
        if now_s < trouble.next_s:
            return
        if trouble.attempts >= TOLD_AFTER or key not in self._desk.instruments:
            self._tell(key, trouble.attempts)
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**trouble.attempts)
        trouble.attempts += 1
        trouble.next_s = now_s + pause_s
        if any(isinstance(step, AddStop) for step in steps):
            text = f"{key}: not covered by a stop; sending one"
            self._desk.notices.event(Level.WARNING, "order", text, symbol=key)
        self._spawn(f"protect {key}", lambda: self._protect(key))

    async def _protect(self, key: str) -> bool:
        instrument = self._desk.instruments.get(key)
        if instrument is None:
            return not self._executor.protection_steps(key, None)
        return await self._executor.protect(key, instrument)

    def _is_confirmed(self, key: str) -> bool:
        """A stop still on its way may yet be refused: only the broker's word ends the trouble."""
        stops = [o for o in self._desk.books.open_orders(key) if o.intent.role is Role.STOP]
        return all(o.state in (OrderState.WORKING, OrderState.CANCEL_PENDING) for o in stops)

    def _tell(self, key: str, attempts: int) -> None:
        if key not in self._desk.instruments:
            text = f"{key}: its stops need care, but the broker has not described it"
        else:
            text = f"{key}: its stops do not match its position; retried (attempt {attempts} did not hold)"
        standing = any(a.code == "naked" and a.symbol == key for a in self._desk.notices.alerts)
        if not standing:
            self._desk.notices.raise_alert(Level.CRITICAL, "naked", text, symbol=key)

    def _is_right(self, key: str) -> None:
        self._trouble.pop(key, None)
        self._desk.notices.clear_alert("naked", symbol=key)
