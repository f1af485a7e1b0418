"""Changed symbols: which ticker was whose and when, so that no two companies' prices are glued together.

The table is a CSV file without header: last date (YYYYMMDD), ticker in use until then, exchange code.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from engine.backtest.data.factors import day_of_text, session_days
from engine.backtest.data.files import joined
from engine.backtest.data.problems import DataError
from engine.backtest.data.sessions import day_number, day_of
from engine.backtest.series import BarSeries

_LONG_AGO: Final = -100_000
"""Before the first row nothing is said: its ticker holds for whatever is older."""


class Named(NamedTuple):
    """A stretch of time in which an instrument had one ticker. Days since 1970-01-01, both included."""

    first_day: int
    last_day: int
    ticker: str


def read_names(folder: Path, symbol: str) -> tuple[Named, ...]:
    """The tickers of an instrument by `<symbol>.csv` in `folder`, oldest first; none without that file.

    Raises DataError naming file, line and reason.
    """
    path = next((p for p in (folder / f"{n}.csv" for n in (symbol.lower(), symbol)) if p.is_file()), None)
    if path is None:
        return ()
    names: list[Named] = []
    begin = _LONG_AGO
    for number, cells in enumerate(csv.reader(path.read_text(encoding="utf-8").splitlines()), start=1):
        where = f"{path.name}, line {number}"
        if len(cells) < 2 or not cells[1].strip():
            raise DataError(f"{where}: expected last date, ticker, exchange")
        until, ticker = day_number(day_of_text(cells[0], where)), cells[1].strip().upper()
        if until < begin:
            raise DataError(f"{where}: date {cells[0]} is not after the line before it")
        if names and names[-1].ticker == ticker:
            names[-1] = names[-1]._replace(last_day=until)
        else:
            names.append(Named(begin, until, ticker))
        begin = until + 1
    return tuple(names)


def renamed(
    series: BarSeries, names: tuple[Named, ...], other: Callable[[str], BarSeries | None]
) -> tuple[BarSeries, tuple[str, ...]]:
    """The bars of the instrument itself, under each ticker it had, and in words what is missing or left out.

    `series` has the bars under today's ticker; `other` gives those under another, None where there are none.
    Raises DataError where nothing is left.
    """
    if not names:
        return series, ()
    notes: list[str] = []
    parts: list[BarSeries] = []
    for named in names:
        source = series if named.ticker == series.key else other(named.ticker)
        part = None if source is None else within(source, named.first_day, named.last_day)
        if part is None:
            notes.append(_hole(series.key, named, is_known=source is not None))
        else:
            parts.append(part)
    notes += _foreign(series, names)
    if not parts:
        raise DataError(f"{series.key}: no bar is of this company, by its table of symbols")
    return joined([_as(part, series.key) for part in parts]), tuple(notes)


def within(series: BarSeries, first_day: int, last_day: int) -> BarSeries | None:
    """The bars of these session dates, both included; None where there are none."""
    days = session_days(series)
    low, high = np.searchsorted(days, first_day, side="left"), np.searchsorted(days, last_day, side="right")
    if low >= high:
        return None
    kept = slice(int(low), int(high))
    return BarSeries(
        series.key,
        series.seconds,
        series.end_ns[kept],
        series.open[kept],
        series.high[kept],
        series.low[kept],
        series.close[kept],
        series.volume[kept],
        source=series.source,
        adjustment=series.adjustment,
    )


def _as(part: BarSeries, key: str) -> BarSeries:
    """The same bars under the instrument's own key."""
    if part.key == key:
        return part
    return BarSeries(
        key,
        part.seconds,
        part.end_ns,
        part.open,
        part.high,
        part.low,
        part.close,
        part.volume,
        source=part.source,
        adjustment=part.adjustment,
    )


def _hole(key: str, named: Named, *, is_known: bool) -> str:
    since = f"{day_of(named.first_day)}" if named.first_day > 0 else "its beginning"
    what = "has no bars of that time" if is_known else "has no file of bars here"
    return (
        f"{key}: from {since} to {day_of(named.last_day)} it traded as {named.ticker}, which {what}; "
        "nothing was put in their place"
    )


def _foreign(series: BarSeries, names: tuple[Named, ...]) -> list[str]:
    """Bars under today's ticker from when it was another company's."""
    days = session_days(series)
    own = np.zeros(len(days), dtype=np.bool_)
    for named in names:
        if named.ticker == series.key:
            own |= (days >= named.first_day) & (days <= named.last_day)
    left_out = np.flatnonzero(~own)
    if not len(left_out):
        return []
    first, last = day_of(int(days[left_out[0]])), day_of(int(days[left_out[-1]]))
    whose = f"{len(left_out):,} bars from {first} to {last} are of another company that had this symbol then"
    return [f"{series.key}: {whose}; they were left out"]
