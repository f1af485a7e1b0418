"""Names data by their content, so that results and trials say which bars they stand on. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from engine.backtest.series import BarSeries


def data_hash(series: Sequence[BarSeries]) -> str:
    """SHA-256 over key, bar length, adjustment and every value of the bars, whatever the order of the series.

    Where the rows were read from does not count: the same bars are the same data.
    """
    digest = hashlib.sha256()
    for one in sorted(series, key=lambda one: (one.key, one.seconds)):
        digest.update(f"{one.key}\0{one.seconds}\0{one.adjustment}\0{len(one)}\0".encode())
        for column in (one.end_ns, one.open, one.high, one.low, one.close, one.volume):
            digest.update(column.astype(column.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()
