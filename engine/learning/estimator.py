"""What every model looks like from outside: River's two methods, features by name, plain state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Protocol, TypeAlias

Features: TypeAlias = Mapping[str, float]
"""Dimensionless values by name; the same names at every call."""

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""What JSON can hold, and nothing else: state is written down as this."""

LOWEST_P: Final = 1e-6
"""No probability is nearer to 0 or 1 than this: a single surprise must not cost infinitely much."""
STEEPEST_LOGIT: Final = 30.0


class Classifier(Protocol):
    """A binary online classifier as River knows it. The label True is "yes" (it moved, it went up)."""

    def predict_proba_one(self, x: Features) -> dict[bool, float]:
        """Probability of each label; both lie within [1e-6, 1 - 1e-6]."""
        ...

    def learn_one(self, x: Features, y: bool, w: float = 1.0) -> None:
        """Learn one labelled example; `w` is how much it counts (its uniqueness, at most 1 without boost)."""
        ...


class Restorable(Classifier, Protocol):
    """A classifier whose whole state can be written as JSON and read back exactly."""

    def state(self) -> dict[str, Plain]:
        """Everything it has learnt."""
        ...

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken. ValueError where it is another model's."""
        ...


def squash(logit: float) -> float:
    """Probability of a logit, both clipped so that neither log nor exp can overflow."""
    bounded = min(STEEPEST_LOGIT, max(-STEEPEST_LOGIT, logit))
    return clip(1.0 / (1.0 + math.exp(-bounded)))


def clip(p: float) -> float:
    """The probability, kept away from certainty."""
    return min(1.0 - LOWEST_P, max(LOWEST_P, p))


def logit_of(p: float) -> float:
    """Log-odds of a probability."""
    bounded = clip(p)
    return math.log(bounded / (1.0 - bounded))


def log_loss(p: float, y: bool) -> float:
    """What a prediction cost, in nats."""
    return -math.log(clip(p) if y else clip(1.0 - p))


def both(p: float) -> dict[bool, float]:
    """River's answer for a probability of True."""
    return {True: p, False: 1.0 - p}
