"""Writes ordinary log lines a moment later: formatting one costs as much as the gate, before every order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from engine.runtime.process.logs import timestamp

LATER_S: Final = 0.02
"""Long after an order's two commits and its bytes, soon for whoever reads the log."""


class LateLog:
    """A short queue in front of the log, on the engine loop. Lines keep their order and their time."""

    def __init__(self, *, later_s: float = LATER_S) -> None:
        self._later_s = later_s
        self._lines: list[Callable[[], object]] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, log: Callable[..., object], text: str, **fields: object) -> None:
        """Call `log(text, **fields)` a moment from now; at the latest at the next `flush`."""
        self._lines.append(partial(log, text, timestamp=timestamp(), **fields))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._later_s, self.flush)

    def flush(self) -> None:
        """Write what waits now: before a line that must not wait, and at the end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, []
        for line in lines:
            line()
