"""Sessions of a market: is it open, until when, when next; and when entries end and days are flattened.

Pure: a calendar is a table of days that somebody made before; times are arguments, aware, of any zone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from engine.domain.instrument import SecType, SessionHours
from engine.domain.market import NEW_YORK

PAUSE = timedelta(minutes=59)
"""Longest stop inside a session; the maintenance hour of futures already parts two of them."""

LEAST_FLATTEN_MINUTES = 5.0
"""Every position of a day strategy is closed at least so long before the close."""


class SessionDay(NamedTuple):
    """One session of a calendar. A session that begins in the evening belongs to the day it ends on."""

    day: date
    parts: tuple[SessionHours, ...]
    """Stretches in which it trades, in order; more than one where there is a break. Aware UTC."""

    @property
    def open(self) -> datetime:
        """Start of its first part."""
        return self.parts[0].open

    @property
    def close(self) -> datetime:
        """End of its last part."""
        return self.parts[-1].close

    def is_open(self, at: datetime) -> bool:
        """True inside one of its parts."""
        return any(part.open <= at < part.close for part in self.parts)


class Calendar:
    """The sessions of one market over the days its table covers."""

    def __init__(self, name: str, days: Iterable[SessionDay]) -> None:
        """Raises ValueError for a table whose days overlap or are out of order."""
        self.name = name
        self.days = tuple(days)
        for before, after in zip(self.days, self.days[1:], strict=False):
            if after.open < before.close or after.day <= before.day:
                raise ValueError(f"calendar {name}: {before.day} and {after.day} overlap or are out of order")
        self._closes = [day.close for day in self.days]

    def covers(self, at: datetime) -> bool:
        """False where the table says nothing about that time: unknown is not closed."""
        return bool(self.days) and self.days[0].open <= at < self.days[-1].close

    def session_at(self, at: datetime) -> SessionDay | None:
        """The session that is open then, or None while it is closed, in a break, or not known."""
        day = self.upcoming(at)
        return day if day is not None and day.is_open(at) else None

    def upcoming(self, at: datetime) -> SessionDay | None:
        """The session that runs then or begins next; None beyond the table."""
        index = bisect_right(self._closes, at)
        return self.days[index] if index < len(self.days) else None

    def overlapping(self, hours: SessionHours) -> SessionDay | None:
        """The first session that trades within these hours; None where none does, or none is known."""
        day = self.upcoming(hours.open)
        return day if day is not None and day.open < hours.close else None

    def next_open(self, at: datetime) -> datetime | None:
        """When it next begins to trade, `at` excluded; None beyond the table."""
        index = bisect_right(self._closes, at)
        parts = (part.open for day in self.days[index : index + 2] for part in day.parts)
        return next((opens for opens in parts if opens > at), None)

    def minutes_to_close(self, at: datetime) -> float | None:
        """Minutes until the session that is open then ends; None while none is open."""
        day = self.session_at(at)
        return None if day is None else (day.close - at).total_seconds() / 60.0


@dataclass(frozen=True, slots=True)
class DayRules:
    """When entries end before a close, and when day strategies are flattened."""

    eod_close: time
    """New York time at which stocks are flat at the latest."""
    flatten_minutes: float
    """Flat so long before the close; at least five."""
    flatten_lead_minutes: float
    """So much earlier the closing begins, so that its fills are there in time."""
    no_entry_minutes: float
    """No entry so long before the close."""

    def __post_init__(self) -> None:
        """Raise ValueError for less than five minutes."""
        if not self.flatten_minutes >= LEAST_FLATTEN_MINUTES:
            raise ValueError(
                f"flatten_minutes is {self.flatten_minutes:g}, at least {LEAST_FLATTEN_MINUTES:g}"
            )


def session_of(hours: Sequence[SessionHours], at: datetime) -> SessionHours | None:
    """The session that is open then, pauses bridged; None where none is, or it pauses. `hours` in order."""
    if not any(part.open <= at < part.close for part in hours):
        return None
    return next((whole for whole in whole_sessions(hours) if whole.open <= at < whole.close), None)


def whole_sessions(hours: Iterable[SessionHours]) -> Iterator[SessionHours]:
    """Sessions with their pauses bridged. `hours` in order."""
    whole: SessionHours | None = None
    for part in hours:
        if whole is None:
            whole = part
        elif part.open - whole.close <= PAUSE:
            whole = SessionHours(whole.open, max(whole.close, part.close))
        else:
            yield whole
            whole = part
    if whole is not None:
        yield whole


def flat_by(sec_type: SecType, close: datetime, rules: DayRules) -> datetime:
    """When day positions are closed at the latest: five minutes before the close, stocks by `eod_close`."""
    by_close = close - timedelta(minutes=rules.flatten_minutes)
    if sec_type is SecType.FUTURE:
        return by_close
    day = close.astimezone(NEW_YORK).date()
    by_clock = datetime.combine(day, rules.eod_close, tzinfo=NEW_YORK).astimezone(close.tzinfo)
    return min(by_close, by_clock)


def flatten_from(sec_type: SecType, close: datetime, rules: DayRules) -> datetime:
    """When closing day positions begins."""
    return flat_by(sec_type, close, rules) - timedelta(minutes=rules.flatten_lead_minutes)


def entries_end(sec_type: SecType, close: datetime, rules: DayRules) -> datetime:
    """From when on nothing is entered: before the close, and never after flattening began."""
    quiet = close - timedelta(minutes=rules.no_entry_minutes)
    return min(quiet, flatten_from(sec_type, close, rules))
