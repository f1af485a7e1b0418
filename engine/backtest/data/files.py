"""Bars from files of the user, CSV and Parquet: checked row by row, never repaired unasked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from engine.backtest.data.checks import DAY_S, judge
from engine.backtest.data.problems import DataError, DirtyFileError, Report
from engine.backtest.data.raw import NUMBERS, RawBars, read_raw
from engine.backtest.data.sessions import SessionSource, day_of
from engine.backtest.series import NANOSECONDS, BarSeries

_DAY_NS: Final = DAY_S * NANOSECONDS
_SURE_FROM: Final = 10
"""Rows from which their spacing tells how long they are."""


def load_bars(
    path: Path,
    *,
    key: str,
    seconds: int,
    calendar: str,
    sessions: SessionSource,
    clean: bool = False,
    expiry: str = "",
) -> tuple[BarSeries, Report]:
    """The bars of one file.

    `calendar` names the market's sessions: daily bars end at their close. With `clean` rows that cannot be
    used are dropped and the rest is put in order; the report says how many of each kind.

    Raises:
        DirtyFileError: rows that cannot be used, and not `clean`.
        DataError: no table of bars, none of this length, or none at all.
    """
    raw = read_raw(path, expiry=expiry)
    _check_length(raw, seconds)
    known = sessions(calendar, *_days_of(raw))
    judged = judge(raw, seconds=seconds, sessions=known)
    if judged.findings and not clean:
        raise DirtyFileError(raw.name, len(raw), judged.findings)
    if not len(judged.kept):
        raise DataError(f"{raw.name}: none of its {len(raw):,} rows is a bar")
    columns = {name: raw.numbers[name][judged.kept] for name in NUMBERS}
    series = BarSeries(
        key,
        seconds,
        judged.end_ns,
        columns["open"],
        columns["high"],
        columns["low"],
        columns["close"],
        columns["volume"].astype(np.int64),
        source=raw.name,
    )
    return series, Report(raw.name, len(raw), len(series), judged.findings)


def length_of(path: Path, *, expiry: str = "") -> int:
    """Seconds of a file's bars by their spacing; a date says a day. Raises DataError where neither tells."""
    raw = read_raw(path, expiry=expiry)
    if raw.is_daily:
        return DAY_S
    steps = _steps(raw)
    if not len(steps):
        raise DataError(f"{raw.name}: {len(raw)} rows do not tell how long a bar is; say it with --bars")
    return max(1, int(np.gcd.reduce(steps) // NANOSECONDS))


def joined(parts: Sequence[BarSeries]) -> BarSeries:
    """Several files of one instrument as one series, by time. Raises DataError where they overlap."""
    if len(parts) == 1:
        return parts[0]
    ordered = sorted(parts, key=lambda part: int(part.end_ns[0]))
    for before, after in pairwise(ordered):
        if after.end_ns[0] <= before.end_ns[-1]:
            at = np.datetime64(int(after.end_ns[0]), "ns").astype("datetime64[s]")
            raise DataError(
                f"{before.key}: {before.source} and {after.source} both have bars from {at}Z on; keep one"
            )
    first = ordered[0]
    return BarSeries(
        first.key,
        first.seconds,
        np.concatenate([part.end_ns for part in ordered]),
        np.concatenate([part.open for part in ordered]),
        np.concatenate([part.high for part in ordered]),
        np.concatenate([part.low for part in ordered]),
        np.concatenate([part.close for part in ordered]),
        np.concatenate([part.volume for part in ordered]),
        source=", ".join(part.source for part in ordered),
        adjustment=first.adjustment,
    )


def _check_length(raw: RawBars, seconds: int) -> None:
    if raw.is_daily != (seconds == DAY_S):
        has = "daily bars (column date)" if raw.is_daily else "bars within the day (column ts)"
        raise DataError(f"{raw.name} has {has}, asked for were bars of {seconds:,} s")
    if raw.is_daily or len(raw) < _SURE_FROM:
        return
    steps = _steps(raw)
    # Not the least of them: a contract that hardly trades may have no two bars in a row.
    apart_s = int(np.gcd.reduce(steps) // NANOSECONDS) if len(steps) else 0
    if apart_s >= 2 * seconds:
        raise DataError(f"{raw.name}: its bars are {apart_s:,} s apart, asked for were bars of {seconds:,} s")


def _steps(raw: RawBars) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Distances between neighbouring times, without repeats."""
    times = np.unique(raw.at_ns[raw.at_ns != 0])
    return np.diff(times)


def _days_of(raw: RawBars) -> tuple[date, date]:
    """First and last date in the file, a day more on both sides."""
    times = raw.at_ns[raw.at_ns != 0]
    if not len(times):
        raise DataError(f"{raw.name}: no row has a time that can be read")
    return day_of(int(times.min()) // _DAY_NS - 1), day_of(int(times.max()) // _DAY_NS + 1)
