"""Makes the aggregator of one instrument: its longer bars begin now, and its day where its exchange says."""

from __future__ import annotations

from datetime import time
from typing import Final

from engine.domain.instrument import SecType
from engine.market.bars import BarAggregator
from engine.runtime.desk import Desk

FUTURES_DAY: Final = time(18)
"""New York time at which a future's trading day begins."""


def aggregator_of(desk: Desk, key: str, *, seconds: int) -> BarAggregator:
    """One that emits no bar which began before this moment: it would be a partial one."""
    instrument = desk.instruments.get(key)
    is_future = instrument is not None and instrument.sec_type is SecType.FUTURE
    return BarAggregator(seconds, since=desk.now(), day_start=FUTURES_DAY if is_future else time(0))
