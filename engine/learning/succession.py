"""Champion and challenger: a new model takes over by what it forecasts, not because an alarm rang."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from engine.learning import plain
from engine.learning.estimator import Features, Plain, log_loss
from engine.learning.head import Answer, Head, answer_of, numbers_of
from engine.learning.rivals import Rivals, Takeover

HOUSE: Final = "bayes"
"""Name of our own model, among champions and rivals."""
NOBODY: Final[Mapping[str, Answer]] = MappingProxyType({})


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
    rivals: Mapping[str, Answer] = NOBODY
    """By name."""

    def state(self) -> dict[str, Plain]:
        """As JSON can hold it."""
        challenger = None if self.challenger is None else numbers_of(self.challenger)
        rivals: dict[str, Plain] = {name: numbers_of(one) for name, one in self.rivals.items()}
        known: dict[str, Plain] = {"champion": numbers_of(self.champion), "challenger": challenger}
        return {**known, "reign": self.reign, **({"rivals": rivals} if rivals else {})}

    @classmethod
    def restored(cls, state: Mapping[str, Plain]) -> Forecast:
        """Read it back."""
        champion = answer_of(plain.floats(state, "champion"))
        challenger = None if state.get("challenger") is None else plain.floats(state, "challenger")
        reign = plain.whole(state, "reign")
        told = _part(state, "rivals")
        rivals = {name: answer_of(plain.floats(told, name)) for name in told}
        return cls(champion, None if challenger is None else answer_of(challenger), reign, rivals)


class Succession:
    """The head that answers, the one that wants its place after an alarm, and the rivals that always do.

    Each label multiplies a likelihood ratio, challenger over champion, that is an e-process where the
    champion is right: promoted at 1/alpha, dropped at alpha. Overlapping labels count by their
    uniqueness. Both keep learning until then. Rivals are held against the champion in the same way, and
    never dropped.
    """

    def __init__(
        self,
        fresh: Callable[[], Head],
        *,
        alpha: float,
        rival: Callable[[str], Head] | None = None,
        rivals: Sequence[str] = (),
    ) -> None:
        """`fresh` makes a head of our own model, `rival` one of the kinds named in `rivals`."""
        self._fresh = fresh
        self._rival = rival
        self._names = tuple(rivals)
        self._alpha = alpha
        self.champion = fresh()
        self.name = HOUSE
        """Which kind of model the champion is."""
        self.challenger: Head | None = None
        self.rivals = Rivals({name: self._made(name) for name in rivals}, alpha=alpha)
        self.log_ratio = 0.0
        self.promotions = 0
        self._reign = 0

    def _made(self, name: str) -> Head:
        return self._fresh() if name == HOUSE or self._rival is None else self._rival(name)

    def forecast(self, x: Features) -> Forecast:
        """What all say."""
        challenger = None if self.challenger is None else self.challenger.answer(x)
        champion, rivals = self.champion.answer(x), self.rivals.answers(x)
        if self.name != HOUSE:
            # A champion of River's knows no doubt: what is strange is what is strange to our own model.
            champion = champion._replace(strangeness=rivals[HOUSE].strangeness)
        return Forecast(champion, challenger, self._reign, rivals)

    def is_by_them(self, said: Forecast) -> bool:
        """It was said by the champion and the challenger of now."""
        return said.reign == self._reign

    def challenge(self) -> None:
        """Start a fresh challenger; one that is under way begins again, for the world changed again."""
        self._appoint(self.champion, self._fresh())

    def learn(
        self, x: Features, *, y: bool, said: Forecast, uniqueness: float = 1.0, boost: float = 1.0
    ) -> Change | Takeover | None:
        """One label for all, and what they had said of it."""
        is_theirs = self.is_by_them(said)
        held = said.champion if is_theirs else None
        self.champion.learn(x, y=y, said=held, uniqueness=uniqueness, boost=boost)
        offered = said.challenger if is_theirs else None
        if self.challenger is not None:
            self.challenger.learn(x, y=y, said=offered, uniqueness=uniqueness, boost=boost)
        winner = self.rivals.learn(
            x, y=y, said=said.rivals, champion=held, uniqueness=uniqueness, boost=boost
        )
        if self.challenger is not None and offered is not None:
            loss, rival = log_loss(said.champion.p, y), log_loss(offered.p, y)
            self.log_ratio += uniqueness * (loss - rival)
            change = self._decided()
            if change is not None:
                return change
        return None if winner is None else self._taken_over(winner)

    def _decided(self) -> Change | None:
        if self.challenger is not None and self.log_ratio >= -math.log(self._alpha):
            self.rivals.swap_out(HOUSE, self.name, self.champion)
            self.name = HOUSE
            self._appoint(self.challenger, None)
            self.promotions += 1
            return Change.PROMOTED
        if self.log_ratio <= math.log(self._alpha):
            self._appoint(self.champion, None)
            return Change.DROPPED
        return None

    def _taken_over(self, winner: str) -> Takeover:
        head, told = self.rivals.replace(winner, self.name, self.champion)
        self.name = winner
        self._appoint(head, self.challenger)
        self.promotions += 1
        return told

    def _appoint(self, champion: Head, challenger: Head | None) -> None:
        if champion is not self.champion:
            self.rivals.begin_again()
        self.champion, self.challenger = champion, challenger
        self.log_ratio = 0.0
        self._reign += 1

    def state(self) -> dict[str, Plain]:
        """All heads and how their contests stand."""
        known: dict[str, Plain] = {
            "champion": self.champion.state(),
            "challenger": None if self.challenger is None else self.challenger.state(),
            "log_ratio": self.log_ratio,
            "promotions": self.promotions,
            "reign": self._reign,
        }
        return {**known, "name": self.name, "rivals": self.rivals.state()} if len(self.rivals) else known

    def restore(self, state: Mapping[str, Plain]) -> bool:
        """Continue exactly where `state` was taken.

        False where the champion was one that is no longer asked for: then our own model, which has learnt in
        its shadow, answers again, and nothing that was proven of the other holds for it.
        """
        name = plain.text(state, "name") if "name" in state else HOUSE
        known = _part(state, "rivals")
        is_asked_for = name == HOUSE or name in self._names
        if is_asked_for:
            champion, house = self._made(name), plain.table(state, "champion")
        else:
            champion, house = self._fresh(), plain.table(plain.table(known, HOUSE), "head")
        champion.restore(house)
        self.champion, self.name = champion, name if is_asked_for else HOUSE
        self.challenger = None
        if state.get("challenger") is not None:
            self.challenger = self._fresh()
            self.challenger.restore(plain.table(state, "challenger"))
        self.log_ratio = plain.number(state, "log_ratio")
        self.promotions = plain.whole(state, "promotions")
        self._reign = plain.whole(state, "reign")
        if known and self._names:
            self.rivals.restore(known, self._made)
        if not is_asked_for:
            self._appoint(self.champion, self.challenger)
        return is_asked_for


def _part(state: Mapping[str, Plain], name: str) -> Mapping[str, Plain]:
    """A part that older states and those without rivals do not have."""
    return plain.table(state, name) if name in state else {}
