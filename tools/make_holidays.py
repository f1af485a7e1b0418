"""Writes the gateway's table of holidays and early closes, so that no calendar library runs with it.

Run by hand when the library or the covered years change: `python tools/make_holidays.py`. The result is
committed (`engine/gateway/data/holidays.csv`); a test compares it with the library.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pandas_market_calendars as market_calendars

FIRST, LAST = dt.date(2010, 1, 1), dt.date(2030, 12, 31)

# Our calendar -> the library's name and the local time at which an ordinary day ends.
CALENDARS = {
    "XNYS": ("NYSE", "16:00"),
    "CME_Equity": ("CME Globex Equity", "16:00"),
    "CME_Rate": ("CME Globex Interest Rate Products", "16:00"),
    "CME_FX": ("CMEGlobex_FX", "16:00"),
    "CME_Energy": ("CMEGlobex_Crude", "17:00"),
    "CME_Metals": ("CMEGlobex_Gold", "17:00"),
}
TIME_ZONES = {
    "XNYS": "US/Eastern",
    "CME_Equity": "US/Central",
    "CME_Rate": "US/Central",
    "CME_FX": "US/Central",
    "CME_Energy": "US/Eastern",
    "CME_Metals": "US/Eastern",
}
TABLE = Path(__file__).parent.parent / "engine" / "gateway" / "data" / "holidays.csv"


def exceptions_of(calendar: str) -> Iterator[tuple[str, str, str]]:
    """Rows `(calendar, date, close)`: close is empty on a holiday, else the early local closing time."""
    name, ordinary = CALENDARS[calendar]
    schedule = market_calendars.get_calendar(name).schedule(FIRST.isoformat(), LAST.isoformat())
    closes = {
        day.date(): close.tz_convert(TIME_ZONES[calendar]).strftime("%H:%M")
        for day, close in schedule["market_close"].items()
    }
    day = FIRST
    while day <= LAST:
        close = closes.get(day, "")
        if day.weekday() < 5 and close != ordinary:
            yield calendar, day.isoformat(), close
        day += dt.timedelta(days=1)


def main() -> None:
    """Write the table next to the gateway's other data files."""
    with TABLE.open("w", newline="", encoding="ascii") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("calendar", "date", "close"))
        for calendar in CALENDARS:
            writer.writerows(exceptions_of(calendar))


if __name__ == "__main__":
    main()
