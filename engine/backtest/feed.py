"""Merges the bars of every instrument by their ends, in chunks: no run holds an object per bar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain, pairwise, repeat
from typing import Any, Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from engine.backtest.series import BarSeries
from engine.backtest.setting import BacktestError
from engine.domain.market import Bar

CHUNK: Final = 1024
"""Bars made at once: enough to make them cheaply, few enough to stay in the processor's caches."""

_LEAST_STRETCH: Final = 16
"""Bars without a gap, on average, from which on counting pays."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Chunk(NamedTuple):
    """Some bars in the order in which they ended; those of one moment in the order of their series."""

    slots: list[int]
    """Index of each bar's series."""
    ends_ns: list[int]
    bars: Iterator[Bar]
    """The same moment is the same object in all of its bars."""


class Feed:
    """All bars of a run that end from `begin_ns` to `end_ns`, both included."""

    def __init__(self, series: Sequence[BarSeries], *, begin_ns: int | None, end_ns: int | None) -> None:
        """Raises BacktestError where no bar is left."""
        self._series = tuple(series)
        low = -(2**63) if begin_ns is None else begin_ns
        high = 2**63 - 1 if end_ns is None else end_ns
        self.spans = [
            (int(np.searchsorted(s.end_ns, low, "left")), int(np.searchsorted(s.end_ns, high, "right")))
            for s in self._series
        ]
        """First and last (excluded) row of each series in the run."""
        self.bars = sum(b - a for a, b in self.spans)
        if not self.bars:
            raise BacktestError("no bar of any instrument lies in the time asked for")
        counts = [b - a for a, b in self.spans]
        self._slot = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        self._ends: NDArray[np.int64] = self._joined([s.end_ns for s in self._series])
        # Stable: bars of one moment stay in the order of their series.
        self._order = None if len(counts) == 1 else np.argsort(self._ends, kind="stable")

    def moments(self) -> NDArray[np.int64]:
        """Every moment at which a bar ends, ascending."""
        ends = self._ends if self._order is None else self._ends[self._order]
        return ends[_is_new(ends)]

    def before(self, index: int, count: int) -> Iterator[Bar]:
        """The last `count` bars of a series before the run, oldest first."""
        first = self.spans[index][0]
        return bars_of_rows(self._series[index], max(0, first - count), first)

    def chunks(self) -> Iterator[Chunk]:
        """All of them, oldest first."""
        columns = [
            self._joined([getattr(s, name) for s in self._series])
            for name in ("open", "high", "low", "close", "volume")
        ]
        keys, seconds = [s.key for s in self._series], [s.seconds for s in self._series]
        for start in range(0, self.bars, CHUNK):
            rows = slice(start, start + CHUNK) if self._order is None else self._order[start : start + CHUNK]
            ends = self._ends[rows]
            slots = [0] * len(ends) if len(keys) == 1 else self._slot[rows].tolist()
            bars = _bars(
                map(keys.__getitem__, slots),
                _times(ends),
                [column[rows].tolist() for column in columns],
                map(seconds.__getitem__, slots),
            )
            yield Chunk(slots, ends.tolist(), bars)

    def _joined(self, columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
        parts = [column[a:b] for column, (a, b) in zip(columns, self.spans, strict=True)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def bars_of_rows(one: BarSeries, first: int, last: int) -> Iterator[Bar]:
    """Some rows of a series, the last one excluded, as bars."""
    rows = slice(first, last)
    columns = [c[rows].tolist() for c in (one.open, one.high, one.low, one.close, one.volume)]
    times = _times(one.end_ns[rows])
    return _bars([one.key] * len(times), times, columns, repeat(one.seconds))


def _times(ends_ns: NDArray[np.int64]) -> list[datetime]:
    """The moments as aware UTC; equal neighbours are one object. Finer than a microsecond is cut off."""
    if not len(ends_ns):
        return []
    is_new = _is_new(ends_ns)
    times = _distinct_times(ends_ns[is_new] // 1000)
    if len(times) == len(ends_ns):
        return times
    places = (np.cumsum(is_new) - 1).tolist()
    return list(map(times.__getitem__, places))


def _distinct_times(at_us: NDArray[np.int64]) -> list[datetime]:
    """Moments in microseconds as aware UTC. A stretch without a gap is counted up, which is far cheaper."""
    steps = np.diff(at_us)
    usual = int(steps.min()) if len(steps) else 0
    gaps = np.flatnonzero(steps != usual) + 1
    if len(gaps) * _LEAST_STRETCH > len(at_us):
        return list(map(_EPOCH.__add__, at_us.astype("timedelta64[us]").tolist()))
    step, times = timedelta(microseconds=usual), list[datetime]()
    for begin, end in pairwise([0, *gaps.tolist(), len(at_us)]):
        first = _EPOCH + timedelta(microseconds=int(at_us[begin]))
        times += cast("Iterator[datetime]", accumulate(chain((first,), repeat(step, end - begin - 1))))
    return times


def _is_new(ends_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a moment is another one than that before it."""
    return np.concatenate(([True], ends_ns[1:] != ends_ns[:-1]))


def _bars(
    keys: Iterable[str], ends: Sequence[datetime], columns: Sequence[list[float]], seconds: Iterable[int]
) -> Iterator[Bar]:
    # Made without a call of Python per bar: `Bar(...)` would cost half as much again.
    first, high, low, last, volume = columns
    rows = zip(keys, ends, first, high, low, last, volume, seconds, repeat(math.nan), repeat(0))
    return map(tuple.__new__, repeat(Bar), rows)
