"""Looking at everything that is held costs little: the round must never hold up an order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.figures import quantile
from engine.runtime.guards.age import AgeWatch
from engine.runtime.guards.overdue import Overdue
from engine.runtime.guards.stop_net import StopNet
from engine.runtime.guards.stops import StopKeeper
from tests.builders import quote
from tests.execution.rig import rig
from tests.virtual_time import virtual

KEYS = tuple(f"B{number:02}" for number in range(20))


@virtual
@pytest.mark.req("PS60-NFR-LOOP")
async def test_a_pass_over_twenty_positions_takes_far_less_than_a_tenth_of_a_second(tmp_path: Path) -> None:
    """In processor time, which other programs on the machine do not lengthen."""
    async with rig(tmp_path, keys=KEYS) as here:
        here.broker.unfilled = set()
        for key in KEYS:
            await here.enter(10, key=key)
            here.desk.quotes.on_quote(quote(key, at=here.desk.now()))
        parts = {"executor": here.executor, "spawn": here.spawn}
        stops, net = StopKeeper(here.desk, **parts), StopNet(here.desk, **parts)
        age, overdue = AgeWatch(here.desk, **parts), Overdue(here.desk, **parts)
        looks: tuple[Callable[[], object], ...] = (stops.round, net.round, age.round, overdue.round)

        taken_s = []
        for _ in range(100):
            began_s = time.thread_time()
            for look in looks:
                waits = look()
                if asyncio.iscoroutine(waits):
                    await waits
            taken_s.append(time.thread_time() - began_s)

        assert len(here.books.positions()) == len(KEYS)
        assert quantile(taken_s, 0.95) < 0.020
