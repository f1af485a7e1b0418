"""Writes small tapes of one morning and plays them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.gateway.instruments import load_instruments
from engine.gateway.tape import TapeMarket
from tests.gateway.market.markets import at

OPEN = at("2026-11-20 09:30")
NAN = float("nan")


def stamps(seconds: list[float]) -> pa.Array:
    return pa.array([round((OPEN + second) * 1e9) for second in seconds], pa.timestamp("ns", "UTC"))


def write(folder: Path, name: str, seconds: list[float], **columns: Any) -> Path:
    path = folder / f"{name}.parquet"
    pq.write_table(pa.table({"ts": stamps(seconds), **columns}), path)
    return path


def play(folder: Path, *, start: float = OPEN - 1) -> TapeMarket:
    return TapeMarket(folder, load_instruments(), start=start)
