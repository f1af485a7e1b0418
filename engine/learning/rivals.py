"""Other models in the champion's shadow: each decision is forecast by them too, and nobody acts on it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from engine.learning.challengers import ChallengerKind, Scored, challenger
from engine.learning.estimator import Features, log_loss

MOST_WAITING: Final = 1000
"""Decisions whose outcome is owed; more is never waited for."""


class RivalReport(NamedTuple):
    """How one rival stands against the champion, on the same labels."""

    kind: ChallengerKind
    labels: int
    loss: float
    """Mean log-loss of what it had said when the decision was taken, in nats; NaN before the first."""
    champion_loss: float
    log_ratio: float
    """Of likelihoods, rival over champion, each label by its uniqueness."""
    leads: bool
    """The ratio has reached 1/alpha: it forecasts better, beyond chance."""


class _Rival:
    def __init__(self, kind: ChallengerKind) -> None:
        self.kind = kind
        self.model: Scored = challenger(kind)
        self.labels = 0
        self.loss = self.champion_loss = self.log_ratio = 0.0
        self.has_led = False


class Rivals:
    """Judges each rival by what it said at the decision, never by what it would say when the label is due.

    They begin anew with the process: after a start they know what the record since the last model tells.
    """

    def __init__(self, kinds: Iterable[ChallengerKind], *, alpha: float) -> None:
        self._rivals = [_Rival(kind) for kind in kinds]
        self._enough = -math.log(alpha)
        self._said: dict[int, tuple[float, ...]] = {}
        self._news: list[str] = []

    def say(self, decision: int, x: Features) -> None:
        """Forecast one decision."""
        if not self._rivals:
            return
        if len(self._said) >= MOST_WAITING:
            self._said.pop(next(iter(self._said)))
        self._said[decision] = tuple([one.model.predict_proba_one(x)[True] for one in self._rivals])

    def learn(self, decision: int, x: Features, *, p_up: float, up: bool, uniqueness: float) -> None:
        """The label of one decision, and what the champion had said of it."""
        said = self._said.pop(decision, None)
        for index, one in enumerate(self._rivals):
            one.model.learn_one(x, up)
            if said is None:
                continue
            loss, champion = log_loss(said[index], up), log_loss(p_up, up)
            one.labels += 1
            one.loss += loss
            one.champion_loss += champion
            one.log_ratio += uniqueness * (champion - loss)
            if one.log_ratio >= self._enough and not one.has_led:
                one.has_led = True
                self._news.append(
                    f"{one.kind.value} in its shadow forecasts better, beyond chance: log-loss"
                    f" {one.loss / one.labels:.3f} against {one.champion_loss / one.labels:.3f} over"
                    f" {one.labels} outcomes"
                )

    def forget(self) -> None:
        """Nothing under way will have a known outcome."""
        self._said.clear()

    def take_news(self) -> list[str]:
        """What people should hear, once."""
        news, self._news = self._news, []
        return news

    def report(self) -> tuple[RivalReport, ...]:
        """Every rival's stand."""
        return tuple([self._report(one) for one in self._rivals])

    def _report(self, one: _Rival) -> RivalReport:
        n = one.labels
        loss, champion = (one.loss / n, one.champion_loss / n) if n else (math.nan, math.nan)
        return RivalReport(one.kind, n, loss, champion, one.log_ratio, one.log_ratio >= self._enough)
