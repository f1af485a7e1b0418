"""Keeps the shown probability honest: two numbers between any model and the screen, learnt online."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from engine.learning import plain
from engine.learning.bayes import LEAST_CURVATURE
from engine.learning.estimator import Plain, logit_of, squash

SLOPE_VARIANCE: Final = 0.25
OFFSET_VARIANCE: Final = 0.25
"""How far from "as it is" the layer may believe the truth to be before it has seen any outcome."""


class OnlinePlatt:
    """p -> s(a·logit(p) + b), with a Gaussian over (a, b) that begins at the identity.

    It repairs what a model gets systematically wrong (too sure, too timid, bent by weighted losses) and
    leaves a good one as it is. With `fades` the nth outcome counts n times as much as the first: what a
    young model got wrong says little of what it is now. That costs a quarter of the outcomes.
    """

    def __init__(self, *, fades: bool = False) -> None:
        self._fades = fades
        self.slope, self.offset = 1.0, 0.0
        self.learnt = 0
        self._aa, self._ab, self._bb = SLOPE_VARIANCE, 0.0, OFFSET_VARIANCE

    def calibrated(self, p: float) -> float:
        """The probability that outcomes bear out. One half stays near one half."""
        return squash(self.slope * logit_of(p) + self.offset)

    def learn(self, p: float, *, y: bool, w: float = 1.0) -> None:
        """One outcome of a forecast `p`; `w` is the label's uniqueness, never a boost for losses."""
        if not (math.isfinite(p) and math.isfinite(w) and w > 0.0):
            return
        if self._fades and self.learnt:
            self._fade()
        z = logit_of(p)
        reach_a, reach_b = self._aa * z + self._ab, self._ab * z + self._bb
        doubt = reach_a * z + reach_b
        held = squash(self.slope * z + self.offset)
        curvature = max(w * held * (1.0 - held), LEAST_CURVATURE)
        shrink = 1.0 / (1.0 / curvature + doubt)
        push = (1.0 - shrink * doubt) * w * (float(y) - held)
        self.slope += reach_a * push
        self.offset += reach_b * push
        self._aa -= shrink * reach_a * reach_a
        self._ab -= shrink * reach_a * reach_b
        self._bb -= shrink * reach_b * reach_b
        self.learnt += 1

    def _fade(self) -> None:
        """Doubt what was learnt as much more as one outcome more makes it older; never beyond the prior."""
        grown = min(
            (self.learnt + 1) / self.learnt,
            max(1.0, SLOPE_VARIANCE / self._aa),
            max(1.0, OFFSET_VARIANCE / self._bb),
        )
        self._aa *= grown
        self._ab *= grown
        self._bb *= grown

    def state(self) -> dict[str, Plain]:
        """Everything it has learnt."""
        numbers: list[Plain] = [self.slope, self.offset, self._aa, self._ab, self._bb]
        return {"kind": "platt", "learnt": self.learnt, "numbers": numbers}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        numbers = plain.floats(state, "numbers", count=5)
        self.learnt = plain.whole(state, "learnt")
        self.slope, self.offset, self._aa, self._ab, self._bb = numbers
