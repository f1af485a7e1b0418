"""Counts paper days: the streak of clean ones, and those since the last breach. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from itertools import pairwise
from typing import NamedTuple

from engine.gates.age import is_fresh
from engine.gates.case import Case
from engine.gates.day import Day, day_of
from engine.gates.evidence import Kind, counts


class Days(NamedTuple):
    """The days that count, oldest first. A day that is still going on is not among them."""

    ended: tuple[Day, ...]
    clean: tuple[Day, ...]
    """The newest ones, consecutive by the broker's calendar, each full and clean."""
    without_breach: tuple[Day, ...]
    """The newest ones, since the last breach; each was a whole day of trading."""
    broken_by: str = ""
    """What stands before the streak of clean days; empty where nothing does."""
    breach: str = ""
    at: datetime | None = None
    """When the newest evidence was made."""


def days_of(case: Case) -> Days:
    """The days of one account."""
    drills = [e.at for e in case.own if e.kind == Kind.DRILL]
    records = [(day_of(e), e.at) for e in case.own if e.kind == Kind.DAY and counts(e)]
    # A record that cannot be read may have been a breach: what lies before it is worth nothing.
    unreadable = max((at for day, at in records if day is None), default=None)
    found = [(day, at) for day, at in records if day is not None and is_fresh(case, at)]
    by_day = {day.day: (day, at) for day, at in found if unreadable is None or day.opens > unreadable}
    newest = max((at for _, at in by_day.values()), default=None)
    known = tuple(by_day[day][0] for day in sorted(by_day))
    ended = tuple(day for day in known if day.closes <= case.now)
    spoilt = {day.day: _spoilt(day, drills) for day in ended}
    clean = _streak(ended, spoilt)
    before = ended[: len(ended) - len(clean)]
    why = f"{before[-1].day}: {spoilt[before[-1].day] or 'not the trading day before'}" if before else ""
    breached = [n for n, day in enumerate(known) if day.breaches]
    after = known[breached[-1] + 1 :] if breached else known
    last = known[breached[-1]] if breached else None
    return Days(
        ended,
        clean,
        tuple(day for day in after if day in ended and not day.why_not_full() and not _drilled(day, drills)),
        why,
        "" if last is None else f"{last.day}: {', '.join(last.breaches)}",
        newest,
    )


def _streak(ended: tuple[Day, ...], spoilt: Mapping[date, str]) -> tuple[Day, ...]:
    """The days at the end that are clean and follow each other without a trading day between them."""
    start = len(ended)
    while start and not spoilt[ended[start - 1].day]:
        start -= 1
    streak = ended[start:]
    gaps = [n for n, (one, two) in enumerate(pairwise(streak), start=1) if one.next_day != two.day]
    return streak[gaps[-1] :] if gaps else streak


def _spoilt(day: Day, drills: list[datetime]) -> str:
    return "a kill drill in the session" if _drilled(day, drills) else day.why_not_clean()


def _drilled(day: Day, drills: list[datetime]) -> bool:
    """Drilled time is no trading."""
    return any(day.contains(at) for at in drills)
