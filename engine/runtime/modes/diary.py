"""The diary of paper days: what each trading day on a real paper account was like, written by itself.

Where a day could never count (simulated prices, another speed, no paper account) nothing is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Final

from engine.api import AlertView
from engine.broker.port import LinkState
from engine.gates.day import BREACHES, Day, read_day
from engine.gates.evidence import Evidence, Kind, why_not_counted
from engine.runtime.alerts.notices import Telling
from engine.runtime.daypnl import trading_day
from engine.runtime.desk import Desk
from engine.runtime.modes.evidence import EvidenceBook
from engine.runtime.modes.session_day import session_day
from engine.store.journal import StoredRun

SAVE_EVERY_S: Final = 60.0
LONGEST_STEP_S: Final = 5.0
"""A longer time between two rounds was not watched: it is not presence."""
NEVER_S: Final = 86_400.0
"""How long an alert took that never arrived."""


class DayDiary:
    """One round a second; a record a minute, and at once when something happened."""

    def __init__(
        self,
        desk: Desk,
        book: EvidenceBook,
        *,
        known: Iterable[Evidence] = (),
        errors: Callable[[], int] = lambda: 0,
        alert_delays: Callable[[], Iterable[float]] = tuple,
    ) -> None:
        """`errors` counts this process's ERROR records; `alert_delays` are the ways (s) ended since asked."""
        self._desk = desk
        self._book = book
        self._days: dict[date, Day] = {
            day.day: day for e in known if e.kind == Kind.DAY and (day := read_day(e.facts)) is not None
        }
        self._errors = errors
        self._errors_told = errors()
        self._alert_delays = alert_delays
        self._day: Day | None = None
        self._breaches: list[str] = []
        self._looked_at: datetime | None = None
        self._saved: Day | None = None
        self._saved_s = -math.inf
        self._crashed_on: date | None = None

    @property
    def counts_text(self) -> str:
        """Why this run is no evidence, for people; empty where it is."""
        desk = self._desk
        return why_not_counted(
            gateway=desk.gateway, account=desk.account, mode=desk.mode.value, speed=desk.clock.speed
        )

    def crashed(self, run: StoredRun | None, *, last_sign: datetime | None) -> None:
        """A run before this one that did not end in order spoils the day of its last sign of life."""
        if run is not None and not run.clean:
            self._crashed_on = trading_day(last_sign or run.started_at)

    def hear(self, alert: AlertView, why: Telling) -> None:
        """People were told of an alert: a breach is remembered."""
        if why is Telling.RAISED and alert.code in BREACHES:
            self._breaches.append(alert.code)

    async def round(self) -> None:
        """Look once, and write what changed."""
        if self.counts_text:
            return
        now, now_s = self._desk.now(), self._desk.clock.monotonic()
        await self._note_crash()
        before, self._looked_at = self._looked_at, now
        day = self._today(now)
        if day is None:
            return
        # What came late, because the machine slept or because it only just started, was not watched.
        if before is not None and (now - before).total_seconds() <= LONGEST_STEP_S:
            if self._desk.link is LinkState.UP:
                day = day._replace(present_s=day.present_s + day.seconds_between(before, now))
            day = self._close(day, now=now, before=before)
        day = self._day = self._troubles(day)
        if _urgent(day, self._saved) or now_s - self._saved_s >= SAVE_EVERY_S:
            await self._save(day, now_s)

    def _today(self, now: datetime) -> Day | None:
        """The day as it is known so far, also by earlier runs."""
        today = trading_day(now)
        found = session_day(self._desk.instruments.values(), today)
        day = self._day if self._day is not None and self._day.day == today else self._days.get(today)
        if found is None:
            return day
        hours = found.hours
        if day is None:
            return Day(today, hours.open, hours.close, next_day=found.next_day)
        return day._replace(opens=hours.open, closes=hours.close, next_day=found.next_day or day.next_day)

    def _troubles(self, day: Day) -> Day:
        errors = self._errors()
        fresh, self._errors_told = errors - self._errors_told, errors
        breaches, self._breaches = tuple(self._breaches), []
        delays = [min(delay, NEVER_S) for delay in self._alert_delays()]
        return day._replace(
            errors=day.errors + fresh,
            breaches=tuple(dict.fromkeys((*day.breaches, *breaches))),
            alerts=day.alerts + len(delays),
            worst_alert_s=max((day.worst_alert_s, *delays)),
        )

    def _close(self, day: Day, *, now: datetime, before: datetime) -> Day:
        """The session closed between the last look and this one: what is still held should not be."""
        if day.seen_close or not before < day.closes <= now:
            return day
        return day._replace(seen_close=True, left_open=self._held_by_day_strategies())

    def _held_by_day_strategies(self) -> tuple[str, ...]:
        sections = self._desk.config.strategies
        return tuple(
            f"{p.key} {p.quantity:+d}"
            for p in self._desk.books.positions()
            if p.owner in sections and not sections[p.owner].holds_overnight
        )

    async def _note_crash(self) -> None:
        on, self._crashed_on = self._crashed_on, None
        day = None if on is None else self._days.get(on)
        if day is not None:
            # A day nobody had begun to write has nothing to be spoilt.
            spoilt = self._days[day.day] = day._replace(crashes=day.crashes + 1)
            await self._record(spoilt, told=True)

    async def _save(self, day: Day, now_s: float) -> None:
        ended = day.seen_close and (self._saved is None or not self._saved.seen_close)
        self._saved, self._saved_s = day, now_s
        await self._record(day, told=ended)

    async def _record(self, day: Day, *, told: bool) -> None:
        passed = not day.why_not_clean()
        await self._book.record(Kind.DAY, day.day.isoformat(), passed=passed, facts=day.facts(), told=told)


def _urgent(day: Day, saved: Day | None) -> bool:
    """True where something happened that a crash must not forget."""
    if saved is None or saved.day != day.day:
        return True
    was, now = (_events(saved), _events(day))
    return was != now


def _events(day: Day) -> tuple[object, ...]:
    return (day.seen_close, day.errors, day.breaches, day.left_open, day.worst_alert_s)
