"""Which decision cycle an act belongs to: its task inherits that from the bar, so nobody passes it on."""

from __future__ import annotations

import time
from contextvars import ContextVar
from datetime import datetime
from typing import NamedTuple

from engine.api_pipeline import Stage
from engine.health.telemetry import Timing
from engine.runtime.desk import Desk


class Cycle(NamedTuple):
    """One bar of the live stream, or one quote that a strategy reads, on its way to a decision."""

    began_s: float
    """When it arrived (perf_counter)."""
    bar_end: datetime | None
    """Exchange time; None for a quote."""


_CYCLE: ContextVar[Cycle | None] = ContextVar("cycle", default=None)


def cycle_begins(bar_end: datetime | None) -> None:
    """A bar or a quote arrived: acts that are spawned until the cycle ends belong to it."""
    _CYCLE.set(Cycle(time.perf_counter(), bar_end))


def cycle_ends(desk: Desk) -> None:
    """Every strategy has decided on it."""
    cycle, counters = _CYCLE.get(), desk.telemetry.counters
    _CYCLE.set(None)
    counters.cycles += 1
    counters.degraded += desk.health is not None
    if cycle is not None:
        took_ms = (time.perf_counter() - cycle.began_s) * 1000.0
        desk.telemetry.add(Timing.CYCLE, took_ms)
        desk.pipeline.spent_ms[Stage.TRIGGER] += took_ms


def order_sent(desk: Desk) -> None:
    """An entry's bytes are with the kernel."""
    desk.telemetry.counters.submitted += 1
    cycle = _CYCLE.get()
    if cycle is None:  # not because of a bar: the operator's hand, a resumed act
        return
    desk.telemetry.add(Timing.TICK_TO_ORDER, (time.perf_counter() - cycle.began_s) * 1000.0)
    if cycle.bar_end is None:
        return
    speed = desk.clock.speed
    late_s = (desk.now() - cycle.bar_end).total_seconds()
    if speed > 0 and late_s >= 0:
        desk.telemetry.add(Timing.BAR_TO_SUBMIT, late_s / speed * 1000.0)
