"""Keeps what the screen shows of the gates: judged anew once a minute, off the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from engine.api import Mode
from engine.api_gates import DrillView, GatesView
from engine.gates.case import Report
from engine.runtime.desk import Desk
from engine.runtime.modes.views import gate_views

LOOK_EVERY_S: Final = 60.0
FIRST_LOOK_S: Final = 5.0
"""After the start, which has more urgent things to read from disks."""


class GateWatch:
    """Writes `desk.gates`."""

    def __init__(
        self,
        desk: Desk,
        *,
        judge: Callable[[], Report],
        drills: Callable[[], tuple[DrillView, ...]],
        counts_text: Callable[[], str],
        stage_text: Callable[[], str],
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> None:
        """`judge` and `drills` read files and are called in a thread."""
        self._desk = desk
        self._judge = judge
        self._read_drills = drills
        self._drills: tuple[DrillView, ...] = ()
        self._counts_text = counts_text
        self._stage_text = stage_text
        self._spawn = spawn
        self._looked_s = desk.clock.monotonic() - LOOK_EVERY_S + FIRST_LOOK_S
        self._report: Report | None = None

    async def round(self) -> None:
        """Once a second or so; the look itself is a task of its own, so that no round waits for a disk."""
        now_s = self._desk.clock.monotonic()
        if now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            self._spawn("look at the gates", self._look)
        self._show()

    async def _look(self) -> None:
        self._report = await asyncio.to_thread(self._judge)
        self._drills = await asyncio.to_thread(self._read_drills)
        self._show()

    def _show(self) -> None:
        desk, report = self._desk, self._report
        stage = "" if desk.mode is not Mode.LIVE else "CANARY" if desk.is_canary else "FULL"
        view = GatesView(
            rows=() if report is None else gate_views(report),
            account="" if report is None else report.account,
            stage=stage,
            stage_text=self._stage_text(),
            counts_text=self._counts_text(),
            drills=self._drills,
        )
        if view != desk.gates:
            desk.gates = view
