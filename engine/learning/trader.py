"""The learned trader of one contract: market events in; claims, verdicts and outcomes out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from engine.learning import plain
from engine.learning.appetite import Appetite
from engine.learning.book import Top
from engine.learning.challengers import ChallengerKind
from engine.learning.estimator import Plain
from engine.learning.features import FEATURE_SETS, FeatureStream
from engine.learning.insight import Insight
from engine.learning.judge import Judge, JudgeSettings, Label, News
from engine.learning.outcomes import Decision, Move, Outcomes, Payoff
from engine.learning.shadow import ShadowTerms
from engine.learning.threshold import Claim, Verdict

SLIPPAGE_FILLS: Final = 50
"""Fills over which slippage is averaged."""
SLIPPAGE_DOUBT: Final = 5
"""Fills without slippage that stand before the first: one bad fill must not make every claim too dear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderSettings:
    """What one contract's trader is made with."""

    contract: str
    """Its name, for people."""
    appetite: Appetite
    terms: ShadowTerms
    step_s: float = 1.0
    """Between two decisions."""
    contracts: int = 1
    """Contracts that share alpha."""
    loss_weight: float = 2.0
    least_outcomes: int = 30
    learns_at_once: bool = True
    """False: outcomes that are due wait for `learn_due`, so that no decision has to wait for them."""
    feature_sets: Mapping[str, Sequence[str]] = field(default_factory=lambda: FEATURE_SETS)
    rivals: tuple[ChallengerKind, ...] = ()
    """River's pipelines that forecast beside it; importing them takes a second."""

    def judge(self) -> Judge:
        """A fresh judge."""
        return Judge(
            JudgeSettings(
                feature_sets=self.feature_sets,
                appetite=self.appetite,
                contracts=self.contracts,
                loss_weight=self.loss_weight,
                least_outcomes=self.least_outcomes,
                uniqueness=min(1.0, self.step_s / self.terms.horizon_s),
                rivals=self.rivals,
            )
        )


class Opinion(NamedTuple):
    """One decision with everything that is written down of it."""

    decision: Decision
    claim: Claim
    verdict: Verdict


@dataclass(slots=True)
class Turn:
    """What one market event brought about. Most bring nothing."""

    opinion: Opinion | None = None
    moves: list[Move] = field(default_factory=list)
    payoffs: list[Payoff] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    gate_closed: bool = False
    dropped: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    """Those of `moves` that cost a real trade money."""
    payoffs_before: int = 0
    """How many of `payoffs` were booked before the decision, the others after it."""
    forgot: bool = False
    """What was under way was dropped, if anything was."""


class ContractTrader:
    """Composes features, forecasts, outcomes and evidence of one contract.

    Every event first settles what was due before it, then lets the decision of a grid point that has
    passed be taken, and only then becomes known to the features. So nothing looks ahead.
    """

    def __init__(self, settings: TraderSettings) -> None:
        self.settings = settings
        self.judge = settings.judge()
        self.stream = FeatureStream(settings.terms.tick_size)
        self.outcomes = Outcomes(settings.terms)
        self.insight = Insight(settings.contract)
        self.decisions = 0
        self.drawdown = 0.0
        """Share of the largest drawdown that is used up; set by whoever knows the account."""
        self.slippage_ticks = 0.0
        """Mean of the last real fills, beyond the touch; both ways pay it."""
        self._fills = 0
        self._grid = -math.inf
        self._traded: set[int] = set()
        self._due: list[Move] = []

    def begin_session(self, opens_at: float, closes_at: float) -> Turn:
        """A new session: what is owed from the last one is dropped, features begin anew."""
        turn = Turn()
        self._drop(turn)
        self.stream.begin_session(opens_at, closes_at)
        return turn

    def on_top(self, top: Top) -> Turn:
        """A quote."""
        turn = self._before(top.at)
        starts, is_good = self.stream.starts, self.stream.on_top(top)
        self._see_start(starts, turn)
        if is_good:
            self._book(self.outcomes.on_top(top), turn)
        elif self.stream.top is None:
            self.outcomes.on_blind()
        return turn

    def on_print(self, at: float, price: float, size: float) -> Turn:
        """A trade."""
        turn = self._before(at)
        starts = self.stream.starts
        self.stream.on_print(at, price, size)
        self._see_start(starts, turn)
        return turn

    def on_depth(self, at: float, bid_sizes: Sequence[float], ask_sizes: Sequence[float]) -> Turn:
        """The visible book, sizes best first."""
        turn = self._before(at)
        starts = self.stream.starts
        self.stream.on_depth(at, bid_sizes, ask_sizes)
        self._see_start(starts, turn)
        return turn

    def on_depth_reset(self) -> None:
        """317: the book must be told anew."""
        self.stream.on_depth_reset()

    def on_lost_data(self) -> Turn:
        """Prices were missed: nothing under way has a known outcome."""
        turn = Turn()
        self._drop(turn)
        return turn

    def on_time(self, at: float) -> Turn:
        """Time has passed without an event: what is due is settled, a decision that is due is taken."""
        return self._before(at)

    def on_slippage(self, ticks: float) -> None:
        """A real fill was so many ticks worse than that of its shadow trade."""
        if math.isfinite(ticks):
            self._fills = min(self._fills + 1, SLIPPAGE_FILLS)
            self.slippage_ticks += (ticks - self.slippage_ticks) / (self._fills + SLIPPAGE_DOUBT)

    def take_slippage(self, ticks: float) -> None:
        """What the mean of real fills was, as it was written down."""
        if ticks != self.slippage_ticks:
            self.slippage_ticks, self._fills = ticks, SLIPPAGE_FILLS

    def mark_traded(self, decision: int) -> None:
        """A real order was sent on this decision; should it lose, it is learnt with more weight."""
        self._traded.add(decision)

    def _before(self, at: float) -> Turn:
        """What happens strictly before an event at `at`."""
        turn = Turn()
        if not (math.isfinite(at) and at >= self.stream.last_at):
            return turn
        grid = math.floor(at / self.settings.step_s) * self.settings.step_s
        self._settle(at, turn)
        if grid > self._grid and grid > self.stream.last_at:
            self._grid = grid
            self._decide(grid, turn)
        return turn

    def _settle(self, at: float, turn: Turn) -> None:
        moves, payoffs = self.outcomes.advance(at)
        self._book(payoffs, turn)
        self._due += moves
        if self.settings.learns_at_once:
            self._learn(turn)

    def learn_due(self) -> Turn:
        """Learn what was due until the last event."""
        turn = Turn()
        self._learn(turn)
        return turn

    def _learn(self, turn: Turn) -> None:
        due, self._due = self._due, []
        for move in due:
            turn.moves.append(move)
            past = move.decision
            lost = past.number in self._traded and move.ticks * (1.0 if past.is_up else -1.0) <= 0.0
            self._traded.discard(past.number)
            if lost:
                turn.lost.append(past.number)
            news = self.judge.learn(
                Label(
                    features=past.features,
                    said=past.said,
                    move=move.ticks,
                    at=past.at,
                    due=past.at + self.settings.terms.horizon_s,
                    lost=lost,
                )
            )
            if news != News():
                turn.news.append(news)
            self.tell(past, move.ticks, self.stream.opens_at)

    def tell(self, past: Decision, ticks: float, opens_at: float) -> None:
        """Count a label for people; `opens_at` is when its session began."""
        if not (math.isfinite(ticks) and ticks):
            return
        self.insight.learn(
            self.insight.path_of(past.features, past.at, opens_at),
            p_up=past.said.p_up,
            up=ticks > 0.0,
            at=past.at,
            due=past.at + self.settings.terms.horizon_s,
        )

    def _book(self, payoffs: Sequence[Payoff], turn: Turn) -> None:
        worst = self.settings.terms.worst_ticks
        for one in payoffs:
            turn.payoffs.append(one)
            net = one.net_ticks - 2.0 * self.slippage_ticks
            turn.gate_closed |= self.judge.book(one.number, r=net, worst_r=worst)

    def _decide(self, at: float, turn: Turn) -> None:
        features, top = self.stream.snapshot(at), self.stream.top
        if features is None or top is None:
            return
        cost = (
            (top.ask - top.bid) / self.settings.terms.tick_size
            + self.settings.terms.fees_ticks
            + 2.0 * self.slippage_ticks
        )
        self.decisions += 1
        news = self.step(self.outcomes.latest, self.decisions, at, top.mid)
        if news != News():
            turn.news.append(news)
        claim, said = self.judge.claim(self.decisions, features, cost=cost)
        verdict = self.judge.verdict(claim, drawdown=self.drawdown)
        decision = Decision(self.decisions, at, features, said, claim.is_up, top.mid)
        self.outcomes.add(decision)
        turn.payoffs_before = len(turn.payoffs)
        turn.opinion = Opinion(decision, claim, verdict)

    def step(self, before: Decision | None, number: int, at: float, mid: float) -> News:
        """Tell the judge where the price went since the decision right before this one, if it is known."""
        if before is None or number != before.number + 1 or at - before.at > 1.5 * self.settings.step_s:
            return News()
        went = round((mid - before.mid) / self.settings.terms.tick_size, 6)
        return self.judge.step(before.said, up=went > 0.0) if went else News()

    def _see_start(self, starts: int, turn: Turn) -> None:
        """The features began anew: a gap, or a clock that was set back. No outcome spans that."""
        if self.stream.starts != starts:
            self._grid = -math.inf
            self._drop(turn)

    def _drop(self, turn: Turn) -> None:
        numbers = self.outcomes.drop()
        turn.dropped.extend(numbers)
        turn.forgot = turn.forgot or bool(numbers)
        self._traded.difference_update(numbers)
        self.judge.forget_open_decisions()

    def state(self) -> dict[str, Plain]:
        """Everything that was learnt, is owed or is remembered. Call `learn_due` before."""
        traded: list[Plain] = [*sorted(self._traded)]
        return {
            "judge": self.judge.state(),
            "outcomes": self.outcomes.state(),
            "insight": self.insight.state(),
            "stream": self.stream.state(),
            "decisions": self.decisions,
            "drawdown": self.drawdown,
            "slippage": self.slippage_ticks,
            "fills": self._fills,
            "grid": None if self._grid == -math.inf else self._grid,
            "traded": traded,
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken. StateError = make a fresh trader and replay."""
        self.judge.restore(plain.table(state, "judge"))
        self.outcomes.restore(plain.table(state, "outcomes"))
        self.insight.restore(plain.table(state, "insight"))
        self.stream.restore(plain.table(state, "stream"))
        self.decisions, self.drawdown = plain.whole(state, "decisions"), plain.number(state, "drawdown")
        self.slippage_ticks, self._fills = plain.number(state, "slippage"), plain.whole(state, "fills")
        grid = plain.maybe(state, "grid")
        self._grid = -math.inf if grid is None else grid
        self._traded = {int(one) for one in plain.floats(state, "traded")}
