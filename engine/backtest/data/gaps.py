"""Bars that are not there: sessions and parts of them without bars are named, never filled."""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

import numpy as np

from engine.backtest.data.checks import DAY_S
from engine.backtest.data.sessions import SessionTable, day_number, day_of
from engine.backtest.series import NANOSECONDS, BarSeries

_NAMED: Final = 5
"""Stretches named in words; the counts are of all."""


class Short(NamedTuple):
    """A session in which bars are missing."""

    day: date
    missing: int
    expected: int


class Gaps(NamedTuple):
    """What a series lacks, held against its market's calendar."""

    key: str
    missing: tuple[tuple[date, date], ...]
    """Stretches of sessions without any bar, first and last session of each."""
    sessions: int
    """Sessions without any bar."""
    short: tuple[Short, ...]
    """Sessions with some bars missing. Where nothing traded there is no bar either: that is no error."""

    def lines(self) -> tuple[str, ...]:
        """For people; empty where nothing is missing."""
        said = []
        if self.missing:
            spans = [f"{a}" if a == b else f"{a} to {b}" for a, b in self.missing[:_NAMED]]
            more = f" and {len(self.missing) - _NAMED} more stretches" if len(self.missing) > _NAMED else ""
            said.append(
                f"{self.key}: {self.sessions:,} sessions have no bar: {', '.join(spans)}{more}; skipped"
            )
        if self.short:
            bars = sum(one.missing for one in self.short)
            worst = max(self.short, key=lambda one: one.missing)
            said.append(
                f"{self.key}: {bars:,} bars are missing inside {len(self.short):,} sessions, most on "
                f"{worst.day} ({worst.missing:,} of {worst.expected:,}); skipped"
            )
        return tuple(said)


def find_gaps(
    series: BarSeries, sessions: SessionTable, *, first: date | None = None, last: date | None = None
) -> Gaps:
    """What is missing from `first` to `last`, both included; where not given, from the first bar to the last.

    `sessions` has the regular sessions of those dates; bars outside of them are neither missed nor counted.
    """
    if not len(series):
        return Gaps(series.key, (), 0, ())
    asked = _asked(series, sessions, first, last)
    begin_ns = series.end_ns - (series.seconds * NANOSECONDS if series.seconds < DAY_S else 1)
    where = asked.index_at(series.end_ns)
    inside = where >= 0
    inside &= begin_ns >= asked.open_ns[np.maximum(where, 0)] if len(asked) else False
    count = np.bincount(where[inside], minlength=len(asked))
    empty = np.flatnonzero(count == 0)
    return Gaps(series.key, _stretches(asked, empty), len(empty), _short(series, asked, count))


def _asked(series: BarSeries, sessions: SessionTable, first: date | None, last: date | None) -> SessionTable:
    low = int(np.searchsorted(sessions.close_ns, series.end_ns[0], side="left"))
    high = int(np.searchsorted(sessions.open_ns, series.end_ns[-1], side="left"))
    begin = first if first is not None else _day(sessions, low)
    end = last if last is not None else _day(sessions, high - 1)
    if begin is None or end is None or day_number(end) < day_number(begin):
        return SessionTable(sessions.name, sessions.day[:0], sessions.open_ns[:0], sessions.close_ns[:0])
    return sessions.between(begin, end)


def _day(sessions: SessionTable, index: int) -> date | None:
    return day_of(int(sessions.day[index])) if 0 <= index < len(sessions) else None


def _stretches(
    asked: SessionTable, empty: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> tuple[tuple[date, date], ...]:
    """Neighbouring sessions together."""
    if not len(empty):
        return ()
    cuts = np.flatnonzero(np.diff(empty) > 1) + 1
    groups = np.split(empty, cuts)
    return tuple((day_of(int(asked.day[g[0]])), day_of(int(asked.day[g[-1]]))) for g in groups)


def _short(
    series: BarSeries, asked: SessionTable, count: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> tuple[Short, ...]:
    if series.seconds >= DAY_S:
        return ()
    step_ns = series.seconds * NANOSECONDS
    expected = -(-(asked.close_ns - asked.open_ns) // step_ns)
    rows = np.flatnonzero((count > 0) & (count < expected))
    return tuple(
        Short(day_of(int(asked.day[row])), int(expected[row] - count[row]), int(expected[row]))
        for row in rows
    )
