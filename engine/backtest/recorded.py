"""The bars of a recorded session out of its event log: enough to decide it once more."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np

from engine.backtest.series import NANOSECONDS, BarSeries
from engine.domain.market import Bar
from engine.store.session_log import unpacked

SOURCE = "event log"


def bars_of(payloads: Iterable[str]) -> dict[str, list[Bar]]:
    """Every bar of `tape` events, by instrument, oldest first. Raises ValueError for a damaged event."""
    found: dict[str, dict[float, Bar]] = {}
    for payload in payloads:
        for bar in unpacked(json.loads(payload)).bars:
            found.setdefault(bar.symbol, {}).setdefault(bar.end.timestamp(), bar)
    return {key: [bar for _, bar in sorted(bars.items())] for key, bars in sorted(found.items())}


def series_of(key: str, bars: Iterable[Bar]) -> BarSeries:
    """The same as columns. Raises ValueError for bars of different lengths."""
    rows = tuple(bars)
    lengths = {bar.seconds for bar in rows}
    if len(lengths) != 1:
        raise ValueError(f"{key}: bars of {sorted(lengths)} s do not make one series")
    return BarSeries(
        key,
        lengths.pop(),
        np.array([int(bar.end.timestamp()) * NANOSECONDS for bar in rows], dtype=np.int64),
        np.array([bar.open for bar in rows]),
        np.array([bar.high for bar in rows]),
        np.array([bar.low for bar in rows]),
        np.array([bar.close for bar in rows]),
        np.array([bar.volume for bar in rows], dtype=np.int64),
        SOURCE,
    )
