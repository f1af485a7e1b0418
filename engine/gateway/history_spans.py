"""TWS's words for history: bar sizes, durations, and where a span of trading days begins."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from engine.gateway.calendar import ExchangeCalendar
from engine.gateway.model import Contract

DAY_S: Final = 86_400
MOST_BARS: Final = 20_000
"""Bars one answer may carry; more is refused, so that one client cannot hold up the others."""
_HOUR_S: Final = 3_600
_SEARCH_DAYS: Final = 15
_WALK_MOST_SESSIONS: Final = 40

BAR_SECONDS: Final = {
    "5 secs": 5,
    "10 secs": 10,
    "15 secs": 15,
    "30 secs": 30,
    "1 min": 60,
    "2 mins": 120,
    "3 mins": 180,
    "5 mins": 300,
    "10 mins": 600,
    "15 mins": 900,
    "20 mins": 1200,
    "30 mins": 1800,
    "1 hour": 3600,
    "2 hours": 7200,
    "3 hours": 10_800,
    "4 hours": 14_400,
    "8 hours": 28_800,
    "1 day": DAY_S,
}
_SESSIONS_PER_UNIT: Final = {"D": 1, "W": 5, "M": 21, "Y": 252}


class Span(NamedTuple):
    """How far back a request reaches: at most `bars` bars, none that starts before `start`."""

    bars: int
    start: float


def span_of(
    duration: str, *, seconds: int, end: float, contract: Contract, calendar: ExchangeCalendar, rth: bool
) -> Span | str:
    """The span of a duration such as `1800 S` or `2 D`, or the reason why it is refused.

    Days, weeks, months and years count trading sessions, the running one included.
    """
    words = duration.split()
    if len(words) != 2 or not words[0].isdigit() or int(words[0]) == 0:
        return f"Invalid duration '{duration}'"
    amount, unit = int(words[0]), words[1].upper()
    if unit == "S":
        return _checked(Span(max(1, math.ceil(amount / seconds)), 0.0))
    if unit not in _SESSIONS_PER_UNIT:
        return f"Invalid duration unit '{words[1]}'"
    sessions = amount * _SESSIONS_PER_UNIT[unit]
    if seconds >= DAY_S:
        return _checked(Span(sessions, 0.0))
    start, length = _sessions_back(contract, calendar, end=end, sessions=sessions, rth=rth)
    return _checked(Span(sessions * math.ceil(length / seconds), start))


def _checked(span: Span) -> Span | str:
    if span.bars > MOST_BARS:
        return f"Historical data query would return {span.bars} bars; {MOST_BARS} is the most"
    return span


def _sessions_back(
    contract: Contract, calendar: ExchangeCalendar, *, end: float, sessions: int, rth: bool
) -> tuple[float, float]:
    """Where the span of sessions begins, and the longest length of one, in seconds."""
    start, length, at = 0.0, 0.0, end
    for _ in range(min(sessions, _WALK_MOST_SESSIONS)):
        session = latest_session(contract, calendar, at=at)
        if session is None:
            break
        opened, closed = session
        if rth:
            found = calendar.session(contract, opened)
            if found is not None:
                opened, closed = found.regular_open, found.regular_close
        start, length = opened, max(length, closed - opened)
        at = min(session[0], opened) - 1
    return (start if sessions <= _WALK_MOST_SESSIONS else 0.0), length or DAY_S


def latest_session(
    contract: Contract, calendar: ExchangeCalendar, *, at: float
) -> tuple[float, float] | None:
    """Open and close of the session running at `at`, else of the last one before it."""
    for hours in range(_SEARCH_DAYS * 24):
        session = calendar.session(contract, at - hours * _HOUR_S)
        if session is not None:
            return session.open, session.close
    return None
