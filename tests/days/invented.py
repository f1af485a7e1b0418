"""A day that nobody recorded: prices that turn often, for sessions that need no data and little time."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

DAY = date(2026, 3, 2)
NEW_YORK = ZoneInfo("America/New_York")
SYMBOL = "SPY"
_WILD = 70
"""Second whose quote is far off: no engine believes it."""


def at(clock: time) -> datetime:
    """An instant of the day."""
    return datetime.combine(DAY, clock, NEW_YORK)


def write_tape(folder: Path, *, seconds: int) -> Path:
    """Quotes and prints of the first seconds after the open, one a second, as files of a tape."""
    folder.mkdir()
    begin = at(time(9, 30))
    times = [begin + timedelta(seconds=n, milliseconds=200) for n in range(seconds)]
    mids = [round(500.0 + 0.8 * math.sin(n / 5.0), 2) for n in range(seconds)]
    bids = [mid * 1.5 if n == _WILD else mid - 0.01 for n, mid in enumerate(mids)]
    zone = pa.timestamp("us", tz="UTC")
    common = {
        "ts": pa.array(times, zone),
        "exchange": pa.array(["P"] * seconds, pa.large_string()),
        "cond": pa.array(["1"] * seconds, pa.large_string()),
        "suspicious": pa.array([False] * seconds),
    }
    sizes = pa.array([500] * seconds, pa.int64())
    quotes = {
        **common,
        "bid": pa.array([round(bid, 2) for bid in bids]),
        "bid_size": sizes,
        "ask": pa.array([round(bid + 0.02, 2) for bid in bids]),
        "ask_size": sizes,
    }
    prints = {**common, "price": pa.array(mids), "size": pa.array([100] * seconds, pa.int64())}
    for name, columns in (("quote", quotes), ("trade", prints)):
        pq.write_table(pa.table(columns), folder / f"{SYMBOL}_{DAY:%Y%m%d}_{name}.parquet")
    return folder
