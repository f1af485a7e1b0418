"""Small files of bars, made by the test that reads them, and a calendar that needs no library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.backtest.data.sessions import SessionTable
from engine.backtest.series import BarSeries
from engine.domain.instrument import SessionHours
from engine.market.sessions import Calendar, SessionDay

OPEN, CLOSE = time(14, 30, tzinfo=UTC), time(21, 0, tzinfo=UTC)
DAY_S, MINUTE_S = 86_400, 60


def sessions(name: str, first: date, last: date, *, without: Iterable[date] = ()) -> SessionTable:
    """Every weekday from 14:30 to 21:00 UTC."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    holidays = set(without)
    return SessionTable.of(
        Calendar(
            name,
            (
                SessionDay(day, (SessionHours(datetime.combine(day, OPEN), datetime.combine(day, CLOSE)),))
                for day in days
                if day.weekday() < 5 and day not in holidays
            ),
        )
    )


def csv_file(folder: Path, *rows: str, name: str = "SPY.csv", header: str = "") -> Path:
    """A CSV file of minute bars; `rows` replace or follow nothing."""
    path = folder / name
    path.write_text("\n".join((header or "ts,open,high,low,close,volume", *rows)) + "\n")
    return path


def parquet_file(folder: Path, columns: dict[str, object], name: str = "SPY.parquet") -> Path:
    """A Parquet file of these columns."""
    path = folder / name
    pq.write_table(pa.table(columns), path)
    return path


def daily(
    key: str, days: Sequence[date], closes: Sequence[float], volume: int = 1_000, seconds: int = DAY_S
) -> BarSeries:
    """Daily bars whose four prices are the close."""
    close = np.array(closes, dtype=np.float64)
    ends = [int(datetime.combine(day, CLOSE).timestamp()) * 1_000_000_000 for day in days]
    return BarSeries(
        key,
        seconds,
        np.array(ends, dtype=np.int64),
        close.copy(),
        close.copy(),
        close.copy(),
        close,
        np.full(len(close), volume, dtype=np.int64),
        source=f"{key}.parquet",
    )
