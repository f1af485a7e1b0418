"""How late the engine loop runs its timers: the one number that says whether anything blocked it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

STEP_S: Final = 0.02
_BUCKET_S: Final = 1.0
LASTING_S: Final = 3
"""Seconds in a row after which a loop that is late is no single stall any more."""


class LoopLagProbe:
    """Measures how late a timer of 20 ms fires; remembers the worst of a rolling window."""

    def __init__(self, *, window_s: float = 60.0) -> None:
        self._buckets: deque[float] = deque(maxlen=max(1, round(window_s / _BUCKET_S)))
        self._buckets.append(0.0)
        self._worst_ms = 0.0
        self._bucket_end = 0.0
        self._cancel: Callable[[], None] | None = None

    @property
    def max_ms(self) -> float:
        """Worst lateness within the window, ms."""
        return max(self._buckets)

    @property
    def lasting_ms(self) -> float:
        """The least of the worst of each of the last three whole seconds: one stall does not show in it."""
        whole = list(self._buckets)[-1 - LASTING_S : -1]
        return min(whole) if len(whole) == LASTING_S else 0.0

    @property
    def worst_ms(self) -> float:
        """Worst lateness since the probe was started, ms."""
        return self._worst_ms

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin measuring on this loop; called on it."""
        self._bucket_end = loop.time() + _BUCKET_S
        self._arm(loop)

    def stop(self) -> None:
        """End measuring; called on the loop."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def forget(self) -> None:
        """Start over: what was measured so far does not count (imports while booting)."""
        self._buckets.clear()
        self._buckets.append(0.0)
        self._worst_ms = 0.0

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + STEP_S
        self._cancel = loop.call_at(due, self._fired, loop, due).cancel

    def _fired(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        self.note((now - due) * 1000.0, now_s=now)
        self._arm(loop)

    def note(self, late_ms: float, *, now_s: float) -> None:
        """Book one measured lateness."""
        if now_s >= self._bucket_end:
            self._bucket_end = now_s + _BUCKET_S
            self._buckets.append(0.0)
        self._buckets[-1] = max(self._buckets[-1], late_ms)
        self._worst_ms = max(self._worst_ms, late_ms)
