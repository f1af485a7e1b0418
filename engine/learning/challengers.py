"""Pipelines of River that run beside our model: where one forecasts better, it takes the model's place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from engine.learning import plain
from engine.learning.estimator import Features, Plain, both, clip


class ChallengerKind(StrEnum):
    """The pipelines that are known. Trees are not among them: on this data they lose by far."""

    SGD = "sgd"
    FTRL = "ftrl"
    ADAGRAD = "adagrad"


class _Pipeline(NamedTuple):
    """A scaler and a logistic regression of River, and its optimizer's tables by name."""

    scaler: Any
    logistic: Any
    tables: tuple[str, ...] = ()

    @property
    def model(self) -> Any:
        return self.scaler | self.logistic


def _sgd() -> _Pipeline:
    from river import linear_model, optim, preprocessing

    return _Pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression(optim.SGD(0.001)))


def _ftrl() -> _Pipeline:
    from river import linear_model, optim, preprocessing

    logistic = linear_model.LogisticRegression(optim.FTRLProximal(0.05))
    return _Pipeline(preprocessing.StandardScaler(), logistic, ("z", "n"))


def _adagrad() -> _Pipeline:
    from river import linear_model, optim, preprocessing

    logistic = linear_model.LogisticRegression(optim.AdaGrad(0.05))
    return _Pipeline(preprocessing.StandardScaler(), logistic, ("g2",))


MAKERS: Final[Mapping[ChallengerKind, Callable[[], _Pipeline]]] = MappingProxyType(
    {ChallengerKind.SGD: _sgd, ChallengerKind.FTRL: _ftrl, ChallengerKind.ADAGRAD: _adagrad}
)
"""River is imported when the first pipeline is made and not before: it takes a second."""
_SCALER: Final = ("counts", "means", "vars")


class RiverModel:
    """A logistic pipeline of River as a head's model: no state of it is ever pickled."""

    def __init__(self, kind: ChallengerKind) -> None:
        self.kind = kind
        self.learnt = 0
        self.rejected = 0
        """Examples with a feature that is not finite; River would let one ruin its running mean."""
        self._parts = MAKERS[kind]()
        self._model = self._parts.model

    @property
    def shares(self) -> dict[str, float]:
        """It is one expert only."""
        return {self.kind.value: 1.0}

    def predict_proba_one(self, x: Features) -> dict[bool, float]:
        """Probability of both labels; one half before the first label and where a feature is not finite."""
        return both(self.assess(x)[0])

    def assess(self, x: Features) -> tuple[float, float, tuple[float, ...]]:
        """Probability of True. It knows no doubt: what is strange to it, others have to say."""
        if not _is_finite(x):
            return 0.5, 0.0, ()
        found = self._model.predict_proba_one(dict(x))
        return clip(found.get(True, 0.5)) if found else 0.5, 0.0, ()

    def learn_one(self, x: Features, y: bool, w: float = 1.0) -> None:
        """Learn one example that counts `w` times."""
        if not _is_finite(x):
            self.rejected += 1
            return
        self.learnt += 1
        self._model.learn_one(dict(x), y, w=w)

    def learn(self, x: Features, *, y: bool, w: float, forecasts: Sequence[float] | None) -> None:
        """The same, as heads ask for it; what it had forecast is of no use to it."""
        self.learn_one(x, y, w)

    def state(self) -> dict[str, Plain]:
        """Everything it has learnt, as JSON can hold it."""
        scaler, logistic, tables = self._parts
        optimizer = logistic.optimizer
        return {
            "kind": self.kind.value,
            "learnt": self.learnt,
            "rejected": self.rejected,
            "scaler": {name: _plain(getattr(scaler, name)) for name in _SCALER},
            "weights": _plain(logistic.weights),
            "intercept": float(logistic.intercept),
            "steps": int(optimizer.n_iterations),
            "optimizer": {name: _plain(getattr(optimizer, name)) for name in tables},
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken. StateError where it is another kind's."""
        if plain.text(state, "kind") != self.kind:
            raise plain.StateError(f"state of a model: it is {state['kind']}'s, not {self.kind}'s")
        fresh = MAKERS[self.kind]()
        _fill(fresh.scaler, plain.table(state, "scaler"), _SCALER)
        _fill(fresh.logistic.optimizer, plain.table(state, "optimizer"), fresh.tables)
        fresh.logistic.optimizer.n_iterations = plain.whole(state, "steps")
        fresh.logistic.intercept = plain.number(state, "intercept")
        # River shows its weights and takes none back: the vector itself has to be put in.
        fresh.logistic._weights = type(fresh.logistic._weights)(_numbers(state, "weights"))
        self.learnt, self.rejected = plain.whole(state, "learnt"), plain.whole(state, "rejected")
        self._parts, self._model = fresh, fresh.model


def _is_finite(x: Features) -> bool:
    return all(math.isfinite(value) for value in x.values())


def _plain(values: Mapping[str, float]) -> dict[str, Plain]:
    return {name: float(value) for name, value in values.items()}


def _numbers(state: Mapping[str, Plain], name: str) -> dict[str, float]:
    part = plain.table(state, name)
    values = {feature: plain.number(part, feature) for feature in part}
    if not _is_finite(values):
        raise plain.StateError(f"state of a model: {name} holds a number that is not finite")
    return values


def _fill(owner: Any, state: Mapping[str, Plain], names: Sequence[str]) -> None:
    """River's own tables, which give 0 for what they do not hold, with what is known."""
    for name in names:
        getattr(owner, name).update(_numbers(state, name))
