"""Puts the regular steps of the strategies together: the clock they decide by, and the end of their day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from engine.api import Level
from engine.broker.port import Broker
from engine.execution.executor import Executor
from engine.runtime import catalogue
from engine.runtime.desk import Desk
from engine.runtime.engine import Engine
from engine.runtime.guards.day_end import DayEnd
from engine.runtime.guards.expiry import Expiry
from engine.runtime.markets import Markets
from engine.runtime.selection.tracing import CycleTracer
from engine.runtime.setups.service import SetupService
from engine.runtime.trading import Trading


def strategy_chores(
    desk: Desk,
    executor: Executor,
    broker: Broker,
    trading: Trading,
    engine: Engine,
    markets: Markets,
    *,
    scanner_dir: Path,
    own_scans: Path,
) -> dict[str, Callable[[], Awaitable[None]]]:
    """Steps of the regular round, by name. Scans of ours are kept in `own_scans`."""
    for text in catalogue.troubles():
        desk.notices.event(Level.WARNING, "strategy", f"plug-in {text}; the others are not touched")
    day_end = DayEnd(desk, executor=executor, spawn=engine.spawn)
    expiry = Expiry(desk, executor=executor, spawn=engine.spawn)
    setups = SetupService(
        desk,
        broker=broker,
        trading=trading,
        folder=scanner_dir,
        own_folder=own_scans,
        spawn=engine.spawn,
        prepare=partial(markets.prepare, data_lost=False),
    )
    return {
        "day's end": day_end.round,
        "contract's end": expiry.round,
        "strategies": trading.clock_round,
        "watch list": setups.round,
        "trace of the cycle": CycleTracer(desk, trading).round,
    }
