"""Keeps every position covered by its stops: retried with growing pauses, told aloud while it is not so.

A stop that the broker refuses must neither be sent again twenty times a second nor be forgotten; a
position that cannot be protected in time is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from engine.api import Level, Mode
from engine.api_recovery import RecoveryKind
from engine.domain.instrument import Instrument
from engine.domain.order import OrderState, Role
from engine.domain.reasons import Reason
from engine.execution.executor import CloseStatus, Executor
from engine.execution.hours import is_open
from engine.execution.protection import AddStop, is_exit
from engine.ledger.protection import protection
from engine.recovery.compare import Finding
from engine.runtime.desk import Desk
from engine.runtime.guards.forced import tell_forced

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


class StopReport(NamedTuple):
    """What a look at every stop found and did, one line per instrument."""

    done: tuple[str, ...]
    failed: tuple[str, ...]
    """What could not be put right; retried by the regular rounds."""


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
        self._naked_since_s: dict[str, float] = {}
        self._unsettled: frozenset[str] = frozenset()
        """Keys that differed from the broker at the last look."""

    def round(self) -> None:
        """Start what is due; an instrument on which another act is under way is left to that act."""
        if self._desk.mode is Mode.DRY_RUN:
            return
        keys = self._keys()
        for key in self._trouble.keys() - keys:
            self._is_right(key)
        self._watch_naked()
        for key in sorted(keys):
            with self._desk.faults.position(key, "its stops"):
                if not self._executor.lock(key).locked():
                    self._look_at(key)

    def line_lost(self) -> None:
        """Without a line nothing can be placed: the time a position may be naked begins anew."""
        self._naked_since_s.clear()

    async def verify(self) -> StopReport:
        """Look at every stop now and put right what is not; the answer says what stands, by instrument."""
        keys = sorted(self._keys()) if self._desk.mode is not Mode.DRY_RUN else []
        needed = {key for key in keys if self._needs(key)}
        right = await asyncio.gather(*(self._protect(key) for key in keys))
        done, failed = [], []
        for key, ok in zip(keys, right, strict=True):
            if not ok:
                failed.append(f"{key}: its stops could not be put right")
            elif self._desk.books.position(key) is not None:
                done.append(f"{key}: {self._cover(key)}{', put right now' if key in needed else ''}")
            elif key in needed:
                done.append(f"{key}: flat, its stop is cancelled")
        return StopReport(tuple(done), tuple(failed))

    def _needs(self, key: str) -> bool:
        try:
            return bool(self._executor.protection_steps(key, self._instrument(key)))
        except Exception as err:  # noqa: BLE001 - as below
            self._desk.faults.position_failed(key, "its stops", err)
            return True

    def _instrument(self, key: str) -> Instrument | None:
        return self._desk.instruments.get(key)

    def _cover(self, key: str) -> str:
        stops = [o for o in self._desk.books.open_orders(key) if o.intent.role is Role.STOP]
        return "stop " + ", ".join(f"{o.remaining} at {o.intent.stop_price}" for o in stops)

    def _keys(self) -> set[str]:
        books = self._desk.books
        held = {p.key for p in books.positions()}
        return held | {o.intent.key for o in books.open_orders() if o.intent.role is Role.STOP}

    # --- putting right --------------------------------------------------------------------------

    def _look_at(self, key: str) -> None:
        steps = self._executor.protection_steps(key, self._instrument(key))
        if not steps:
            if self._is_confirmed(key):
                self._is_right(key)
            return
        changed = self._changed(key)
        if changed is not None:
            text = f"{key}: its stops are left as they are until this is settled (O): {changed.text}"
            self._desk.notices.raise_alert(Level.CRITICAL, "naked", text, symbol=key)
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
        try:
            return await self._put_right(key)
        except Exception as err:  # noqa: BLE001 - the other instruments are looked after all the same
            self._desk.faults.position_failed(key, "its stops", err)
            return False

    async def _put_right(self, key: str) -> bool:
        instrument = self._instrument(key)
        if instrument is None or self._changed(key) is not None:
            return not self._executor.protection_steps(key, None)
        return await self._executor.protect(key, instrument)

    def _changed(self, key: str) -> Finding | None:
        """What happened to the instrument itself: price and quantity of a stop from before mean nothing."""
        finding = self._desk.unsettled().get(key)
        return finding if finding is not None and finding.kind is RecoveryKind.CORPORATE else None

    def _is_confirmed(self, key: str) -> bool:
        """A stop still on its way may yet be refused: only the broker's word ends the trouble."""
        stops = [o for o in self._desk.books.open_orders(key) if o.intent.role is Role.STOP]
        return all(o.state in (OrderState.WORKING, OrderState.CANCEL_PENDING) for o in stops)

    # --- a position without a stop --------------------------------------------------------------

    def _watch_naked(self) -> None:
        """Close what could not be protected in time."""
        now_s = self._desk.clock.monotonic()
        naked = set()
        for key in (p.key for p in self._desk.books.positions()):
            with self._desk.faults.position(key, "its cover"):
                naked |= {key} if self._is_naked(key) else set()
        unsettled = self._desk.unsettled()
        # What was settled just now could not be protected before: its time begins anew.
        since = {k: s for k, s in self._naked_since_s.items() if k not in self._unsettled - unsettled.keys()}
        self._unsettled = frozenset(unsettled)
        self._naked_since_s = {key: since.get(key, now_s) for key in naked}
        limit_s = self._desk.config.execution.naked_limit_s
        for key, since_s in self._naked_since_s.items():
            if now_s - since_s >= limit_s:
                # Should the close fail, the position has the same time again to be protected or closed.
                self._naked_since_s[key] = now_s
                doing = "the position is being closed"
                if key in unsettled:
                    doing = f"it is not closed before this is settled (O): {unsettled[key].text}"
                text = f"{key}: no working stop for {limit_s:.0f} s; {doing}"
                # The alert may stand already with older words: this must be read all the same.
                self._desk.notices.event(Level.CRITICAL, "order", text, symbol=key)
                self._desk.notices.raise_alert(Level.CRITICAL, "naked", text, symbol=key)
                if key not in unsettled:
                    self._spawn(f"close unprotected {key}", partial(self._close, key))

    def _is_naked(self, key: str) -> bool:
        """Where a working stop and exits on their way do not cover all of it, and its market is open.

        An exit that has had its time is on its way no longer: by then a stop stands beside it.
        """
        position, instrument = self._desk.books.position(key), self._instrument(key)
        if position is None or instrument is None or not is_open(instrument, self._desk.now()):
            return False
        if self._desk.books.unknown_orders(key):
            return False  # no close could be proven safe beside it: people are told
        orders = self._desk.books.open_orders(key)
        overdue = self._executor.overdue_exits(key)
        leaving = sum(o.remaining for o in orders if is_exit(o) and o.intent.ref not in overdue)
        return protection(position, orders).protected + leaving < abs(position.quantity)

    async def _close(self, key: str) -> None:
        instrument = self._desk.instruments[key]
        tell_forced(self._desk, key, f"no stop could be placed ({Reason.UNPROTECTED.value})")
        result = await self._executor.close(key, instrument, role=Role.FLATTEN, reason=Reason.UNPROTECTED)
        if result.status is CloseStatus.NOT_FLAT:
            text = f"neither protected nor closed: {result.text}; look at the broker"
            self._desk.notices.raise_alert(Level.CRITICAL, "naked", text, symbol=key)

    # --- telling --------------------------------------------------------------------------------

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
