"""One question to the market, with its model and the layer that keeps the answer honest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from engine.learning import plain
from engine.learning.calibration import OnlinePlatt
from engine.learning.estimator import Features, Plain, clip
from engine.learning.mixture import Mixture


class Answer(NamedTuple):
    """A forecast: what the model said and what outcomes have made of such words."""

    raw: float
    p: float
    """Calibrated probability of yes."""
    strangeness: float
    """How unlike everything learnt the features are (v'Pv)."""


class Head:
    """A mixture of experts with a Platt layer behind it."""

    def __init__(self, model: Mixture) -> None:
        self.model = model
        self.calibration = OnlinePlatt()

    @property
    def learnt(self) -> int:
        """Labels learnt so far."""
        return self.model.learnt

    def answer(self, x: Features) -> Answer:
        """The forecast for these features."""
        raw, strangeness = self.model.assess(x)
        return Answer(raw, self.calibration.calibrated(raw), strangeness)

    def learn(self, x: Features, *, y: bool, uniqueness: float = 1.0, boost: float = 1.0) -> float:
        """One label. `uniqueness` is decision step / horizon; `boost` > 1 makes a loss count more.

        Only the model is boosted: the layer behind sees outcomes as often as they happened, so that the
        shown probability stays honest. Returns the calibrated probability of `y` held just before.
        """
        raw = self.model.score_and_learn(x, y=y, w=uniqueness * boost)
        held = self.calibration.calibrated(raw)
        self.calibration.learn(raw, y=y, w=uniqueness)
        return clip(held if y else 1.0 - held)

    def state(self) -> dict[str, Plain]:
        """Everything it has learnt."""
        return {"model": self.model.state(), "calibration": self.calibration.state()}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        self.model.restore(plain.table(state, "model"))
        self.calibration.restore(plain.table(state, "calibration"))
