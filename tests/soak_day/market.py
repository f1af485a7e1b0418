"""The market of a soak day: a tape of invented stocks whose prices wander, from the open to the close."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAY = dt.date(2026, 11, 20)
OPEN = dt.time(9, 30)
BEGIN = dt.time(9, 20)
"""The ten minutes before the open are the history of what begins then."""
SECONDS = (6 * 60 + 45) * 60
"""To five minutes after the close."""
QUOTE_EVERY_S, PRINT_EVERY_S = 4, 4
MOVE_BPS = 1.2
"""Standard deviation of a second's change: some thirty percent a year."""
NEW_YORK = ZoneInfo("America/New_York")


def symbols(count: int) -> tuple[str, ...]:
    """Names of so many stocks, none of them a real one's."""
    return tuple(f"Z{number:03}" for number in range(count))


def write_tape(folder: Path, count: int, *, seed: int) -> None:
    """Quotes and prints of `count` stocks, by the second; the same seed writes the same day."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    begin_ns = round(dt.datetime.combine(DAY, BEGIN, NEW_YORK).timestamp()) * 10**9
    names = np.array(symbols(count))
    moves = rng.normal(0.0, MOVE_BPS / 1e4, (SECONDS, count)).cumsum(axis=0)
    prices = np.round(np.linspace(50.0, 150.0, count) * np.exp(moves), 2)
    sizes = rng.integers(3, 40, (SECONDS, count)) * 100
    seconds, stocks = np.indices((SECONDS, count))
    for name, every_s in (("quote", QUOTE_EVERY_S), ("trade", PRINT_EVERY_S)):
        chosen = (seconds + stocks) % every_s == 0
        price, size = prices[chosen], sizes[chosen]
        at_ns = begin_ns + seconds[chosen] * 10**9 + stocks[chosen] * 10**6
        columns = {"ts": pa.array(at_ns, pa.timestamp("ns", "UTC")), "symbol": names[stocks[chosen]]}
        if name == "quote":
            ask = np.round(price + 0.01, 2)
            columns |= {"bid": price, "bid_size": size, "ask": ask, "ask_size": size}
        else:
            columns |= {"price": price, "size": size}
        pq.write_table(pa.table(columns), folder / f"day_{name}.parquet")
