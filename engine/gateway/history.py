"""Bars of any size from 5-second slots: what history reports is the sum of what was streamed.

Bars end within a session: they are aligned to the clock up to an hour and to the session's start above; a
day, week or month is one bar that starts at the regular opening of its first session.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterator
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from engine.gateway.calendar import Session, session_on
from engine.gateway.model import Contract, HistoryBar

DAY_S = 86_400
WEEK_S = 7 * DAY_S
_CLOCK_ALIGNED_S = 3600
_NO_TRADES = -1
"""What TWS reports as volume, average and count of bars that are not made of trades."""


T = TypeVar("T")
Gradually = Generator[None, None, T]
"""A result that is made in portions: it pauses between them, so that others are served meanwhile."""


def at_once(portions: Gradually[T]) -> T:
    """The result, without pauses."""
    while True:
        try:
            next(portions)
        except StopIteration as made:
            result: T = made.value
            return result


class Columns(NamedTuple):
    """Five-second bars as columns, oldest first; prices are floats on no particular grid."""

    start: npt.NDArray[np.float64]
    open: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    close: npt.NDArray[np.float64]
    volume: npt.NDArray[np.int64]
    wap: npt.NDArray[np.float64]
    prints: npt.NDArray[np.int64]


_EMPTY, _NONE = np.empty(0), np.empty(0, dtype=np.int64)
NO_COLUMNS = Columns(_EMPTY, _EMPTY, _EMPTY, _EMPTY, _EMPTY, _NONE, _EMPTY, _NONE)


class BarSource(Protocol):
    """Where five-second bars come from."""

    def columns(self, contract: Contract, *, start: float, end: float, what: str) -> Columns:
        """The five-second bars that begin in `[start, end)`; windows without a trade are absent."""
        ...


def bars(
    source: BarSource,
    contract: Contract,
    *,
    oldest: float,
    end: float,
    count: int,
    seconds: int,
    what: str,
    rth: bool,
) -> Gradually[list[HistoryBar]]:
    """The last `count` complete bars that end at or before `end` and start at `oldest` or later.

    Pauses after every chunk of a session. Raises ValueError for a bar size that is neither whole 5 seconds
    nor days.
    """
    if seconds < 5 or seconds % 5 or (seconds > DAY_S and seconds % DAY_S):
        msg = f"bars of {seconds} s cannot be made: use a multiple of 5 s up to a day, or whole days"
        raise ValueError(msg)
    if count <= 0:
        return []
    windows = _windows(contract, oldest=oldest, end=end, rth=rth)
    if seconds >= DAY_S:
        long = _long_bars(
            source, contract, windows, end=end, count=count, seconds=seconds, what=what, rth=rth
        )
        return (yield from long)
    found: list[list[HistoryBar]] = []
    missing = count
    for session, start, stop in windows:
        anchor = session.regular_open if seconds > _CLOCK_ALIGNED_S else 0.0
        for first, last in _chunks(start, min(stop, end), anchor=anchor, seconds=seconds, count=missing):
            columns = source.columns(contract, start=first, end=last, what=what)
            made = _group(columns, seconds=seconds, anchor=anchor, what=what)
            made = [bar for bar in made if min(bar.start + seconds, stop) <= end]
            found.append(made[-missing:])
            missing -= len(found[-1])
            if missing <= 0:
                return [bar for made in reversed(found) for bar in made]
            yield
    return [bar for made in reversed(found) for bar in made]


def _chunks(
    start: float, stop: float, *, anchor: float, seconds: int, count: int
) -> Iterator[tuple[float, float]]:
    """A window cut at bar boundaries, newest first, growing: a few recent bars do not cost a whole day."""
    span = (count + 1) * seconds
    while stop > start:
        first = anchor + (stop - span - anchor) // seconds * seconds
        yield max(start, first), stop
        stop, span = first, 4 * span


def _windows(
    contract: Contract, *, oldest: float, end: float, rth: bool
) -> Iterator[tuple[Session, float, float]]:
    """Sessions with the span that counts, newest first, from the one that began before `end` on."""
    day = dt.datetime.fromtimestamp(end, dt.UTC).date() + dt.timedelta(days=1)
    first = dt.datetime.fromtimestamp(oldest, dt.UTC).date()
    while day >= first:
        session = session_on(contract.calendar, day)
        day -= dt.timedelta(days=1)
        if session is None:
            continue
        start, stop = (session.regular_open, session.regular_close) if rth else (session.open, session.close)
        start = max(start, oldest)
        if start < min(stop, end):
            yield session, start, stop


def _long_bars(
    source: BarSource,
    contract: Contract,
    windows: Iterator[tuple[Session, float, float]],
    *,
    end: float,
    count: int,
    seconds: int,
    what: str,
    rth: bool,
) -> Gradually[list[HistoryBar]]:
    """One bar per day, week (Monday to Sunday) or month, from whole sessions."""
    made: list[HistoryBar] = []
    group: list[HistoryBar] = []
    label: tuple[int, ...] = ()
    unfinished = _period(_first_session_ending_after(contract, end, windows_are_regular=rth), seconds)
    for session, start, stop in windows:
        period = _period(session.date, seconds)
        if period == unfinished:
            continue
        if period != label:
            made.extend(_joined(group, what))
            group, label = [], period
            if len(made) >= count:
                break
        columns = source.columns(contract, start=start, end=stop, what=what)
        group[:0] = _group(columns, seconds=seconds, anchor=None, what=what, at=session.regular_open)
        yield
    else:
        made.extend(_joined(group, what))
    return made[count - 1 :: -1] if len(made) >= count else made[::-1]


def _first_session_ending_after(contract: Contract, end: float, *, windows_are_regular: bool) -> dt.date:
    """Trade date of the session that is not over yet at `end`: its day, week and month are incomplete."""
    day = dt.datetime.fromtimestamp(end, dt.UTC).date() - dt.timedelta(days=1)
    while True:
        session = session_on(contract.calendar, day)
        if session is not None and (session.regular_close if windows_are_regular else session.close) > end:
            return day
        day += dt.timedelta(days=1)


def _period(date: dt.date, seconds: int) -> tuple[int, ...]:
    if seconds < WEEK_S:
        return (date.toordinal() // (seconds // DAY_S),)
    if seconds == WEEK_S:
        return date.isocalendar()[:2]
    return (date.year, date.month)


def _joined(group: list[HistoryBar], what: str) -> list[HistoryBar]:
    """At most one bar: the group's sum."""
    if len(group) <= 1:
        return group
    volume = sum(bar.volume for bar in group)
    traded = what == "TRADES"
    wap = sum(bar.wap * bar.volume for bar in group) / volume if traded and volume else float(_NO_TRADES)
    return [
        HistoryBar(
            group[0].start,
            group[0].open,
            max(bar.high for bar in group),
            min(bar.low for bar in group),
            group[-1].close,
            volume if traded else _NO_TRADES,
            wap,
            sum(bar.count for bar in group) if traded else _NO_TRADES,
        )
    ]


def _group(
    columns: Columns, *, seconds: int, anchor: float | None, what: str, at: float = 0.0
) -> list[HistoryBar]:
    """Sum five-second bars into bars of `seconds` counted from `anchor`; None = one bar that starts `at`."""
    if not len(columns.start):
        return []
    index = np.floor((columns.start - (anchor or 0.0)) / seconds)
    if anchor is None:
        index[:] = 0.0
    first = np.flatnonzero(np.diff(index, prepend=index[0] - 1.0))
    last = np.append(first[1:], len(index)) - 1
    starts = np.full(1, at) if anchor is None else anchor + index[first] * seconds
    volume = np.add.reduceat(columns.volume, first)
    counts = np.add.reduceat(columns.prints, first)
    # Bars with prints but no volume (some tapes) weigh each print alike.
    weight = np.maximum(columns.volume, 1)
    wap = np.add.reduceat(columns.wap * weight, first) / np.add.reduceat(weight, first)
    if what != "TRADES":
        volume, counts = np.full_like(volume, _NO_TRADES), np.full_like(counts, _NO_TRADES)
        wap = np.full_like(wap, float(_NO_TRADES))
    return [
        HistoryBar(*row)
        for row in zip(
            starts.tolist(),
            columns.open[first].round(10).tolist(),
            np.maximum.reduceat(columns.high, first).round(10).tolist(),
            np.minimum.reduceat(columns.low, first).round(10).tolist(),
            columns.close[last].round(10).tolist(),
            volume.tolist(),
            wap.round(6).tolist(),
            counts.tolist(),
            strict=True,
        )
    ]
