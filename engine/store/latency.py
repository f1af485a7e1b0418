"""How long the store's durable writes take: the last ones for a percentile, new ones for whoever counts."""

from __future__ import annotations

from collections import deque
from typing import Final

_KEPT: Final = 512


class WriteTimes:
    """Milliseconds of durable writes, there and back through the writer thread."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=_KEPT)
        self._fresh: deque[float] = deque(maxlen=_KEPT)

    def add(self, ms: float) -> None:
        """One write is durable."""
        self._last.append(ms)
        self._fresh.append(ms)

    @property
    def last_ms(self) -> float | None:
        """The newest; None before any."""
        return self._last[-1] if self._last else None

    @property
    def p99_ms(self) -> float | None:
        """99th percentile of the last 512; None before any."""
        ordered = sorted(self._last)
        return ordered[int(len(ordered) * 0.99)] if ordered else None

    def take_fresh(self) -> tuple[float, ...]:
        """Those since the last call, at most 512."""
        fresh = tuple(self._fresh)
        self._fresh.clear()
        return fresh
