"""What a hole in bars is: bars missing inside one trading day; nights, weekends, daily breaks are none.

A session's end is known to calendars, not to strategies. So the trading day is that of futures, from 18:00 to
18:00 New York time, which no regular session of a stock crosses: what lies between two of them is a boundary,
what is missing within one is a hole. One break lies within: that of the grains in the morning, which the
calendars have every day (a test holds the two against each other), and which is none either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final

from engine.domain.market import NEW_YORK, Bar

_TO_MIDNIGHT: Final = timedelta(hours=6)
"""From the turn of the trading day to that of the date."""


PAUSED: Final = frozenset({"KE", "XC", "XK", "XW", "ZC", "ZL", "ZM", "ZO", "ZR", "ZS", "ZW"})
"""Roots of the futures that pause in the morning."""
PAUSE: Final = (time(8, 45), time(9, 30))
"""When, in New York: their exchange's clock is always an hour behind."""
_FUTURE: Final = re.compile(r"(..)(?:[FGHJKMNQUVXZ]\d{1,2}$|\s+[A-Z]{3} \d\d$|@)")
"""Contracts as brokers name them (`ZCZ6`, `ZC   DEC 26`) and as a configuration does (`ZC@CBOT`)."""


def _day(at: datetime) -> date:
    return (at.astimezone(NEW_YORK).replace(tzinfo=None) + _TO_MIDNIGHT).date()


def missing_s(end: datetime, bar: Bar) -> float:
    """Seconds without bars between the `end` of one and the next; 0 where they meet, or at a boundary."""
    if bar.start <= end or _day(end) != _day(bar.start):
        return 0.0
    return (bar.start - end).total_seconds() - _paused_s(end, bar)


def _paused_s(end: datetime, bar: Bar) -> float:
    """How much of the stretch from `end` to the bar is the pause of its product."""
    named = _FUTURE.match(bar.symbol)
    if named is None or named[1] not in PAUSED:
        return 0.0
    local = bar.start.astimezone(NEW_YORK)
    begins, ends = (datetime.combine(local.date(), at, NEW_YORK) for at in PAUSE)
    return max(0.0, (min(bar.start, ends) - max(end, begins)).total_seconds())


def hole_in(bars: Iterable[Bar], *, longest_s: float = 0.0) -> datetime | None:
    """Where the newest hole that is longer than `longest_s` begins, or None."""
    newest = None
    for before, bar in pairwise(bars):
        if missing_s(before.end, bar) > longest_s:
            newest = before.end
    return newest


def told(since: datetime) -> str:
    """For people, of a window that a hole cut off."""
    return f"bars are missing since {since.astimezone(NEW_YORK):%H:%M:%S} ET; nothing is decided across"
