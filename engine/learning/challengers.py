"""Models of River that run beside ours, so that ours has to stay the better one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Protocol

from engine.learning.estimator import Features, both, clip, log_loss


class RiverModel(Protocol):
    """What we use of a classifier or pipeline of River, in its own words."""

    def predict_proba_one(self, x: dict[Any, Any], **params: Any) -> Any:
        """Probability by label; empty before the first label."""
        ...

    def learn_one(self, x: dict[Any, Any], y: Any = None, **params: Any) -> Any:
        """Learn one example; `w` is passed on to the step that knows it."""
        ...


class ChallengerKind(StrEnum):
    """The pipelines that are known. Trees are not among them: on this data they lose by far."""

    SGD = "sgd"
    FTRL = "ftrl"
    ADAGRAD = "adagrad"


def _sgd() -> RiverModel:
    from river import linear_model, optim, preprocessing

    return preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.SGD(0.001))


def _ftrl() -> RiverModel:
    from river import linear_model, optim, preprocessing

    return preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.FTRLProximal(0.05))


def _adagrad() -> RiverModel:
    from river import linear_model, optim, preprocessing

    return preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.AdaGrad(0.05))


MAKERS: Final[Mapping[ChallengerKind, Callable[[], RiverModel]]] = MappingProxyType(
    {ChallengerKind.SGD: _sgd, ChallengerKind.FTRL: _ftrl, ChallengerKind.ADAGRAD: _adagrad}
)
"""River is imported when the first pipeline is made and not before: it takes a second."""


class Scored:
    """A classifier of River with its progressive log-loss: each label is scored before it is learnt."""

    def __init__(self, model: RiverModel) -> None:
        self._model = model
        self.learnt = 0
        self.rejected = 0
        """Examples with a feature that is not finite; River would let one ruin its running mean."""
        self._loss = 0.0

    @property
    def loss(self) -> float:
        """Mean log-loss so far, in nats; NaN before the first label."""
        return self._loss / self.learnt if self.learnt else math.nan

    def predict_proba_one(self, x: Features) -> dict[bool, float]:
        """Probability of both labels."""
        return both(self._probability(x))

    def learn_one(self, x: Features, y: bool, w: float = 1.0) -> None:
        """Score the forecast of this label, then learn it."""
        if not all(math.isfinite(value) for value in x.values()):
            self.rejected += 1
            return
        self._loss += log_loss(self._probability(x), y)
        self.learnt += 1
        self._model.learn_one(dict(x), y, w=w)

    def _probability(self, x: Features) -> float:
        found = self._model.predict_proba_one(dict(x))
        return clip(found.get(True, 0.5)) if found else 0.5


def challenger(kind: ChallengerKind) -> Scored:
    """A fresh pipeline of this kind. It has no snapshot: after a restart it is replayed from the store."""
    return Scored(MAKERS[kind]())
