"""One series of a future from its contracts: rolled when volume moves on, older prices shifted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.backtest.data.problems import DataError
from engine.backtest.data.sessions import SessionTable, day_of
from engine.backtest.series import BarSeries


class Contract(NamedTuple):
    """The bars of one contract."""

    expiry: str
    """Sorts by time: YYYYMM or YYYYMMDD."""
    series: BarSeries


class _Traded(NamedTuple):
    """A contract held against the calendar."""

    contract: Contract
    session: NDArray[np.int64]
    """Index of the session of each bar."""
    volume: NDArray[np.int64]
    """Per session."""
    close: NDArray[np.float64]
    """Last price per session; NaN without a bar."""


def rolled(
    key: str, contracts: Sequence[Contract], sessions: SessionTable
) -> tuple[BarSeries, tuple[str, ...]]:
    """The bars of the contract that was in use in each session, and in words where it was rolled.

    A session uses the contract that traded most in the session before, never an earlier one again. All that
    lies before a roll is shifted by the difference of the two closes before it, so that a position held over
    it neither gains nor loses by it. Raises DataError without a bar inside a session.
    """
    traded = [_held_against(one, sessions) for one in sorted(contracts, key=lambda one: one.expiry)]
    used = _used(traded)
    if not (used >= 0).any():
        raise DataError(f"{key}: no bar of it lies inside a session of {sessions.name}")
    shift, notes = _shifts(key, traded, used, sessions)
    parts = [_part(one, used, number, shift) for number, one in enumerate(traded)]
    made = _by_time(parts)
    begins = sorted(int(part[0][0]) for part in parts if len(part[0]))
    names = ", ".join(one.contract.expiry for n, one in enumerate(traded) if (used == n).any())
    words = f"rolled by volume ({names}), older contracts shifted" if notes else f"one contract ({names})"
    source = ", ".join(dict.fromkeys(one.contract.series.source for one in traded))
    seconds, rolls = contracts[0].series.seconds, tuple(begins[1:])
    whole = BarSeries(key, seconds, *made, source=source, adjustment=words, rolls_ns=rolls)
    return whole, notes


def _held_against(contract: Contract, sessions: SessionTable) -> _Traded:
    series = contract.series
    index = sessions.index_at(series.end_ns)
    inside = index >= 0
    volume = np.bincount(index[inside], weights=series.volume[inside], minlength=len(sessions))
    close = np.full(len(sessions), np.nan)
    close[index[inside]] = series.close[inside]  # of several bars of a session the last one stays
    return _Traded(contract, index, volume.astype(np.int64), close)


def _used(traded: Sequence[_Traded]) -> NDArray[np.int64]:
    """Number of the contract of each session; -1 where none has a bar."""
    has = np.array([~np.isnan(one.close) for one in traded])
    volume = np.array([one.volume for one in traded])
    used = np.full(has.shape[1], -1, dtype=np.int64)
    now = -1
    for session in np.flatnonzero(has.any(axis=0)).tolist():
        before = volume[:, session - 1] if now >= 0 else volume[:, session]
        later = [n for n in range(max(now, 0), len(traded)) if has[n, session]]
        if not later:
            continue
        best = max(later, key=lambda n: (int(before[n]), -n))
        if now < 0 or not has[now, session] or before[best] > before[now]:
            now = best
        used[session] = now
    return used


def _shifts(
    key: str, traded: Sequence[_Traded], used: NDArray[np.int64], sessions: SessionTable
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """What each session's prices are shifted by, and the rolls in words."""
    shift = np.zeros(len(used))
    notes = []
    active = np.flatnonzero(used >= 0)
    for before, after in zip(active.tolist(), active[1:].tolist(), strict=False):
        old, new = traded[used[before]], traded[used[after]]
        if old is new:
            continue
        difference = new.close[before] - old.close[before]
        said = f"difference {difference:+g}"
        if np.isnan(difference):
            difference, said = 0.0, "no price of both on the day before, so the jump stays"
        shift[: before + 1] += difference
        notes.append(
            f"{key}: rolled from {old.contract.expiry} to {new.contract.expiry} with the session of "
            f"{day_of(int(sessions.day[after]))} ({said})"
        )
    return shift, tuple(notes)


_Part = tuple[
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.int64],
]


def _part(one: _Traded, used: NDArray[np.int64], number: int, shift: NDArray[np.float64]) -> _Part:
    """The bars of one contract in the sessions that use it, shifted."""
    rows = np.flatnonzero((one.session >= 0) & (used[one.session] == number))
    series, by = one.contract.series, shift[one.session[rows]]
    return (
        series.end_ns[rows],
        series.open[rows] + by,
        series.high[rows] + by,
        series.low[rows] + by,
        series.close[rows] + by,
        series.volume[rows],
    )


def _by_time(parts: Sequence[_Part]) -> _Part:
    """All of them; sessions of two contracts never overlap, so their order is that of time."""
    ends, first, high, low, last, volume = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(ends, kind="stable")
    return ends[order], first[order], high[order], low[order], last[order], volume[order]
