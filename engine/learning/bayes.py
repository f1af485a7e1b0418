"""Logistic regression that knows how sure it is: full covariance, and no learning rate to get wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import numpy as np

from engine.learning import plain
from engine.learning.estimator import Features, Plain, both, squash
from engine.learning.plain import Numbers

WIDEST: Final = 5.0
"""Scaled features are clipped to this many standard deviations."""
LEAST_CURVATURE: Final = 1e-4
"""So much every example tells at least: else a certain model could never be talked out of it."""
MODERATION: Final = math.pi / 8.0
"""How far doubt about the weights pulls a probability towards one half (MacKay's approximation)."""


class BayesianLogistic:
    """A binary classifier with River's interface, one Gaussian over all weights and a scaler of its own.

    Each label moves mean and covariance by one exact rank-one step. `forgetting` below 1 lets old labels
    fade; doubt then grows back, at most to where it began. Features that are not finite are never
    learnt from (`rejected` counts them): one of them would poison the running mean for good.
    """

    _supervised: ClassVar[bool] = True
    """River's pipelines ask each step for it."""
    _multiclass: ClassVar[bool] = False

    def __init__(
        self, features: Sequence[str], *, prior_variance: float = 1.0, forgetting: float = 1.0
    ) -> None:
        if not 0.0 < forgetting <= 1.0 or not prior_variance > 0.0:
            raise ValueError(f"forgetting {forgetting} must be in (0, 1], prior {prior_variance} above 0")
        self.features = tuple(features)
        self.learnt = 0
        self.rejected = 0
        self._forgetting = forgetting
        size = len(self.features)
        self._trace = prior_variance * (size + 1)
        self._mean: Numbers = np.zeros(size + 1)
        self._cov: Numbers = np.eye(size + 1) * prior_variance
        self._centre: Numbers = np.zeros(size)
        self._squares: Numbers = np.zeros(size)
        self._scale: Numbers = np.zeros(size)

    def predict_proba_one(self, x: Features) -> dict[bool, float]:
        """Probability of both labels, the model's doubt included; one half where a feature is not finite."""
        return both(self.probability(x))

    def predict_one(self, x: Features) -> bool:
        """The likelier label."""
        return self.probability(x) > 0.5

    def probability(self, x: Features) -> float:
        """Probability of True."""
        return self.assess(x)[0]

    def strangeness(self, x: Features) -> float:
        """v'Pv of an example: how unlike everything learnt so far it is; infinite where not finite."""
        return self.assess(x)[1]

    def assess(self, x: Features) -> tuple[float, float]:
        """Probability of True and strangeness, for the price of one."""
        raw = self._raw(x)
        if raw is None:
            return 0.5, math.inf
        scaled = self._scaled(raw)
        doubt = float(scaled @ self._cov @ scaled)
        return self._moderated(scaled, doubt), doubt

    def learn_one(self, x: Features, y: bool, w: float = 1.0) -> None:
        """Learn one example that counts `w` times."""
        raw = self._raw(x)
        if raw is None or not (math.isfinite(w) and w > 0.0):
            self.rejected += 1
            return
        self._rescale(raw)
        scaled = self._scaled(raw)
        reach = self._cov @ scaled
        doubt = float(scaled @ reach)
        p = self._moderated(scaled, doubt)
        curvature = max(w * p * (1.0 - p), LEAST_CURVATURE)
        gain = reach / (1.0 / curvature + doubt)
        self._mean += (reach - gain * doubt) * (w * (float(y) - p))
        self._cov -= np.outer(gain, reach)
        self._cov = (self._cov + self._cov.T) * 0.5
        if self._forgetting < 1.0:
            self._forget()
        self.learnt += 1

    def inflate(self) -> None:
        """Keep what was learnt, but doubt it as much as at the beginning."""
        self._cov *= self._trace / float(np.trace(self._cov))

    def state(self) -> dict[str, Plain]:
        """Everything it has learnt, as JSON can hold it."""
        return {
            "kind": "bayes",
            "features": list(self.features),
            "forgetting": self._forgetting,
            "trace": self._trace,
            "learnt": self.learnt,
            "rejected": self.rejected,
            "mean": plain.flat(self._mean),
            "cov": plain.flat(self._cov),
            "centre": plain.flat(self._centre),
            "squares": plain.flat(self._squares),
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken. StateError where it belongs to another model."""
        if plain.items(state, "features") != list(self.features):
            raise plain.StateError(
                f"state of a model: its features are {state['features']}, not {self.features}"
            )
        size = len(self.features)
        mean, cov = plain.vector(state, "mean", count=size + 1), plain.square(state, "cov", count=size + 1)
        centre = plain.vector(state, "centre", count=size)
        squares = plain.vector(state, "squares", count=size)
        if not all(bool(np.isfinite(part).all()) for part in (mean, cov, centre, squares)):
            raise plain.StateError("state of a model: a weight is not finite")
        self._forgetting, self._trace = plain.number(state, "forgetting"), plain.number(state, "trace")
        self.learnt, self.rejected = plain.whole(state, "learnt"), plain.whole(state, "rejected")
        self._mean, self._cov, self._centre, self._squares = mean, cov, centre, squares
        self._scale = self._scale_now()

    def _raw(self, x: Features) -> Numbers | None:
        raw = np.array([x.get(name, 0.0) for name in self.features])
        # A sum is finite only where every part is: one look instead of one per feature.
        return raw if math.isfinite(float(raw.sum())) else None

    def _rescale(self, raw: Numbers) -> None:
        """Welford's step; the scaler learns with the label, never from what is only predicted."""
        off = raw - self._centre
        self._centre += off / (self.learnt + 1)
        self._squares += off * (raw - self._centre)
        self._scale = self._scale_now(self.learnt + 1)

    def _scale_now(self, count: int | None = None) -> Numbers:
        spread = np.sqrt(self._squares / max(1, self.learnt if count is None else count))
        # A feature that never varied says nothing; times zero is cheaper than a special case.
        flat = spread < 1e-12
        spread[flat] = 1.0
        scale = 1.0 / spread
        scale[flat] = 0.0
        return scale

    def _scaled(self, raw: Numbers) -> Numbers:
        scaled = np.ones(raw.size + 1)
        inner = (raw - self._centre) * self._scale
        np.minimum(inner, WIDEST, out=inner)
        np.maximum(inner, -WIDEST, out=scaled[:-1])
        return scaled

    def _moderated(self, scaled: Numbers, doubt: float) -> float:
        return squash(float(self._mean @ scaled) / math.sqrt(1.0 + MODERATION * max(0.0, doubt)))

    def _forget(self) -> None:
        grown = float(np.trace(self._cov)) / self._forgetting
        self._cov *= min(grown, self._trace) / (grown * self._forgetting)
