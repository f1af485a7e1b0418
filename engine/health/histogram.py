"""Times in fixed buckets: recording one costs well below a microsecond, percentiles are read when asked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

_FIRST_MS: Final = 0.01
_GROWTH: Final = 2.0**0.25
BOUNDS_MS: Final = tuple(_FIRST_MS * _GROWTH**n for n in range(97))
"""Upper bounds of the buckets, 10 µs to 170 s, each 19 % wider than the one before."""


class Histogram:
    """Counts of times by bucket. A percentile is right to a bucket's width, never above the maximum."""

    __slots__ = ("counts", "max_ms", "sum_ms")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_MS) + 1)
        self.max_ms = 0.0
        self.sum_ms = 0.0

    def add(self, ms: float) -> None:
        """One measured time; a negative one (clocks of two machines) counts as none at all."""
        self.counts[bisect_left(BOUNDS_MS, ms)] += 1
        self.sum_ms += ms
        self.max_ms = max(self.max_ms, ms)

    @property
    def count(self) -> int:
        """How many were measured."""
        return sum(self.counts)

    def percentile(self, pct: float) -> float | None:
        """The time within which `pct` percent were done, ms; None where nothing was measured."""
        total = self.count
        if not total:
            return None
        wanted, seen = total * pct / 100.0, 0
        for place, count in enumerate(self.counts):
            seen += count
            if count and seen >= wanted:
                bound = BOUNDS_MS[place] if place < len(BOUNDS_MS) else self.max_ms
                return min(bound, self.max_ms)
        return self.max_ms

    @classmethod
    def merged(cls, parts: Iterable[Histogram]) -> Histogram:
        """All of them as one."""
        whole = cls()
        for part in parts:
            whole.counts = [a + b for a, b in zip(whole.counts, part.counts, strict=True)]
            whole.sum_ms += part.sum_ms
            whole.max_ms = max(whole.max_ms, part.max_ms)
        return whole
