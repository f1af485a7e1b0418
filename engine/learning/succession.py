"""Champion and challenger: a new model takes over by what it forecasts, not because an alarm rang."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

from engine.learning import plain
from engine.learning.estimator import Features, Plain, log_loss
from engine.learning.head import Answer, Head, answer_of, numbers_of


class Change(StrEnum):
    """What became of the challenger."""

    PROMOTED = "promoted"
    DROPPED = "dropped"


class Forecast(NamedTuple):
    """What was said at one decision, by whom."""

    champion: Answer
    challenger: Answer | None
    reign: int
    """Which champion and challenger these were; another pair is not judged by it."""

    def state(self) -> dict[str, Plain]:
        """As JSON can hold it."""
        challenger = None if self.challenger is None else numbers_of(self.challenger)
        return {"champion": numbers_of(self.champion), "challenger": challenger, "reign": self.reign}

    @classmethod
    def restored(cls, state: Mapping[str, Plain]) -> Forecast:
        """Read it back."""
        champion = answer_of(plain.floats(state, "champion"))
        challenger = None if state.get("challenger") is None else plain.floats(state, "challenger")
        reign = plain.whole(state, "reign")
        return cls(champion, None if challenger is None else answer_of(challenger), reign)


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
        self._reign = 0

    def forecast(self, x: Features) -> Forecast:
        """What both say."""
        challenger = None if self.challenger is None else self.challenger.answer(x)
        return Forecast(self.champion.answer(x), challenger, self._reign)

    def is_by_them(self, said: Forecast) -> bool:
        """It was said by the champion and the challenger of now."""
        return said.reign == self._reign

    def challenge(self) -> None:
        """Start a fresh challenger; one that is under way begins again, for the world changed again."""
        self._appoint(self.champion, self._fresh())

    def learn(
        self, x: Features, *, y: bool, said: Forecast, uniqueness: float = 1.0, boost: float = 1.0
    ) -> Change | None:
        """One label for both, and what they had said of it."""
        is_theirs = self.is_by_them(said)
        self.champion.learn(
            x, y=y, said=said.champion if is_theirs else None, uniqueness=uniqueness, boost=boost
        )
        if self.challenger is None:
            return None
        offered = said.challenger if is_theirs else None
        self.challenger.learn(x, y=y, said=offered, uniqueness=uniqueness, boost=boost)
        if offered is None:
            return None
        loss, rival = log_loss(said.champion.p, y), log_loss(offered.p, y)
        self.log_ratio += uniqueness * (loss - rival)
        return self._decided()

    def _decided(self) -> Change | None:
        if self.challenger is not None and self.log_ratio >= -math.log(self._alpha):
            self._appoint(self.challenger, None)
            self.promotions += 1
            return Change.PROMOTED
        if self.log_ratio <= math.log(self._alpha):
            self._appoint(self.champion, None)
            return Change.DROPPED
        return None

    def _appoint(self, champion: Head, challenger: Head | None) -> None:
        self.champion, self.challenger = champion, challenger
        self.log_ratio = 0.0
        self._reign += 1

    def state(self) -> dict[str, Plain]:
        """Both heads and how the contest stands."""
        return {
            "champion": self.champion.state(),
            "challenger": None if self.challenger is None else self.challenger.state(),
            "log_ratio": self.log_ratio,
            "promotions": self.promotions,
            "reign": self._reign,
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
        self._reign = plain.whole(state, "reign")
