"""What one session means for a day: when it may be entered, and by when day positions are flat. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from statistics import mode
from typing import NamedTuple

from engine.domain.instrument import SecType, SessionHours
from engine.domain.market import NEW_YORK
from engine.market.sessions import DayRules, entries_end, flat_by


class EntryWindow(NamedTuple):
    """New York times between which entries are allowed at all."""

    start: time
    end: time


class DayPlan(NamedTuple):
    """One session. Times are aware UTC."""

    opens: datetime
    closes: datetime
    entries_from: datetime | None
    """None where this session has no time for entries."""
    entries_until: datetime | None
    flat_by: datetime
    """Day positions are closed by then."""
    is_early: bool
    """It closes earlier than most of those around it."""


def plan_day(
    sec_type: SecType,
    session: SessionHours,
    *,
    regular: SessionHours | None,
    rules: DayRules,
    window: EntryWindow,
    around: Sequence[SessionHours] = (),
) -> DayPlan:
    """How a session is traded. Entries happen in its `regular` hours only; None where they are not known."""
    inside = regular or session
    day = session.close.astimezone(NEW_YORK).date()
    first, last = (datetime.combine(day, t, tzinfo=NEW_YORK).astimezone(UTC) for t in window)
    since = max(inside.open, first)
    until = min(inside.close, last, entries_end(sec_type, session.close, rules))
    has_time = since < until
    return DayPlan(
        session.open,
        session.close,
        since if has_time else None,
        until if has_time else None,
        flat_by(sec_type, session.close, rules),
        _is_early(session, around),
    )


def running_or_next(hours: Iterable[SessionHours], at: datetime) -> SessionHours | None:
    """The session that runs then, or the next one; None where no more is known. `hours` in order."""
    return next((one for one in hours if one.close > at), None)


def _is_early(session: SessionHours, around: Sequence[SessionHours]) -> bool:
    if not around:
        return False
    usual = mode(one.close.astimezone(NEW_YORK).time() for one in around)
    day = session.close.astimezone(NEW_YORK)
    return day < datetime.combine(day.date(), usual, tzinfo=NEW_YORK) - timedelta(minutes=1)
