"""One contract's judgement: forecasts in, claims held against evidence out; drift ends trust at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from engine.learning import plain
from engine.learning.appetite import Appetite
from engine.learning.challengers import ChallengerKind, RiverModel
from engine.learning.drift import Drift, DriftWatch
from engine.learning.estimator import Features, Plain
from engine.learning.evidence import EvidenceGate
from engine.learning.head import Answer, Head
from engine.learning.mixture import nested
from engine.learning.moves import Familiarity, MoveSize
from engine.learning.rivals import Takeover
from engine.learning.succession import Change, Forecast, Succession
from engine.learning.threshold import Claim, Verdict, WhyNot, judged

LEAST_OUTCOMES: Final = 30
LOSS_WEIGHT: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSettings:
    """What one contract's judge is made with."""

    feature_sets: Mapping[str, Sequence[str]]
    """Nested sets of features by name, smallest first; the largest also answers "will it move?"."""
    appetite: Appetite
    contracts: int = 1
    """Contracts that share alpha."""
    loss_weight: float = LOSS_WEIGHT
    """How often an outcome counts on which a trade lost money."""
    least_outcomes: int = LEAST_OUTCOMES
    """Labels below which there is no live trade, whatever was proven."""
    uniqueness: float = 1.0
    """Decision step / horizon: what one of several overlapping labels is worth."""
    rivals: tuple[ChallengerKind, ...] = ()
    """River's pipelines that stand against the champion; importing them takes a second."""


class Said(NamedTuple):
    """All forecasts of one decision, kept until its outcome is known."""

    direction: Forecast
    movement: Answer

    @property
    def p_up(self) -> float:
        """Calibrated probability of up, given a move."""
        return self.direction.champion.p


class Label(NamedTuple):
    """What became of the price at the horizon of one decision."""

    features: Features
    said: Said
    """What was forecast when the decision was taken."""
    move: float
    """Signed change of the mid; 0 = it did not move. Same unit as R."""
    at: float
    """When the decision was taken, and `due` when the label became known: seconds or steps."""
    due: float
    lost: bool = False
    """A trade was made on this decision, live or exploring, and lost money."""


class News(NamedTuple):
    """What a label changed: for the journal, the panel and alerts."""

    drift: Drift | None = None
    change: Change | None = None
    takeover: Takeover | None = None


class Judge:
    """Forecasts, evidence and drift of one contract.

    Call order per decision: `claim`, then `verdict`; later `learn` once with its label and `book` once
    with its shadow trade, when both are known and never before.
    """

    def __init__(self, settings: JudgeSettings) -> None:
        self.settings = settings
        alpha = settings.appetite.alpha / max(1, settings.contracts)
        self.gate = EvidenceGate(alpha=alpha)
        self.drift = DriftWatch()
        self.direction = Succession(
            lambda: Head(nested(settings.feature_sets)),
            alpha=alpha,
            rival=lambda name: Head(RiverModel(ChallengerKind(name)), whole_labels=True),
            rivals=settings.rivals,
        )
        last = list(settings.feature_sets)[-1]
        self.movement = Head(nested({last: settings.feature_sets[last]}))
        self.sizes = MoveSize()
        self.familiarity = Familiarity()
        self.labels = 0
        self._seen_until = -math.inf

    def claim(self, decision: int, x: Features, *, cost: float) -> tuple[Claim, Said]:
        """What is expected of one decision, entered into the shadow traders' books."""
        said = Said(self.direction.forecast(x), self.movement.answer(x))
        p_up = said.p_up
        claim = Claim(
            decision=decision,
            is_up=p_up > 0.5,
            p=max(p_up, 1.0 - p_up),
            p_move=said.movement.p,
            move=self.sizes.mean,
            cost=cost,
            strangeness=said.direction.champion.strangeness,
        )
        self.gate.consider(claim.net, decision)
        return claim, said

    def verdict(self, claim: Claim, *, drawdown: float = 0.0) -> Verdict:
        """May it trade? `drawdown` is the share of the largest drawdown that is used up, 0 to 1."""
        self.gate.drawdown = drawdown
        found = judged(claim, proven_net=self.gate.threshold, appetite=self.settings.appetite)
        strange = self.familiarity.is_unfamiliar(claim.strangeness)
        if not found.may_trade:
            return found
        if self.labels < self.settings.least_outcomes:
            return found._replace(may_trade=False, why_not=WhyNot.FEW_OUTCOMES)
        if strange:
            return found._replace(may_trade=False, why_not=WhyNot.UNFAMILIAR)
        return found

    def learn(self, label: Label) -> News:
        """One label, when it is due. Drift sees those that do not overlap with the last it saw."""
        share, moved = self.settings.uniqueness, label.move != 0.0
        if not math.isfinite(label.move):
            return News()
        boost = self.settings.loss_weight if label.lost else 1.0
        self.labels += 1
        self.movement.learn(label.features, y=moved, said=label.said.movement, uniqueness=share)
        if not moved:
            return News()
        self.sizes.learn(abs(label.move))
        up = label.move > 0.0
        change = self.direction.learn(
            label.features, y=up, said=label.said.direction, uniqueness=share, boost=boost
        )
        if isinstance(change, Takeover):
            # What was proven were the promises of another model.
            self.gate.revoke()
            self.drift.restart()
            return News(takeover=change)
        if change is Change.PROMOTED:
            self.drift.restart()
        # The detectors judge the champion of now by its own words.
        if label.at < self._seen_until or not self.direction.is_by_them(label.said.direction):
            return News(change=change)
        self._seen_until = label.due
        return News(self._heeded(self.drift.update(label.said.p_up, y=up)), change)

    def step(self, said: Said, *, up: bool) -> News:
        """Where the price went until the decision after the one that said so: drift shows there first."""
        if not self.direction.is_by_them(said.direction):
            return News()
        return News(self._heeded(self.drift.step(said.p_up, up=up)))

    def book(self, decision: int, *, r: float, worst_r: float) -> bool:
        """The shadow trade of one decision. True = the gate closed because of it."""
        return self.gate.book(decision, r=r, worst_r=worst_r)

    def forget_open_decisions(self) -> None:
        """Nothing under way will have a known outcome (session end, lost data)."""
        self.gate.forget_open_trades()

    def _heeded(self, alarm: Drift | None) -> Drift | None:
        """An alarm ends trust at once; returns it where it did."""
        if alarm is None:
            return None
        # While a challenger is under way and nothing is trusted, the old model's errors are no news.
        if self.direction.challenger is not None and not math.isfinite(self.gate.threshold):
            return None
        self.gate.revoke()
        self.direction.challenge()
        return alarm

    def state(self) -> dict[str, Plain]:
        """Everything that decides, as JSON can hold it."""
        return {
            "gate": self.gate.state(),
            "drift": self.drift.state(),
            "direction": self.direction.state(),
            "movement": self.movement.state(),
            "sizes": self.sizes.state(),
            "familiarity": self.familiarity.state(),
            "labels": self.labels,
            "seen_until": None if self._seen_until == -math.inf else self._seen_until,
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken. StateError where it is another model's; then this
        judge must not be used: make a fresh one and replay."""
        self.gate.restore(plain.table(state, "gate"))
        self.drift.restore(plain.table(state, "drift"))
        if not self.direction.restore(plain.table(state, "direction")):
            self.gate.revoke()
            self.drift.restart()
        self.movement.restore(plain.table(state, "movement"))
        self.sizes.restore(plain.table(state, "sizes"))
        self.familiarity.restore(plain.table(state, "familiarity"))
        self.labels = plain.whole(state, "labels")
        unseen = state.get("seen_until") is None
        self._seen_until = -math.inf if unseen else plain.number(state, "seen_until")
