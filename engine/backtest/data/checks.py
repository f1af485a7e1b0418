"""Judges the rows of a file: which cannot be bars, and what is left once those are dropped."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.backtest.data.problems import Dirt, Finding, first_rows
from engine.backtest.data.raw import NUMBERS, PRICES, Marks, RawBars
from engine.backtest.data.sessions import SessionTable
from engine.backtest.series import NANOSECONDS

_GRID_UP_TO_S: Final = 3_600
"""Longer bars begin with their session, not with the clock."""
DAY_S: Final = 86_400

Mask = NDArray[np.bool_]
Order = NDArray[np.int64]


class Judged(NamedTuple):
    """What the rows of a file come to."""

    kept: Order
    """Indices of the usable rows in order of time."""
    end_ns: NDArray[np.int64]
    """Exclusive end of each of them."""
    findings: tuple[Finding, ...]
    """Everything that was not as it should be; where this is not empty, nothing is loaded unasked."""


def judge(raw: RawBars, *, seconds: int, sessions: SessionTable) -> Judged:
    """Look at every row; daily bars end at the close of their session in `sessions`."""
    marks: Marks = dict(raw.marks)
    _judge_values(raw, marks)
    end_ns = _ends(raw, marks, seconds=seconds, sessions=sessions)
    bad = np.zeros(len(raw), dtype=np.bool_)
    for rows in marks.values():
        bad |= rows
    good = np.flatnonzero(~bad)
    kept = _in_order(raw, good, marks)
    return Judged(kept, end_ns[kept], _findings(raw, marks))


def _judge_values(raw: RawBars, marks: Marks) -> None:
    for label in PRICES:
        _mark(marks, Dirt.NO_PRICE, label, _not_finite(raw, label, marks))
    low, high = raw.numbers["low"], raw.numbers["high"]
    _mark(marks, Dirt.HIGH_BELOW_LOW, "high", high < low)
    for label in ("open", "close"):
        price = raw.numbers[label]
        _mark(marks, Dirt.OUTSIDE_RANGE, label, (low <= high) & ((price < low) | (price > high)))
    volume = raw.numbers["volume"]
    _mark(marks, Dirt.NO_VOLUME, "volume", _not_finite(raw, "volume", marks))
    _mark(marks, Dirt.NEGATIVE_VOLUME, "volume", volume < 0)
    _mark(marks, Dirt.PART_VOLUME, "volume", np.isfinite(volume) & (volume != np.floor(volume)))


def _not_finite(raw: RawBars, label: str, marks: Marks) -> Mask:
    """Rows without a value; those whose text was no number are named as that already."""
    missing = ~np.isfinite(raw.numbers[label])
    said = marks.get((Dirt.NOT_A_NUMBER, label))
    return missing if said is None else missing & ~said


def _ends(raw: RawBars, marks: Marks, *, seconds: int, sessions: SessionTable) -> NDArray[np.int64]:
    timeless = _timeless(raw, marks)
    if raw.is_daily:
        close_ns, is_session = sessions.closes_of(raw.at_ns)
        _mark(marks, Dirt.NO_SESSION, "date", ~is_session & ~timeless)
        return close_ns
    if seconds <= _GRID_UP_TO_S:
        _mark(marks, Dirt.OFF_GRID, "ts", (raw.at_ns % (seconds * NANOSECONDS) != 0) & ~timeless)
    return raw.at_ns + seconds * NANOSECONDS


def _timeless(raw: RawBars, marks: Marks) -> Mask:
    timeless = np.zeros(len(raw), dtype=np.bool_)
    for dirt in (Dirt.NOT_A_TIME, Dirt.NAIVE_TIME, Dirt.OTHER_ZONE, Dirt.NOT_A_DAY):
        rows = marks.get((dirt, _label(raw)))
        if rows is not None:
            timeless |= rows
    return timeless


def _in_order(raw: RawBars, good: Order, marks: Marks) -> Order:
    """The good rows by time, each time once (the first row that has it); the rest is marked."""
    at_ns = raw.at_ns[good]
    if len(at_ns) < 2 or bool((np.diff(at_ns) > 0).all()):
        return good
    late = at_ns < np.maximum.accumulate(at_ns)
    ordered = good[np.argsort(at_ns, kind="stable")]
    times = raw.at_ns[ordered]
    again = np.flatnonzero(np.diff(times) == 0) + 1
    first_of = np.searchsorted(times, times[again], side="left")
    is_same = np.ones(len(again), dtype=np.bool_)
    for label in NUMBERS:
        column = raw.numbers[label][ordered]
        is_same &= column[again] == column[first_of]
    same, other = ordered[again[is_same]], ordered[again[~is_same]]
    _mark(marks, Dirt.SAME_AGAIN, _label(raw), _rows(raw, same))
    _mark(marks, Dirt.OTHER_VALUES, _label(raw), _rows(raw, other))
    out = _rows(raw, good[late])
    out[same] = out[other] = False
    _mark(marks, Dirt.OUT_OF_ORDER, _label(raw), out)
    return np.delete(ordered, again)


def _rows(raw: RawBars, indices: Order) -> Mask:
    rows = np.zeros(len(raw), dtype=np.bool_)
    rows[indices] = True
    return rows


def _label(raw: RawBars) -> str:
    return "date" if raw.is_daily else "ts"


def _mark(marks: Marks, dirt: Dirt, label: str, rows: Mask) -> None:
    if rows.any():
        marks[dirt, label] = rows


def _findings(raw: RawBars, marks: Marks) -> tuple[Finding, ...]:
    """In the order of the kinds, each with its first rows."""
    order = {dirt: place for place, dirt in enumerate(Dirt)}
    found = []
    for (dirt, label), rows in sorted(marks.items(), key=lambda mark: order[mark[0][0]]):
        indices = np.flatnonzero(rows)
        named = first_rows(_named(raw, int(index)) for index in indices)
        found.append(Finding(dirt, label, len(indices), named))
    return tuple(found)


def _named(raw: RawBars, index: int) -> str:
    where = f"{raw.counted} {raw.first + index:,}"
    at = int(raw.at_ns[index])
    if not at:
        return where
    stamp = str(np.datetime64(at, "ns").astype("datetime64[s]"))
    return f"{where} ({stamp[:10]})" if raw.is_daily else f"{where} ({stamp}Z)"
