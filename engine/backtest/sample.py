"""Bars that the package makes itself, so that a backtest runs with nothing set up. The market is invented."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

import numpy as np

from engine.backtest.series import NANOSECONDS, BarSeries
from engine.domain.instrument import SessionHours
from engine.domain.market import NEW_YORK, utc

SYMBOLS: Final = ("ALFA", "BRAVO", "CHARLIE", "DELTA")
"""Names that no exchange lists."""
FIRST_DAY: Final = date(2026, 1, 5)
SESSIONS: Final = 20
MINUTES: Final = 390
SEED: Final = 20260105


def sample_hours() -> tuple[SessionHours, ...]:
    """Sessions of the sample: weekdays, 9:30 to 16:00 in New York, no holiday."""
    days = (FIRST_DAY + timedelta(days=n) for n in range(SESSIONS * 2))
    weekdays = [day for day in days if day.weekday() < 5][:SESSIONS]
    opens = [datetime.combine(day, time(9, 30), tzinfo=NEW_YORK).timestamp() for day in weekdays]
    return tuple(SessionHours(utc(at), utc(at + MINUTES * 60)) for at in opens)


def sample_series(*, seed: int = SEED) -> tuple[BarSeries, ...]:
    """One-minute bars of every symbol; the same seed gives the same bars."""
    ends = np.concatenate(
        [
            (int(hours.open.timestamp()) + 60 * np.arange(1, MINUTES + 1, dtype=np.int64)) * NANOSECONDS
            for hours in sample_hours()
        ]
    )
    return tuple(_series(key, ends, seed + number) for number, key in enumerate(SYMBOLS))


def _series(key: str, ends: np.ndarray[tuple[int], np.dtype[np.int64]], seed: int) -> BarSeries:
    """A price that drifts one way for some hours, then another; on a one-cent grid."""
    random = np.random.default_rng(seed)
    count = len(ends)
    leans = np.repeat(random.normal(0.0, 8e-5, count // 120 + 1), 120)[:count]
    steps = leans + random.normal(0.0, 6e-4, count)
    close = np.round(float(random.integers(40, 400)) * np.exp(np.cumsum(steps)), 2)
    first = np.concatenate((close[:1], close[:-1]))
    reach = np.abs(random.normal(0.0, 3e-4, (2, count))) * close
    high = np.round(np.maximum(first, close) + reach[0], 2)
    low = np.round(np.minimum(first, close) - reach[1], 2)
    volume = random.integers(5_000, 80_000, count)
    return BarSeries(
        key, 60, ends, first, high, low, close, volume.astype(np.int64), "sample", "an invented market"
    )
