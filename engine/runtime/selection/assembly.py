"""Puts together what says which markets may be entered now, and lets it speak before the first entry can."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from engine.broker.port import Broker
from engine.runtime.desk import Desk
from engine.runtime.engine import Engine
from engine.runtime.markets import Markets
from engine.runtime.selection.discovery import FuturesDiscovery
from engine.runtime.selection.lines import LineKeeper
from engine.runtime.selection.regime import RegimeWatch
from engine.runtime.selection.universe import UniverseWatch

PREPARE_S: Final = 10.0
"""Real seconds that READY waits for it; what is not known by then excludes, and is asked for again."""

_log = structlog.get_logger("engine")


def selection_chores(
    desk: Desk, broker: Broker, markets: Markets, engine: Engine
) -> dict[str, Callable[[], Awaitable[None]]]:
    """Steps of the regular round, by name."""
    universe = UniverseWatch(desk, broker=broker, spawn=engine.spawn)
    regime = RegimeWatch(desk, broker=broker, spawn=engine.spawn)

    async def prepare() -> None:
        try:
            async with asyncio.timeout(PREPARE_S):
                await asyncio.gather(universe.prepare(), regime.prepare())
        except TimeoutError:
            _log.warning("selection.slow", waited_s=PREPARE_S)
            universe.look()

    markets.before_ready = prepare
    lines = LineKeeper(desk, broker=broker, markets=markets, spawn=engine.spawn)
    futures = FuturesDiscovery(desk, broker=broker, markets=markets, universe=universe, spawn=engine.spawn)
    return {
        "discovery of futures": futures.round,
        "universe": universe.round,
        "regime": regime.round,
        "data lines": lines.round,
    }
