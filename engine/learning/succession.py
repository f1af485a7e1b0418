"""Champion and challenger: a new model takes over by what it forecasts, not because an alarm rang."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum

from engine.learning import plain
from engine.learning.estimator import Features, Plain
from engine.learning.head import Answer, Head


class Change(StrEnum):
    """What became of the challenger."""

    PROMOTED = "promoted"
    DROPPED = "dropped"


class Succession:
    """The head that answers, and the one that wants its place.

    Each label multiplies a likelihood ratio, challenger over champion, that is an e-process where the
    champion is right: promoted at 1/alpha, dropped at alpha. Overlapping labels count by their
    uniqueness. Both keep learning until then.
    """

    def __init__(self, fresh: Callable[[], Head], *, alpha: float) -> None:
        self._fresh = fresh
        self._alpha = alpha
        self.champion = fresh()
        self.challenger: Head | None = None
        self.log_ratio = 0.0
        self.promotions = 0

    def answer(self, x: Features) -> Answer:
        """The champion's forecast."""
        return self.champion.answer(x)

    def challenge(self) -> None:
        """Start a fresh challenger; one that is under way begins again, for the world changed again."""
        self.challenger = self._fresh()
        self.log_ratio = 0.0

    def learn(self, x: Features, *, y: bool, uniqueness: float = 1.0, boost: float = 1.0) -> Change | None:
        """One label for both."""
        held = self.champion.learn(x, y=y, uniqueness=uniqueness, boost=boost)
        if self.challenger is None:
            return None
        offered = self.challenger.learn(x, y=y, uniqueness=uniqueness, boost=boost)
        self.log_ratio += uniqueness * math.log(offered / held)
        if self.log_ratio >= -math.log(self._alpha):
            self.champion, self.challenger = self.challenger, None
            self.promotions += 1
            return Change.PROMOTED
        if self.log_ratio <= math.log(self._alpha):
            self.challenger = None
            return Change.DROPPED
        return None

    def state(self) -> dict[str, Plain]:
        """Both heads and how the contest stands."""
        return {
            "champion": self.champion.state(),
            "challenger": None if self.challenger is None else self.challenger.state(),
            "log_ratio": self.log_ratio,
            "promotions": self.promotions,
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        self.champion.restore(plain.table(state, "champion"))
        self.challenger = None
        if state.get("challenger") is not None:
            self.challenger = self._fresh()
            self.challenger.restore(plain.table(state, "challenger"))
        self.log_ratio = plain.number(state, "log_ratio")
        self.promotions = plain.whole(state, "promotions")
