"""Notices that the market or the model's promise has changed. Sees non-overlapping outcomes only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from engine.learning import plain
from engine.learning.adwin import Adwin
from engine.learning.estimator import Plain, log_loss
from engine.learning.promise import Promise, StepPromise

EXCESS_SPAN: Final = 4.0
"""Nats of surprise beyond the expected that still count as more; the detector needs values in [0, 1]."""
PROMISE_RUN: Final = 50_000.0
"""Outcomes, or steps, between two false alarms of a promise detector, on average, at least."""


class DriftKind(StrEnum):
    """Which detector spoke."""

    ERRORS = "errors"
    """More forecasts are wrong than before."""
    SURPRISE = "surprise"
    """Outcomes surprise more than they did, beyond what the forecasts allow for."""
    PROMISE = "promise"
    """Forecasts come true less often than they say."""
    STEPS = "steps"
    """The first steps after forecasts go against them."""


class Drift(NamedTuple):
    """One alarm, with what was before and what is now."""

    kind: DriftKind
    before: float
    after: float
    outcomes: int
    """Outcomes looked at since the last alarm, this one included."""


class DriftWatch:
    """ADWIN over errors and over excess surprise, and detectors of promises that are not kept.

    `delta` is ADWIN's risk of a false alarm per look.

    A change for the better is no alarm (a model that still learns makes one): the windows are cut and
    that is all.
    """

    def __init__(self, *, delta: float = 0.002) -> None:
        self.seen = 0
        """Outcomes since the last alarm."""
        self.alarms = 0
        self._errors, self._surprise = Adwin(delta=delta), Adwin(delta=delta)
        self._promise, self._steps = Promise(run=PROMISE_RUN), StepPromise(run=PROMISE_RUN)
        self._promised = self._kept = 0.0

    @property
    def error_rate(self) -> float:
        """Share of wrong forecasts in the window; NaN while it is empty."""
        return self._errors.mean

    def update(self, p: float, *, y: bool) -> Drift | None:
        """One outcome and what had been forecast for it, calibrated. Returns an alarm or None."""
        self.seen += 1
        is_right = (p > 0.5) == y
        self._promised += max(p, 1.0 - p)
        self._kept += float(is_right)
        return self._told(self._look(p, y=y, is_right=is_right))

    def step(self, p: float, *, up: bool) -> Drift | None:
        """The first step after a forecast of `p`, whose outcome is not due yet. Steps do not overlap."""
        if not self._steps.is_broken(p, up=up):
            return None
        seen = self._steps.seen
        return self._told(Drift(DriftKind.STEPS, self._steps.promised / seen, self._steps.kept / seen, seen))

    def _told(self, alarm: Drift | None) -> Drift | None:
        if alarm is not None:
            self.alarms += 1
            self.restart()
        return alarm

    def restart(self) -> None:
        """Look at a new model, or at a new world, with fresh eyes."""
        self._errors.restart()
        self._surprise.restart()
        self._promise.restart()
        self._steps.restart()
        self.seen, self._promised, self._kept = 0, 0.0, 0.0

    def _look(self, p: float, *, y: bool, is_right: bool) -> Drift | None:
        """Every detector sees every outcome; the first that speaks is reported."""
        wrong = self._errors.update(float(not is_right))
        excess = log_loss(p, y) - _expected_loss(p)
        odd = self._surprise.update(min(1.0, max(0.0, 0.5 + excess / EXCESS_SPAN)))
        broken = self._promise.is_broken(p, y=y)
        if wrong and self._errors.after > self._errors.before:
            return Drift(DriftKind.ERRORS, self._errors.before, self._errors.after, self.seen)
        if odd and self._surprise.after > self._surprise.before:
            before, after = (
                (mean - 0.5) * EXCESS_SPAN for mean in (self._surprise.before, self._surprise.after)
            )
            return Drift(DriftKind.SURPRISE, before, after, self.seen)
        if broken:
            return Drift(DriftKind.PROMISE, self._promised / self.seen, self._kept / self.seen, self.seen)
        return None

    def state(self) -> dict[str, Plain]:
        """Everything the detectors remember."""
        return {
            "kind": "drift",
            "errors": self._errors.state(),
            "surprise": self._surprise.state(),
            "promise": self._promise.state(),
            "steps": self._steps.state(),
            "seen": self.seen,
            "alarms": self.alarms,
            "promised": self._promised,
            "kept": self._kept,
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        self._errors.restore(plain.table(state, "errors"))
        self._surprise.restore(plain.table(state, "surprise"))
        self._promise.restore(state, "promise")
        self._steps.restore(plain.table(state, "steps"))
        self.seen, self.alarms = plain.whole(state, "seen"), plain.whole(state, "alarms")
        self._promised, self._kept = plain.number(state, "promised"), plain.number(state, "kept")


def _expected_loss(p: float) -> float:
    """What a forecast of `p` costs on average where it is right about itself, in nats."""
    return -p * math.log(p) - (1.0 - p) * math.log(1.0 - p) if 0.0 < p < 1.0 else 0.0
