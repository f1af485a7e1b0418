"""Makes session tables from pandas_market_calendars. Slow to import: for a thread or a command, once.

Early closes, holidays and both sides of a clock change come from the library; evening sessions are asked
by session date, so the part before midnight is never missed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from engine.domain.instrument import SessionHours
from engine.domain.market import utc
from engine.market.sessions import Calendar, SessionDay


def make_calendars(names: Iterable[str], *, first: date, last: date) -> dict[str, Calendar]:
    """Calendars by name, session dates `first` to `last` included. Raises RuntimeError for a wrong name."""
    # Imports pandas: most of two seconds.
    import pandas_market_calendars as market_calendars

    made = {}
    for name in names:
        schedule = market_calendars.get_calendar(name).schedule(first.isoformat(), last.isoformat(), tz="UTC")
        rows = zip(schedule.index, schedule.to_dict("records"), strict=True)
        made[name] = Calendar(name, (_day(index.date(), row) for index, row in rows))
    return made


def _day(day: date, row: Mapping[str, Any]) -> SessionDay:
    opens, closes = utc(row["market_open"].timestamp()), utc(row["market_close"].timestamp())
    pause, resume = _seconds(row, "break_start"), _seconds(row, "break_end")
    # A break of no length, or one that an early close has swallowed, is none; a missing one is NaN.
    if not (opens.timestamp() < pause < resume < closes.timestamp()):
        return SessionDay(day, (SessionHours(opens, closes),))
    return SessionDay(day, (SessionHours(opens, utc(pause)), SessionHours(utc(resume), closes)))


def _seconds(row: Mapping[str, Any], column: str) -> float:
    """Epoch seconds of a column that not every calendar and not every day has; NaN without one."""
    value = row.get(column)
    return math.nan if value is None else float(value.timestamp())
