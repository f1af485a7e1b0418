"""Breakers count what goes wrong inside the engine: a ladder of loop errors, a rate, and one per position.

Pure: times are monotonic seconds given by the caller, and every step returns a new value.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

WINDOW_S = 60.0
"""The error rate is counted over this rolling time."""


class BreakerLimits(NamedTuple):
    """How much goes wrong before something happens."""

    position_max: int = 3
    """Errors of one position at which it is closed."""
    rate_per_minute: int = 10
    """Errors in a rolling minute that are still borne; the next one pauses entries."""
    rate_pause_s: float = 60.0
    loop_consecutive: int = 10
    """Consecutive errors of one loop at which trading pauses."""
    loop_pause_s: float = 60.0
    fatal_above: int = 10
    """Consecutive errors of one loop that are survived; the next one ends the session."""


class Rung(StrEnum):
    """How far up the ladder an error of a loop led."""

    COUNTED = "counted"
    HELD = "held"
    """Trading is paused: errors of that time lead no higher."""
    PAUSED = "paused"
    FATAL = "fatal"


class LoopLadder(NamedTuple):
    """Consecutive errors per loop, and until when trading is paused because of them."""

    counts: Mapping[str, int] = {}
    open_until_s: float = float("-inf")

    def failed(self, loop: str, now_s: float, limits: BreakerLimits) -> tuple[LoopLadder, Rung]:
        """One more error of a loop. Only a success of the same loop clears its count, never time."""
        if now_s < self.open_until_s:
            return self, Rung.HELD
        count = self.counts.get(loop, 0) + 1
        after = self._replace(counts={**self.counts, loop: count})
        if count > limits.fatal_above:
            return after, Rung.FATAL
        if count >= limits.loop_consecutive:
            return after._replace(open_until_s=now_s + limits.loop_pause_s), Rung.PAUSED
        return after, Rung.COUNTED

    def succeeded(self, loop: str) -> LoopLadder:
        """The loop went through: its count is 0 again. A pause that began runs to its end."""
        if loop not in self.counts:
            return self
        return self._replace(counts={name: n for name, n in self.counts.items() if name != loop})

    def left_s(self, now_s: float) -> float:
        """Seconds until the pause ends; 0 where trading is not paused."""
        return max(0.0, self.open_until_s - now_s)


class ErrorRate(NamedTuple):
    """Errors of every kind in the last minute, and until when entries are paused because of them."""

    times_s: tuple[float, ...] = ()
    open_until_s: float = float("-inf")

    def failed(self, now_s: float, limits: BreakerLimits) -> tuple[ErrorRate, bool]:
        """One more error; True where it is the one that trips. After a pause the count begins at 0."""
        if now_s < self.open_until_s:
            return self, False
        times_s = (*(t for t in self.times_s if now_s - t < WINDOW_S), now_s)
        if len(times_s) <= limits.rate_per_minute:
            return self._replace(times_s=times_s), False
        return ErrorRate((), now_s + limits.rate_pause_s), True

    def count(self, now_s: float) -> int:
        """Errors in the rolling minute that ends now."""
        return sum(1 for t in self.times_s if now_s - t < WINDOW_S)

    def left_s(self, now_s: float) -> float:
        """Seconds until the pause ends; 0 where entries are not paused."""
        return max(0.0, self.open_until_s - now_s)


class PositionErrors(NamedTuple):
    """Errors per instrument, as long as it is held."""

    counts: Mapping[str, int] = {}

    def failed(self, key: str, limits: BreakerLimits) -> tuple[PositionErrors, bool]:
        """One more error at an instrument; True exactly once, where its position is to be closed."""
        count = self.counts.get(key, 0) + 1
        return PositionErrors({**self.counts, key: count}), count == limits.position_max

    def keep(self, held: frozenset[str]) -> PositionErrors:
        """Forget what is not held any more: its next position begins at 0."""
        if self.counts.keys() <= held:
            return self
        return PositionErrors({key: n for key, n in self.counts.items() if key in held})
