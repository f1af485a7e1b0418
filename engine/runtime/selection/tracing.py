"""Traces each decision cycle from universe to state, for the screen, the log and the session's record."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Final

import structlog

from engine.api_pipeline import CycleTrace, PipelineView, stage_words
from engine.runtime.desk import Desk
from engine.runtime.selection.pipeline import stages_of
from engine.runtime.trading import Trading

EVERY_S: Final = 0.9
"""Real seconds: rounds that a fill woke early make no cycle of their own."""

_log = structlog.get_logger("engine")


class CycleTracer:
    """A step of the regular round, after everything that decides."""

    def __init__(self, desk: Desk, trading: Trading) -> None:
        self._desk, self._trading = desk, trading
        self._next_s = -math.inf

    async def round(self) -> None:
        """Count the cycle that ends now, and begin the next."""
        desk, now_s = self._desk, self._desk.clock.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + EVERY_S
        acts, spent_ms = desk.pipeline.take()
        fates = self._trading.whys.standing(self._trading.running) | acts
        trace = CycleTrace(desk.now(), stages_of(fates.values(), spent_ms))
        acted = desk.selection.pipeline.acted
        if acts:
            acted = trace
            self._record(trace)
        desk.selection = replace(desk.selection, pipeline=PipelineView(trace, acted))

    def _record(self, trace: CycleTrace) -> None:
        """A cycle with a proposal is part of the record of decisions; the others would only fill it."""
        _log.info("cycle", **{row.stage.value: stage_words(row) for row in trace.stages})
        rows = [asdict(row) for row in trace.stages]
        self._desk.session_log.add(trace.at, "cycle", "", {"stages": rows})
