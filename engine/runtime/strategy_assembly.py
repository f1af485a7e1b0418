"""Puts the regular steps of the strategies together: the clock they decide by, and the end of their day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.execution.executor import Executor
from engine.runtime.desk import Desk
from engine.runtime.engine import Engine
from engine.runtime.guards.day_end import DayEnd
from engine.runtime.trading import Trading


def strategy_chores(
    desk: Desk, executor: Executor, trading: Trading, engine: Engine
) -> dict[str, Callable[[], Awaitable[None]]]:
    """Steps of the regular round, by name."""
    day_end = DayEnd(desk, executor=executor, spawn=engine.spawn)
    return {"day's end": day_end.round, "strategies": trading.clock_round}
