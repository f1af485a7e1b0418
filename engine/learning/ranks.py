"""Quantiles of the last few thousand claims, at a constant small cost per claim."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping
from typing import Final

from engine.learning import plain
from engine.learning.estimator import Plain

WINDOW: Final = 5000
"""Claims that a quantile looks back on. An engineering choice, not a tuned one."""


class RecentRanks:
    """The last claims, in their order and sorted."""

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._order: deque[float] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._order)

    def add(self, value: float) -> None:
        """Take the next value; the oldest leaves where the window is full."""
        if len(self._order) == self._window:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]
        self._order.append(value)
        insort(self._sorted, value)

    def quantile(self, share: float) -> float:
        """The value below which `share` of them lie; the lowest for 0. IndexError while there is none."""
        return self._sorted[min(len(self._sorted) - 1, int(share * len(self._sorted)))]

    def state(self) -> list[Plain]:
        """The values in their order."""
        return list(self._order)

    def restore(self, state: Mapping[str, Plain], name: str) -> None:
        """Continue with the values kept under `name`."""
        self._order = deque(plain.floats(state, name)[-self._window :])
        self._sorted = sorted(self._order)
