"""Notices that forecasts no longer come true: bets on how a promise breaks, as large as it was sure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from engine.learning import plain
from engine.learning.calibration import OnlinePlatt
from engine.learning.estimator import Plain, clip, logit_of, squash
from engine.learning.wealth import RICHES

SLACK: Final = 0.02
"""So much a forecast may claim too much on average before it is broken: what honest calibration leaves."""
STEP_SLACK: Final = 0.06
"""The same after one step: what a forecast is worth so early changes with the time of day, most at opens."""
BREAKS: Final = (0.5, 0.0, -0.5, -1.0)
"""How a promise may break, as a factor on its log-odds: worth half, nothing, turned in part, turned over."""
LEAST_STEPS: Final = 100
"""Steps from which it is learnt how much of a forecast shows already after one."""


class Promise:
    """Wealth of four gamblers, each sure of one way in which forecasts break; begins anew at every moment.

    Each bets by likelihood: its own word on an outcome over the forecast's, less the slack. Where
    forecasts are honest the mean wealth is a supermartingale, so false alarms at `run` are at least `run`
    outcomes apart on average. A turned edge loses a sure forecast in a few outcomes, a vague one in many.
    """

    def __init__(self, *, run: float, slack: float = SLACK) -> None:
        self._run, self._slack = run, slack
        self._logs = [0.0] * len(BREAKS)

    def is_broken(self, p: float, *, y: bool) -> bool:
        """One outcome of a forecast of `p`, and whether it was one too many."""
        claimed, is_right = max(p, 1.0 - p), (p > 0.5) == y
        held = clip(max(0.5, claimed - self._slack))
        z = logit_of(claimed)
        for index, factor in enumerate(BREAKS):
            other = squash(factor * z)
            gain = math.log(other / held) if is_right else math.log((1.0 - other) / (1.0 - held))
            self._logs[index] = min(RICHES, max(0.0, self._logs[index] + gain))
        return math.fsum(math.exp(one) for one in self._logs) / len(BREAKS) >= self._run

    def restart(self) -> None:
        """Begin again."""
        self._logs = [0.0] * len(BREAKS)

    def state(self) -> list[Plain]:
        """Logarithms of the four wealths."""
        return list(self._logs)

    def restore(self, state: Mapping[str, Plain], name: str) -> None:
        """Continue with the wealths kept under `name`."""
        self._logs = plain.floats(state, name, count=len(BREAKS))


class StepPromise:
    """Holds forecasts of a horizon against the first step after each, long before they are due.

    Steps never overlap, so there are horizon / step times as many of them as of labels. What a forecast
    is worth after one step is learnt; where that is nothing, steps say nothing and alarm nobody.
    """

    def __init__(self, *, run: float) -> None:
        self._promise = Promise(run=run, slack=STEP_SLACK)
        self._worth = OnlinePlatt()
        self.promised = self.kept = 0.0
        self.seen = 0

    def is_broken(self, p: float, *, up: bool) -> bool:
        """The first step after a forecast of `p` went up or down."""
        said = self._worth.calibrated(p)
        self._worth.learn(p, y=up)
        if self._worth.learnt <= LEAST_STEPS:
            return False
        self.seen += 1
        self.promised += max(said, 1.0 - said)
        self.kept += float((said > 0.5) == up)
        return self._promise.is_broken(said, y=up)

    def restart(self) -> None:
        """Look at another model, or at another world, with fresh eyes."""
        self._promise.restart()
        self._worth = OnlinePlatt()
        self.promised, self.kept, self.seen = 0.0, 0.0, 0

    def state(self) -> dict[str, Plain]:
        """Everything it remembers."""
        return {
            "promise": self._promise.state(),
            "worth": self._worth.state(),
            "promised": self.promised,
            "kept": self.kept,
            "seen": self.seen,
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        self._promise.restore(state, "promise")
        self._worth.restore(plain.table(state, "worth"))
        self.promised, self.kept = plain.number(state, "promised"), plain.number(state, "kept")
        self.seen = plain.whole(state, "seen")
