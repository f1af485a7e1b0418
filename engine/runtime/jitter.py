"""Shortens a regular pause by a little each time, so that nothing ever runs in step with something else."""

from __future__ import annotations

from random import Random


class Jitter:
    """Pauses of an interval less up to `pct` percent of it. The same seed draws the same pauses."""

    def __init__(self, interval_s: float, *, pct: float, seed: str) -> None:
        self._interval_s = interval_s
        self._share = pct / 100.0
        self._random = Random(seed)  # noqa: S311 - nothing secret hangs on it

    def next_s(self) -> float:
        """The next pause."""
        return self._interval_s * (1.0 - self._share * self._random.random())
