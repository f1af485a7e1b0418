"""Splits and dividends: a table of factors per instrument, applied to prices and volume of recorded bars.

The table is a CSV file without header: date (YYYYMMDD), price factor (dividends), split factor, reference
close. A row holds for all sessions up to and including its date; sessions after the last row are as traded.
"""

from __future__ import annotations

import csv
import math
from datetime import date, datetime
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.backtest.data.arrow import ints_of, times_of
from engine.backtest.data.problems import DataError
from engine.backtest.data.sessions import day_number, day_of
from engine.backtest.series import BarSeries

UNADJUSTED: Final = "unadjusted"
_FAR: Final = date(2050, 12, 31)
"""A last row of this date says only that the table is complete up to now."""


class Factors(NamedTuple):
    """Factors of one instrument, oldest row first; every column has the same length."""

    until_day: NDArray[np.int64]
    """Last session date a row holds for, days since 1970-01-01."""
    price: NDArray[np.float64]
    """Multiplies prices for dividends that came later."""
    split: NDArray[np.float64]
    """Multiplies prices, and divides volume, for splits that came later."""

    def of_days(self, days: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Price factor and split factor of each session date."""
        row = np.searchsorted(self.until_day, days, side="left")
        return np.append(self.price, 1.0)[row], np.append(self.split, 1.0)[row]


class FactorProvider(Protocol):
    """Where factors come from; a file, or a service that keeps what it was told."""

    def factors(self, symbol: str) -> Factors | None:
        """The factors of a symbol, None where nothing is known of it. Raises DataError."""
        ...


class FactorFolder:
    """Factors from `<symbol>.csv` in a folder, each read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, Factors | None] = {}

    def factors(self, symbol: str) -> Factors | None:
        """The table of a symbol, in small or capital letters; None without one. Raises DataError."""
        if symbol not in self._read:
            paths = (self._folder / f"{name}.csv" for name in (symbol.lower(), symbol))
            path = next((path for path in paths if path.is_file()), None)
            self._read[symbol] = None if path is None else read_factors(path)
        return self._read[symbol]


def read_factors(path: Path) -> Factors:
    """A table of factors. Raises DataError naming file, line and reason."""
    rows: list[tuple[int, float, float]] = []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} cannot be read: {error}") from error
    for number, cells in enumerate(csv.reader(text.splitlines()), start=1):
        if not cells:
            continue
        row = _row(cells, f"{path.name}, line {number}")
        if rows and row[0] <= rows[-1][0]:
            raise DataError(f"{path.name}, line {number}: date {cells[0]} is not after the line before it")
        rows.append(row)
    if not rows:
        raise DataError(f"{path.name} holds no factors")
    days, price, split = zip(*rows, strict=True)
    return Factors(np.array(days, dtype=np.int64), np.array(price), np.array(split))


def _row(cells: list[str], where: str) -> tuple[int, float, float]:
    if len(cells) < 3:
        raise DataError(f"{where}: {len(cells)} cells, expected date, price factor, split factor, close")
    price, split = (_factor(cells[place], name, where) for place, name in ((1, "price"), (2, "split")))
    return day_number(day_of_text(cells[0], where)), price, split


def day_of_text(text: str, where: str) -> date:
    """A date written YYYYMMDD. Raises DataError saying where."""
    try:
        return datetime.strptime(text.strip(), "%Y%m%d").date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        raise DataError(f"{where}: {text!r} is no date like 20240301") from None


def _factor(text: str, name: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise DataError(f"{where}: the {name} factor {text!r} is no positive number")
    return value


def adjusted(series: BarSeries, factors: Factors | None, *, splits: bool = True) -> BarSeries:
    """The bars with factors applied; as they are, and called unadjusted, without factors.

    `splits` is False for bars that their source has adjusted for splits already, as a broker does.
    """
    if factors is None:
        return series
    price, split = factors.of_days(session_days(series))
    if not splits:
        split = np.ones_like(split)
    factor = price * split
    return BarSeries(
        series.key,
        series.seconds,
        series.end_ns,
        series.open * factor,
        series.high * factor,
        series.low * factor,
        series.close * factor,
        np.rint(series.volume / split).astype(np.int64),
        source=series.source,
        adjustment=_words(factors, splits=splits),
    )


def session_days(series: BarSeries) -> NDArray[np.int64]:
    """The New York date of each bar's beginning, days since 1970-01-01; of its end for a daily bar."""
    step_ns = 1 if series.seconds >= 86_400 else series.seconds * 1_000_000_000
    at = times_of(series.end_ns - step_ns).cast(pa.timestamp("ns", "America/New_York"))
    return ints_of(pc.local_timestamp(at).cast(pa.date32(), safe=False).cast(pa.int32()))


def _words(factors: Factors, *, splits: bool) -> str:
    what = "splits and dividends" if splits else "dividends (splits by the broker)"
    known = [int(day) for day in factors.until_day if day < day_number(_FAR)]
    return f"adjusted for {what}" + (f", the last of {day_of(known[-1])}" if known else "")
