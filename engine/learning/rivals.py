"""Other models in the champion's shadow: each forecasts all decisions, and the better one takes its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from engine.learning import plain
from engine.learning.estimator import Features, Plain, log_loss
from engine.learning.head import Answer, Head


class RivalReport(NamedTuple):
    """How one rival stands against the champion, on the same labels."""

    name: str
    labels: int
    """Labels since this contest began."""
    loss: float
    """Mean log-loss of what it had said when the decision was taken, in nats; NaN before the first."""
    champion_loss: float
    log_ratio: float
    """Of likelihoods, rival over champion, each label by its uniqueness."""
    needed: float
    """The ratio at which it takes the champion's place."""
    contests: int
    """Trials of this rival so far, this one included; each asks for more than the one before."""


class Takeover(NamedTuple):
    """A rival has taken the champion's place."""

    name: str
    former: str
    former_loss: float
    """Mean log-loss of both over the contest, in nats."""
    loss: float
    labels: int


class _Rival:
    """A head and its contest with the champion of now."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.contests = 1
        self.labels = 0
        self.loss = self.champion_loss = self.log_ratio = 0.0

    def begin_again(self) -> None:
        self.contests += 1
        self.labels = 0
        self.loss = self.champion_loss = self.log_ratio = 0.0

    def judge(self, said: Answer, champion: Answer, *, y: bool, uniqueness: float) -> None:
        loss, held = log_loss(said.p, y), log_loss(champion.p, y)
        self.labels += 1
        self.loss += loss
        self.champion_loss += held
        self.log_ratio += uniqueness * (held - loss)

    def state(self) -> dict[str, Plain]:
        return {
            "head": self.head.state(),
            "contests": self.contests,
            "labels": self.labels,
            "sums": [self.loss, self.champion_loss, self.log_ratio],
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        self.head.restore(plain.table(state, "head"))
        self.contests, self.labels = plain.whole(state, "contests"), plain.whole(state, "labels")
        self.loss, self.champion_loss, self.log_ratio = plain.floats(state, "sums", count=3)


class Rivals:
    """Judges each rival by what it said at the decision, never by what it would say when the label is due.

    A contest is a likelihood ratio, rival over champion, an e-process where the champion is right. It is won
    at n·r(r+1)/alpha, n being the number of rivals and r the trials of this one so far, and lost at alpha;
    then the next one begins. The weights of all rivals and trials sum to 1: alpha is the chance that a
    champion who is right is ever replaced.
    """

    def __init__(self, heads: Mapping[str, Head], *, alpha: float) -> None:
        self._rivals = {name: _Rival(head) for name, head in heads.items()}
        self._alpha = alpha

    def __len__(self) -> int:
        return len(self._rivals)

    def head_of(self, name: str) -> Head | None:
        """The head of one rival; None where it is none."""
        found = self._rivals.get(name)
        return None if found is None else found.head

    def answers(self, x: Features) -> dict[str, Answer]:
        """What each of them says."""
        return {name: one.head.answer(x) for name, one in self._rivals.items()}

    def learn(
        self,
        x: Features,
        *,
        y: bool,
        said: Mapping[str, Answer],
        champion: Answer | None,
        uniqueness: float,
        boost: float,
    ) -> str | None:
        """One label. `champion` is None where it was said under another champion: then nobody is judged.

        Returns who has won.
        """
        winner = None
        for name, one in self._rivals.items():
            offered = None if champion is None else said.get(name)
            one.head.learn(x, y=y, said=offered, uniqueness=uniqueness, boost=boost)
            if offered is None or champion is None:
                continue
            one.judge(offered, champion, y=y, uniqueness=uniqueness)
            if one.log_ratio >= math.log(self.needed(name)):
                winner = winner or name
            elif one.log_ratio <= math.log(self._alpha):
                one.begin_again()
        return winner

    def needed(self, name: str) -> float:
        """The likelihood ratio at which this rival wins."""
        trial = self._rivals[name].contests
        return max(1, len(self._rivals)) * trial * (trial + 1) / self._alpha

    def replace(self, name: str, former: str, head: Head) -> tuple[Head, Takeover]:
        """Take a winner out and the champion of before in; returns its head and what its contest showed."""
        won = self._rivals[name]
        n = max(1, won.labels)
        told = Takeover(name, former, won.champion_loss / n, won.loss / n, won.labels)
        self._rivals = {
            (former if one == name else one): (_Rival(head) if one == name else rival)
            for one, rival in self._rivals.items()
        }
        # Trials are of the place, not of who stands in it: else a change of names would be a free trial.
        self._rivals[former].contests = won.contests
        return won.head, told

    def swap_out(self, name: str, former: str, head: Head) -> None:
        """A fresh head of this name reigns: the champion of before takes the place of the old one."""
        if name in self._rivals:
            self.replace(name, former, head)

    def begin_again(self) -> None:
        """There is another champion: every contest begins anew."""
        for one in self._rivals.values():
            one.begin_again()

    def report(self) -> Sequence[RivalReport]:
        """Every rival's stand."""
        return tuple([self._report(name, one) for name, one in self._rivals.items()])

    def _report(self, name: str, one: _Rival) -> RivalReport:
        n = one.labels
        loss, champion = (one.loss / n, one.champion_loss / n) if n else (math.nan, math.nan)
        return RivalReport(name, n, loss, champion, one.log_ratio, self.needed(name), one.contests)

    def state(self) -> dict[str, Plain]:
        """Every rival and its contest, in order."""
        return {name: one.state() for name, one in self._rivals.items()}

    def restore(self, state: Mapping[str, Plain], make: Callable[[str], Head]) -> None:
        """Continue exactly with the rivals that `state` knows."""
        rivals = {}
        for name in state:
            rivals[name] = _Rival(make(name))
            rivals[name].restore(plain.table(state, name))
        self._rivals = rivals
