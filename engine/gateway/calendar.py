"""When each market is open: weekly hours, holidays and early closes, from a table shipped with us.

Sessions are named by their trade date: the futures session of Monday opens on Sunday evening. Outside the
years of the table (2010-2030) the weekly hours hold without holidays.
"""

from __future__ import annotations

import csv
import datetime as dt
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo

from engine.gateway.model import Contract

_SEARCH_DAYS = 15
"""Longer than any closure in the table; a calendar without a session for that long is a bug."""


class Session(NamedTuple):
    """One trading session, epoch seconds. `close` is the first instant at which trading is over.

    `regular_open == regular_close` where an early close falls before the regular hours begin.
    """

    open: float
    close: float
    regular_open: float
    regular_close: float
    date: dt.date


class _Hours(NamedTuple):
    """Local hours of an ordinary day; `opens_evening_before` marks Globex's 23-hour day."""

    zone: str
    open: dt.time
    close: dt.time
    regular_open: dt.time
    regular_close: dt.time
    opens_evening_before: bool = True
    after_early_close: dt.timedelta = dt.timedelta()
    """How long extended hours go on after an early regular close."""


_HOURS = {
    "XNYS": _Hours(
        "US/Eastern",
        dt.time(4),
        dt.time(20),
        dt.time(9, 30),
        dt.time(16),
        opens_evening_before=False,
        after_early_close=dt.timedelta(hours=4),
    ),
    "CME_Equity": _Hours("US/Central", dt.time(17), dt.time(16), dt.time(8, 30), dt.time(15)),
    "CME_Rate": _Hours("US/Central", dt.time(17), dt.time(16), dt.time(7, 20), dt.time(14)),
    "CME_FX": _Hours("US/Central", dt.time(17), dt.time(16), dt.time(7, 20), dt.time(14)),
    "CME_Energy": _Hours("US/Eastern", dt.time(18), dt.time(17), dt.time(9), dt.time(14, 30)),
    "CME_Metals": _Hours("US/Eastern", dt.time(18), dt.time(17), dt.time(8, 20), dt.time(13, 30)),
}


@cache
def _exceptions() -> dict[tuple[str, dt.date], str]:
    """Early close (`HH:MM` local) or empty for a holiday, by calendar and trade date."""
    table = resources.files("engine.gateway").joinpath("data", "holidays.csv").read_text("ascii")
    return {
        (row["calendar"], dt.date.fromisoformat(row["date"])): row["close"]
        for row in csv.DictReader(table.splitlines())
    }


def zone_of(calendar: str) -> str:
    """The IANA time zone in which the calendar's hours are written. KeyError for an unknown calendar."""
    return _HOURS[calendar].zone


@lru_cache(maxsize=16_384)
def session_on(calendar: str, date: dt.date) -> Session | None:
    """The session of a trade date; None on weekends and holidays. KeyError for an unknown calendar."""
    hours = _HOURS[calendar]
    early = _exceptions().get((calendar, date))
    if date.weekday() >= 5 or early == "":
        return None
    zone = ZoneInfo(hours.zone)

    def at(time: dt.time, day: dt.date = date) -> float:
        return dt.datetime.combine(day, time, zone).timestamp()

    open_day = date - dt.timedelta(days=1) if hours.opens_evening_before else date
    opens, closes = at(hours.open, open_day), at(hours.close)
    regular_open, regular_close = at(hours.regular_open), at(hours.regular_close)
    if early is not None:
        early_close = at(dt.time.fromisoformat(early))
        closes = early_close + hours.after_early_close.total_seconds()
        regular_close = max(regular_open, min(regular_close, early_close))
        regular_open, regular_close = min(regular_open, closes), min(regular_close, closes)
    return Session(opens, closes, regular_open, regular_close, date)


def _local_date(calendar: str, at: float) -> dt.date:
    return dt.datetime.fromtimestamp(at, ZoneInfo(_HOURS[calendar].zone)).date()


class ExchangeCalendar:
    """Sessions of listed contracts, by the calendar each contract names."""

    def session(self, contract: Contract, at: float) -> Session | None:
        """The trading session that contains the instant, extended hours included; None while closed."""
        date = _local_date(contract.calendar, at)
        for day in (date, date + dt.timedelta(days=1)):
            session = session_on(contract.calendar, day)
            if session is not None and session.open <= at < session.close:
                return session
        return None

    def next_session(self, contract: Contract, at: float) -> Session:
        """The first session that opens after the instant (not the one that contains it)."""
        date = _local_date(contract.calendar, at)
        for offset in range(_SEARCH_DAYS):
            session = session_on(contract.calendar, date + dt.timedelta(days=offset))
            if session is not None and session.open > at:
                return session
        msg = f"calendar {contract.calendar} has no session within {_SEARCH_DAYS} days after {date}"
        raise LookupError(msg)

    def is_open(self, contract: Contract, at: float, outside_rth: bool = False) -> bool:
        """True within regular hours, or within the whole session if `outside_rth`."""
        session = self.session(contract, at)
        if session is None:
            return False
        return outside_rth or session.regular_open <= at < session.regular_close

    def hours_text(self, contract: Contract, at: float, days: int) -> tuple[str, str]:
        """`tradingHours` and `liquidHours` as TWS writes them, for `days` dates from the instant's on.

        The form is `20261120:0930-20261120:1600;20261121:CLOSED`, in the contract's time zone.
        """
        zone = ZoneInfo(contract.time_zone)
        first = _local_date(contract.calendar, at)
        trading, liquid = [], []
        for offset in range(days):
            date = first + dt.timedelta(days=offset)
            session = session_on(contract.calendar, date)
            if session is None:
                trading.append(f"{date:%Y%m%d}:CLOSED")
                liquid.append(f"{date:%Y%m%d}:CLOSED")
                continue
            trading.append(_span(session.open, session.close, zone))
            if session.regular_open < session.regular_close:
                liquid.append(_span(session.regular_open, session.regular_close, zone))
            else:
                liquid.append(f"{date:%Y%m%d}:CLOSED")
        return ";".join(trading), ";".join(liquid)


def _span(start: float, end: float, zone: ZoneInfo) -> str:
    first, last = (dt.datetime.fromtimestamp(at, zone) for at in (start, end))
    return f"{first:%Y%m%d:%H%M}-{last:%Y%m%d:%H%M}"
