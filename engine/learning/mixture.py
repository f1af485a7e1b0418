"""Several models as one: each counts as much as its forecasts have earned, and none is written off."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from engine.learning import plain
from engine.learning.bayes import BayesianLogistic
from engine.learning.estimator import Features, Plain, both, clip

PRIOR_LOGIT_VARIANCE: Final = 3.0
"""How far from even odds an expert believes the truth to be before it has seen any label."""


class Mixture:
    """Experts with posterior weights; River's interface. After t labels each gets 1/t of the weight back.

    So the small model leads while labels are few, the large one takes over when it has earned it, and a
    market that changes can bring either back.
    """

    _supervised: ClassVar[bool] = True
    _multiclass: ClassVar[bool] = False

    def __init__(self, experts: Mapping[str, BayesianLogistic]) -> None:
        if not experts:
            raise ValueError("a mixture of no experts cannot predict")
        self.experts = dict(experts)
        self.learnt = 0
        self._shares = [1.0 / len(self.experts)] * len(self.experts)

    @property
    def shares(self) -> dict[str, float]:
        """How much each expert counts now; they sum to 1."""
        return dict(zip(self.experts, self._shares, strict=True))

    def probability(self, x: Features) -> float:
        """Probability of True."""
        return self.assess(x)[0]

    def predict_proba_one(self, x: Features) -> dict[bool, float]:
        """Probability of both labels."""
        return both(self.probability(x))

    def predict_one(self, x: Features) -> bool:
        """The likelier label."""
        return self.assess(x)[0] > 0.5

    def assess(self, x: Features) -> tuple[float, float, tuple[float, ...]]:
        """Probability of True, strangeness to the expert that doubts most, and what each expert says."""
        parts = [expert.assess(x) for expert in self.experts.values()]
        forecasts = tuple(p for p, _ in parts)
        return self._mixed(forecasts), max(doubt for _, doubt in parts), forecasts

    def learn_one(self, x: Features, y: bool, w: float = 1.0) -> None:
        """Every expert learns; what each says just before moves its share."""
        self.learn(x, y=y, w=w, forecasts=self.assess(x)[2])

    def learn(self, x: Features, *, y: bool, w: float, forecasts: Sequence[float] | None) -> None:
        """Every expert learns; what each had forecast when the decision was taken moves its share.

        Where labels overlap, a forecast made later would have seen a part of the outcome. None = there
        is no forecast of that time, and shares stay as they are.
        """
        for expert in self.experts.values():
            expert.learn_one(x, y, w)
        if forecasts is None:
            return
        # What is boosted is no second witness: an expert's credit is at most one label's.
        credit = min(w, 1.0)
        earned = [
            share * math.exp(credit * math.log(clip(p if y else 1.0 - p)))
            for share, p in zip(self._shares, forecasts, strict=True)
        ]
        self._share_out(earned)

    def inflate(self) -> None:
        """Keep what was learnt, but doubt all of it as much as at the beginning."""
        for expert in self.experts.values():
            expert.inflate()

    def state(self) -> dict[str, Plain]:
        """Everything it has learnt, as JSON can hold it."""
        return {
            "kind": "mixture",
            "learnt": self.learnt,
            "shares": list(self._shares),
            "experts": {name: expert.state() for name, expert in self.experts.items()},
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken. StateError where it belongs to other experts."""
        experts = plain.table(state, "experts")
        if list(experts) != list(self.experts):
            raise plain.StateError(
                f"state of a model: its experts are {list(experts)}, not {list(self.experts)}"
            )
        shares = plain.floats(state, "shares", count=len(self.experts))
        learnt = plain.whole(state, "learnt")
        for name, expert in self.experts.items():
            expert.restore(plain.table(experts, name))
        self._shares, self.learnt = shares, learnt

    def _mixed(self, forecasts: Sequence[float]) -> float:
        return clip(sum(share * p for share, p in zip(self._shares, forecasts, strict=True)))

    def _share_out(self, earned: Sequence[float]) -> None:
        self.learnt += 1
        given_back = 1.0 / (self.learnt + 1)
        total, count = sum(earned), len(earned)
        self._shares = [(1.0 - given_back) * part / total + given_back / count for part in earned]


def nested(sets: Mapping[str, Sequence[str]], *, forgetting: float = 1.0) -> Mixture:
    """One Bayesian expert per named set of features.

    Each begins with the same doubt about the market, whatever the number of its features: a wide prior
    over many weights is a bold claim about their sum.
    """
    return Mixture(
        {
            name: BayesianLogistic(
                features, prior_variance=PRIOR_LOGIT_VARIANCE / len(features), forgetting=forgetting
            )
            for name, features in sets.items()
        }
    )
