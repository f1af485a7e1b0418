"""Counts paper days: the streak of clean ones, and those since the last breach. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import date, datetime
from itertools import pairwise
from typing import Final, NamedTuple

from engine.gates.age import is_fresh
from engine.gates.case import Case
from engine.gates.day import Day, day_of
from engine.gates.evidence import Kind, counts

_GAP: Final = "not the trading day before"


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
    # A day of a drill proves nothing and spoils nothing, unless more went wrong than the drill.
    neutral = {day.day for day in ended if _drilled(day, drills) and not (day.crashes or day.breaches)}
    lived = tuple(day for day in ended if day.day not in neutral)
    followers = {day.day: day.next_day for day in ended}
    clean = _streak(lived, neutral, followers)
    before = lived[: len(lived) - len(clean)]
    why = f"{before[-1].day}: {before[-1].why_not_clean() or _GAP}" if before else ""
    breached = [n for n, day in enumerate(known) if day.breaches]
    after = known[breached[-1] + 1 :] if breached else known
    last = known[breached[-1]] if breached else None
    return Days(
        lived,
        clean,
        tuple(day for day in after if day in lived and not day.why_not_full()),
        why,
        "" if last is None else f"{last.day}: {', '.join(last.breaches)}",
        newest,
    )


def _streak(
    lived: tuple[Day, ...], neutral: Set[date], followers: Mapping[date, date | None]
) -> tuple[Day, ...]:
    """The days at the end that are clean and follow each other without a trading day between them."""
    start = len(lived)
    while start and not lived[start - 1].why_not_clean():
        start -= 1
    streak = lived[start:]
    gaps = [
        n
        for n, (one, two) in enumerate(pairwise(streak), start=1)
        if _next(one.day, neutral, followers) != two.day
    ]
    return streak[gaps[-1] :] if gaps else streak


def _next(day: date, neutral: Set[date], followers: Mapping[date, date | None]) -> date | None:
    """The trading day after one, over those that are neutral."""
    found = followers.get(day)
    while found is not None and found in neutral:
        later = followers.get(found)
        if later is None or later <= found:
            return found
        found = later
    return found


def _drilled(day: Day, drills: list[datetime]) -> bool:
    """Drilled time is no trading."""
    return any(day.contains(at) for at in drills)
