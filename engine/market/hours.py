"""Hours as the broker told them beside the calendar's: where both are known and differ, the narrower count.

Pure. What a calendar does not cover, or the broker did not tell, says nothing: unknown is not closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from engine.domain.instrument import Instrument, SecType, SessionHours
from engine.market.sessions import Calendar, session_of, whole_sessions

SAME: Final = timedelta(minutes=1)
"""Hours that are no farther apart say the same."""


def told_hours(instrument: Instrument) -> tuple[SessionHours, ...]:
    """The hours that rule its day, as the broker told them: regular ones of stocks, all of a future's."""
    is_future = instrument.sec_type is SecType.FUTURE
    return instrument.trading_hours if is_future else instrument.liquid_hours


def close_of(instrument: Instrument, at: datetime, calendar: Calendar | None = None) -> datetime | None:
    """When the session that runs then ends for day positions; None while none runs, or hours are unknown.

    It may lie in the past, where the calendar says that the market shut before the broker does.
    """
    told = session_of(told_hours(instrument), at)
    if told is None:
        return None
    known = None if calendar is None else calendar.overlapping(told)
    return told.close if known is None else min(told.close, known.close)


def is_shut(calendar: Calendar, at: datetime) -> bool:
    """True where the calendar knows that its market does not trade then."""
    return calendar.covers(at) and calendar.session_at(at) is None


def differences(told: Sequence[SessionHours], calendar: Calendar, *, since: datetime) -> Iterator[str]:
    """What the two say differently of sessions that end after `since`, a phrase each, times in UTC."""
    sessions = [one for one in whole_sessions(told) if one.close > since]
    for one in sessions:
        day = calendar.overlapping(one)
        if day is None:
            if calendar.covers(one.open):
                yield f"the broker says open {_text(one)}, {calendar.name} says closed"
        elif abs(day.open - one.open) > SAME or abs(day.close - one.close) > SAME:
            both = SessionHours(day.open, day.close)
            yield f"the broker says {_text(one)}, {calendar.name} says {_text(both)}"
    if not sessions:
        return
    first, last = sessions[0].close, sessions[-1].open
    for day in calendar.days:
        hours = SessionHours(day.open, day.close)
        if first <= day.open < last and not any(_overlap(one, hours) for one in sessions):
            yield f"the broker says closed, {calendar.name} says open {_text(hours)}"


def _overlap(one: SessionHours, other: SessionHours) -> bool:
    return one.open < other.close and other.open < one.close


def _text(hours: SessionHours) -> str:
    return f"{hours.open:%Y-%m-%d %H:%M} to {hours.close:%d. %H:%M}"
