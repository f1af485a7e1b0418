"""One question to the market, with its model and the layer that keeps the answer honest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from engine.learning import plain
from engine.learning.calibration import OnlinePlatt
from engine.learning.estimator import Features, Plain


class Answer(NamedTuple):
    """A forecast: what the model said and what outcomes have made of such words."""

    raw: float
    p: float
    """Calibrated probability of yes."""
    strangeness: float
    """How unlike everything learnt the features are (v'Pv)."""
    experts: tuple[float, ...]
    """What each expert said."""


class Model(Protocol):
    """What a head needs of its model: a mixture of ours, or a pipeline of River."""

    learnt: int
    """Labels learnt so far."""

    @property
    def shares(self) -> dict[str, float]:
        """How much each of its experts counts."""
        ...

    def assess(self, x: Features) -> tuple[float, float, tuple[float, ...]]:
        """Probability of True, strangeness (0 where it knows none), and what each expert says."""
        ...

    def learn(self, x: Features, *, y: bool, w: float, forecasts: Sequence[float] | None) -> None:
        """One label that counts `w` times, and what its experts had forecast of it."""
        ...

    def state(self) -> dict[str, Plain]:
        """Everything it has learnt."""
        ...

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        ...


class Head:
    """A model with a Platt layer behind it."""

    def __init__(self, model: Model, *, whole_labels: bool = False) -> None:
        """`whole_labels`: its learning rate was chosen for labels that count in full, overlapping or not."""
        self.model = model
        self._whole = whole_labels
        self.calibration = OnlinePlatt(fades=True)

    @property
    def learnt(self) -> int:
        """Labels learnt so far."""
        return self.model.learnt

    def answer(self, x: Features) -> Answer:
        """The forecast for these features."""
        raw, strangeness, experts = self.model.assess(x)
        return Answer(raw, self.calibration.calibrated(raw), strangeness, experts)

    def learn(
        self, x: Features, *, y: bool, said: Answer | None, uniqueness: float = 1.0, boost: float = 1.0
    ) -> None:
        """One label. `uniqueness` is decision step / horizon; `boost` > 1 makes a loss count more.

        Judged is what was `said` when the decision was taken, never what would be said now: where labels
        overlap, that would know a part of the outcome. Only the model is boosted: the layer behind sees
        outcomes as often as they happened, so that the shown probability stays honest.
        """
        w = boost if self._whole else uniqueness * boost
        self.model.learn(x, y=y, w=w, forecasts=None if said is None else said.experts)
        if said is not None:
            self.calibration.learn(said.raw, y=y, w=uniqueness)

    def state(self) -> dict[str, Plain]:
        """Everything it has learnt."""
        return {"model": self.model.state(), "calibration": self.calibration.state()}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        self.model.restore(plain.table(state, "model"))
        self.calibration.restore(plain.table(state, "calibration"))


def numbers_of(answer: Answer) -> list[Plain]:
    """A forecast as JSON can hold it."""
    return [answer.raw, answer.p, answer.strangeness, *answer.experts]


def answer_of(numbers: Sequence[float]) -> Answer:
    """A forecast read back."""
    raw, p, strangeness, *experts = numbers
    return Answer(raw, p, strangeness, tuple(experts))
