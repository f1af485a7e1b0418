"""One pivot and one side: from the break on a tick to the entry, by the shortest of two ways.

armed → broken → entered on the tick (*momentum*), or back at the pivot → away again → entered (*retest*).
What fails, or takes too long, must first come back inside before it can break again. Pure: times come with
the prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from engine.domain.order import Side


class Stage(StrEnum):
    """Where a pivot stands."""

    OUTSIDE = "outside"
    """Beyond the pivot without a break that was seen: it must come back inside first."""
    ARMED = "armed"
    BROKEN = "broken"
    """Beyond it, not entered on the tick; waits for the way back."""
    RETESTED = "retested"
    """Back at the pivot after a break; waits for the bounce."""
    SPENT = "spent"
    """Entered, failed or too late; must come back inside first."""


class Path(StrEnum):
    """How an entry was made."""

    MOMENTUM = "momentum"
    RETEST = "retest"


@dataclass(frozen=True, slots=True)
class TrackLimits:
    """When a break is a retest, and when it is over."""

    retest_band_pct: float
    """Within so much of the pivot it counts as back at it."""
    bounce_pct: float
    """So far beyond it, it has left the pivot; so far again after the way back, it holds."""
    fail_pct: float
    """So far inside again, the break has failed."""
    retest_timeout_s: float
    """After that a break that did not come back and hold is over."""


class Trigger(NamedTuple):
    """The tick on which an entry may be made."""

    path: Path
    number: int
    """Counts the breaks of this pivot and side."""


class PivotTrack:
    """The state of one pivot and side."""

    __slots__ = ("_limits", "_reach_pct", "breaks", "broken_at", "pivot", "side", "stage")

    def __init__(self, pivot: float, side: Side, limits: TrackLimits) -> None:
        self.pivot = pivot
        self.side = side
        self.stage = Stage.OUTSIDE
        self.breaks = 0
        self.broken_at = 0.0
        """Exchange time of the last break, epoch seconds."""
        self._limits = limits
        self._reach_pct = 0.0

    def beyond_pct(self, price: float) -> float:
        """How far the price is beyond the pivot, in percent of it; negative inside."""
        return 100.0 * self.side.sign * (price - self.pivot) / self.pivot

    def on_price(self, price: float, at: float) -> Trigger | None:
        """Take the next price; the trigger where it is time to enter. Whoever acts on it says `spend`."""
        beyond = self.beyond_pct(price)
        if self.stage in {Stage.OUTSIDE, Stage.SPENT}:
            if beyond <= 0.0:
                self.stage = Stage.ARMED
            return None
        if self.stage is Stage.ARMED:
            return self._break(at) if beyond > 0.0 else None
        return self._after_break(beyond, at)

    def _break(self, at: float) -> Trigger:
        self.stage, self.broken_at, self._reach_pct = Stage.BROKEN, at, 0.0
        self.breaks += 1
        return Trigger(Path.MOMENTUM, self.breaks)

    def _after_break(self, beyond: float, at: float) -> Trigger | None:
        self._reach_pct = max(self._reach_pct, beyond)
        has_left = self._reach_pct >= self._limits.bounce_pct
        if beyond <= -self._limits.fail_pct:
            self.stage = Stage.ARMED
        elif at - self.broken_at > self._limits.retest_timeout_s:
            self.stage = Stage.ARMED if beyond <= 0.0 else Stage.SPENT
        elif self.stage is Stage.BROKEN and has_left and beyond <= self._limits.retest_band_pct:
            self.stage = Stage.RETESTED
        elif self.stage is Stage.RETESTED and beyond >= self._limits.bounce_pct:
            return Trigger(Path.RETEST, self.breaks)
        return None

    def spend(self) -> None:
        """This break was acted on, or is given up."""
        self.stage = Stage.SPENT
