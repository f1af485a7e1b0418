"""SQL of the checkpoint: one row that is replaced, and a ring of 5-second bars per instrument."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from engine.domain.market import Bar, bars_by_symbol, checked_bar
from engine.store.values import from_time, to_json, to_time


class StoredCheckpoint(NamedTuple):
    """What the last checkpoint wrote."""

    at: datetime
    day: date
    document: Mapping[str, Any]
    bars: Mapping[str, tuple[Bar, ...]]
    """Instrument key -> its bars, oldest first."""


def put_checkpoint(
    conn: sqlite3.Connection,
    document: Mapping[str, object],
    bars: Iterable[Bar],
    *,
    at: datetime,
    day: date,
    kept_bars: int,
) -> None:
    """Replace the checkpoint and add bars; per instrument the newest `kept_bars` stay, of this day only."""
    before = conn.execute("SELECT day FROM checkpoint").fetchone()
    if before is not None and before[0] != day.isoformat():
        conn.execute("DELETE FROM bar_buffer")
    conn.execute(
        "INSERT OR REPLACE INTO checkpoint (id, at, day, document) VALUES (1, ?, ?, ?)",
        (to_time(at), day.isoformat(), to_json(document)),
    )
    rows = [_bar_row(bar) for bar in bars]
    conn.executemany("INSERT OR REPLACE INTO bar_buffer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    conn.executemany(
        "DELETE FROM bar_buffer WHERE key = :key AND end_at <= "
        "(SELECT end_at FROM bar_buffer WHERE key = :key ORDER BY end_at DESC LIMIT 1 OFFSET :kept)",
        [{"key": key, "kept": kept_bars} for key in {row[0] for row in rows}],
    )


def load_checkpoint(conn: sqlite3.Connection) -> StoredCheckpoint | None:
    """The last checkpoint, or None before the first. Raises ValueError where it cannot be read."""
    row = conn.execute("SELECT at, day, document FROM checkpoint").fetchone()
    if row is None:
        return None
    at, day, document = row
    stored = conn.execute("SELECT * FROM bar_buffer ORDER BY key, end_at")
    bars = bars_by_symbol(_bar(*row) for row in stored)
    return StoredCheckpoint(
        from_time(at),
        date.fromisoformat(day),
        json.loads(document),
        {key: tuple(found) for key, found in bars.items()},
    )


def _bar_row(bar: Bar) -> tuple[object, ...]:
    wap = bar.wap if math.isfinite(bar.wap) else None
    prices = (bar.open, bar.high, bar.low, bar.close)
    return (bar.symbol, to_time(bar.end), *prices, bar.volume, wap, bar.trades)


def _bar(
    key: str,
    end_at: str,
    opened: float,
    high: float,
    low: float,
    close: float,
    volume: int,
    wap: float | None,
    trades: int,
) -> Bar:
    return checked_bar(
        Bar(
            *(key, from_time(end_at), opened, high, low, close, volume),
            wap=math.nan if wap is None else wap,
            trades=trades,
        )
    )
