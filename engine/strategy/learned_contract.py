"""One contract of the learned futures trader: its model, its real trades, and what people may know."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from engine.domain.instrument import SessionHours
from engine.domain.market import Depth, Quote, utc
from engine.domain.order import Side
from engine.domain.reasons import Reason
from engine.learning import plain
from engine.learning.book import Top
from engine.learning.challengers import ChallengerKind
from engine.learning.choice import Candidate, ExplorationBudget
from engine.learning.course import Course
from engine.learning.estimator import Plain
from engine.learning.replay import Event, replay
from engine.learning.shadow import ShadowTerms
from engine.learning.sizing import size_of
from engine.learning.threshold import WhyNot
from engine.learning.trader import ContractTrader, Opinion, TraderSettings, Turn
from engine.strategy.base import Conviction, Holding, StrategyView
from engine.strategy.learned_params import LearnedParams
from engine.strategy.learned_terms import Described
from engine.strategy.learned_words import why_words

MOST_TURNS: Final = 20_000
"""Events that wait while the disk takes none; some hours of one contract."""
ASKED_S: Final = 10.0
"""An entry that neither works nor filled so long after it was asked for was refused."""
ANSWER_S: Final = 1.0
"""A decision that was not answered within this time is not acted on any more."""


@dataclass(slots=True)
class Asked:
    """An entry that was asked for, until it is over."""

    number: int
    at_s: float
    side: Side
    touch: float
    worst_usd: float
    explores: bool
    lives: int = 1
    """How often trust had been earned anew when it was asked for."""
    is_sent: bool = False
    is_filled: bool = False
    entry: float = math.nan


class Noted(NamedTuple):
    """One turn as it is written down, with what it was judged by."""

    number: int
    """Counts up over all runs."""
    turn: Turn
    slippage_ticks: float
    drawdown: float
    opens_at: float
    """NaN while the session is not known."""


class Memory(NamedTuple):
    """What is known of a contract's past: a state, what came after it, or all there was."""

    state: Mapping[str, Plain] | None
    events: Sequence[Event] = ()
    noted: int = 0
    """Number of the last turn in `events`; 0 without any."""


class LearnedContract:
    """Feeds one ContractTrader with the engine's market data and follows the real trades made on it."""

    def __init__(
        self,
        described: Described,
        terms: ShadowTerms,
        params: LearnedParams,
        *,
        contracts: int,
        budget: ExplorationBudget,
    ) -> None:
        """`contracts` share alpha; `budget` is that of all of them."""
        self.described, self.terms, self.params = described, terms, params
        self.key = described.instrument.key
        self.appetite = params.dared()
        self.budget = budget
        self.trader = ContractTrader(
            TraderSettings(
                contract=self.key,
                appetite=self.appetite,
                terms=terms,
                step_s=params.step_s,
                contracts=contracts,
                loss_weight=params.loss_weight,
                least_outcomes=params.least_outcomes,
                learns_at_once=False,
                rivals=tuple(ChallengerKind) if params.rivals else (),
            )
        )
        self.contracts = contracts
        self.noted = 0
        """How many turns were noted, over all runs."""
        self.news: list[str] = []
        """What people should hear at once."""
        self.turns: deque[Noted] = deque(maxlen=MOST_TURNS)
        """What happened since it was last written down."""
        self.opinion: Opinion | None = None
        self.why = WhyNot.FEW_OUTCOMES
        self.asked: Asked | None = None
        self.holds = False
        self.live_trades = self.explored = 0
        self.open_s = self.judged_s = 0.0
        self.drift = ""
        self.course = Course()
        self._seen: Quote | None = None
        self._session: SessionHours | None = None
        self._waits: Opinion | None = None
        self._shown: tuple[object, Conviction] | None = None

    # --- market in ------------------------------------------------------------------------------

    def hear(self, quote: Quote) -> Opinion | None:
        """A change of the touch, a print, or both at once; the decision that it let through, if any."""
        before, self._seen = self._seen, quote
        trader, opinion = self.trader, None
        printed = before is not None and (before.last, before.last_size) != (quote.last, quote.last_size)
        moved = before is None or before[1:5] != quote[1:5]
        if printed and not moved:
            # Who prints at an unchanged touch does so after it: the least later moment there is.
            at = math.nextafter(max(quote.at, trader.stream.last_at), math.inf)
            return self._decided(self._keep(trader.on_print(at, quote.last, quote.last_size)), quote.at)
        if printed:
            opinion = self._keep(trader.on_print(quote.at, quote.last, quote.last_size))
        if moved:
            top = Top(quote.at, quote.bid, quote.ask, quote.bid_size, quote.ask_size)
            opinion = self._keep(trader.on_top(top)) or opinion
        return self._decided(opinion, quote.at)

    def hear_depth(self, depth: Depth) -> None:
        """The visible book; one that is empty on a side is no book."""
        if not (depth.bids and depth.asks):
            self.trader.on_depth_reset()
            return
        sizes = [float(level.size) for level in depth.bids], [float(level.size) for level in depth.asks]
        self._waits = self._keep(self.trader.on_depth(depth.at, *sizes)) or self._waits

    def hear_time(self, now_s: float) -> Opinion | None:
        """Time has passed; a session may have begun."""
        session = self._session
        if session is None or not session.open.timestamp() <= now_s < session.close.timestamp():
            session = self.described.instrument.liquid_session(utc(now_s))
            if session is not None:
                self._begin(session)
        return self._decided(self._keep(self.trader.on_time(now_s)), now_s)

    def _decided(self, opinion: Opinion | None, at_s: float) -> Opinion | None:
        """The decision of now, else one that a book let through a moment ago: books are not answered."""
        waits, self._waits = self._waits, None
        if opinion is not None or waits is None:
            return opinion
        return waits if at_s - waits.decision.at <= ANSWER_S else None

    def _begin(self, session: SessionHours) -> None:
        self._session = session
        opens, closes = session.open.timestamp(), session.close.timestamp()
        if self.trader.stream.opens_at != opens:  # else it was restored within this very session
            self._keep(self.trader.begin_session(opens, closes))

    def lose_data(self) -> None:
        """Prices were missed."""
        self._keep(self.trader.on_lost_data())

    def learn(self) -> None:
        """Learn from what was due; never between a decision and its order."""
        self._keep(self.trader.learn_due())

    def _keep(self, turn: Turn) -> Opinion | None:
        """Note what is worth it, and answer with the decision."""
        if turn.opinion is not None:
            past, claim, verdict = self.opinion = turn.opinion
            self.why = verdict.why_not
            self.course.note(past.at, claim.p, verdict.threshold)
            self.judged_s += self.params.step_s
            if math.isfinite(self.trader.judge.gate.threshold):
                self.open_s += self.params.step_s
        self._tell(turn)
        if turn != Turn():
            self.noted += 1
            trader = self.trader
            self.turns.append(
                Noted(self.noted, turn, trader.slippage_ticks, trader.drawdown, trader.stream.opens_at)
            )
        return turn.opinion

    def _tell(self, turn: Turn) -> None:
        """Say what ended trust or changed the model."""
        at = self.trader.stream.last_at
        said = self.course.turn(at, gate_closed=turn.gate_closed, news=turn.news)
        if said:
            self.news += said
            self.drift = said[-1]

    def take_turns(self) -> list[Noted]:
        """What happened since the last time, to be written down."""
        turns = list(self.turns)
        self.turns.clear()
        return turns

    # --- real trades ----------------------------------------------------------------------------

    def see(self, view: StrategyView, at_s: float) -> None:
        """Follow the entry that was asked for."""
        self.holds = view.quantity != 0
        asked = self.asked
        if asked is None:
            return
        if not asked.is_sent and (self.holds or view.entry_working):
            asked.is_sent = True
            self.trader.mark_traded(asked.number)
        if not asked.is_filled and view.holding is not None:
            self._filled(asked, view.holding)
        if asked.is_filled and not self.holds:
            self._over(asked, self._net_usd(asked))
        elif not asked.is_filled and not view.entry_working and at_s - asked.at_s > ASKED_S:
            self._over(asked, 0.0)

    def _filled(self, asked: Asked, holding: Holding) -> None:
        asked.is_filled, asked.entry = True, holding.entry_price
        # Its shadow trade pays what the market moved meanwhile; only what is beyond that is slippage.
        meant = self.trader.outcomes.entry_of(asked.number)
        meant = asked.touch if math.isnan(meant) else meant
        self.trader.on_slippage((holding.entry_price - meant) * asked.side.sign / self.terms.tick_size)
        if asked.explores:
            self.explored += 1
        else:
            self.live_trades += 1

    def _over(self, asked: Asked, net_usd: float) -> None:
        self.asked = None
        if asked.explores:
            self.budget.end(asked.worst_usd, net_usd)

    def _net_usd(self, asked: Asked) -> float:
        """About what it came to, at the touch of now; NaN (the worst case) where there is none."""
        top = self.trader.stream.top
        if top is None:
            return math.nan
        way_out = top.bid if asked.side is Side.BUY else top.ask
        ticks = (way_out - asked.entry) * asked.side.sign / self.terms.tick_size - self.terms.fees_ticks
        return ticks * self.tick_usd

    def exit_reason(self, view: StrategyView, at_s: float) -> tuple[Reason, str] | None:
        """Why the position is left now, by the rule of the shadow trades; None while it is kept."""
        holding, top = view.holding, self.trader.stream.top
        if holding is None or view.exit_working or not view.quantity:
            return None
        asked = self.asked
        if asked is not None and not asked.explores and asked.lives != self.trader.judge.gate.lives:
            return Reason.SIGNAL, "what it was entered on is trusted no longer"
        if at_s - holding.opened_at.timestamp() >= self.terms.horizon_s:
            return Reason.SIGNAL, f"{self.terms.horizon_s:g} s are over"
        sign = 1 if view.quantity > 0 else -1
        if top is None:
            return None
        way_out = top.bid if sign > 0 else top.ask
        ticks = (way_out - holding.entry_price) * sign / self.terms.tick_size
        return (Reason.TARGET, f"{ticks:+.0f} ticks") if ticks >= self.terms.target_ticks else None

    # --- size and rank --------------------------------------------------------------------------

    @property
    def tick_usd(self) -> float:
        """What one tick of one contract is worth."""
        return self.terms.tick_size * self.described.instrument.multiplier

    @property
    def worst_usd(self) -> float:
        """What one contract loses at worst."""
        return self.terms.worst_ticks * self.tick_usd

    def candidate(self, opinion: Opinion) -> Candidate:
        """This decision among those of other contracts."""
        gate = self.trader.judge.gate
        return Candidate(self.key, opinion.claim.net, self.terms.worst_ticks, gate.record_of(gate.target))

    def size(self, opinion: Opinion, *, equity_usd: float) -> int:
        """Whole contracts, before the limits of the gate."""
        gate = self.trader.judge.gate
        return size_of(
            self.appetite,
            gate.record_of(gate.target),
            equity_usd=equity_usd,
            risk_usd=self.worst_usd,
            vol_target=1.0,
            # Livelier than its last ten minutes: smaller. Calmer is no reason to be bigger.
            vol_now=max(1.0, opinion.decision.features["vol_ratio"]),
            drawdown=self.trader.drawdown,
        ).contracts

    # --- for people -----------------------------------------------------------------------------

    def conviction(self) -> Conviction:
        """How sure it is; made anew after a decision, a label or a trade only."""
        judge = self.trader.judge
        face = (self.trader.decisions, judge.labels, self.live_trades, self.explored, self.why, self.drift)
        if self._shown is None or self._shown[0] != face:
            self._shown = face, self._conviction()
        return self._shown[1]

    def _conviction(self) -> Conviction:
        judge, opinion = self.trader.judge, self.opinion
        gate, enough = judge.gate, judge.labels >= self.params.least_outcomes
        reports = gate.report()
        report = reports[gate.target] if reports else None
        low, high = gate.record_of(gate.target).interval
        known = opinion is not None and enough
        return Conviction(
            key=self.key,
            direction=(1 if opinion.claim.is_up else -1) if opinion is not None and enough else 0,
            probability=opinion.claim.p if opinion is not None and enough else math.nan,
            needed=opinion.verdict.threshold if opinion is not None and known else math.nan,
            samples=judge.labels,
            evidence=report.evidence if report is not None else math.nan,
            evidence_needed=report.needed if report is not None else math.nan,
            shadow_trades=report.trades if report is not None else 0,
            live_trades=self.live_trades,
            explored=self.explored,
            mean_r=report.mean_r if report is not None else math.nan,
            mean_low=low,
            mean_high=high,
            drift=self.drift,
            text=self.words(),
        )

    def words(self) -> str:
        """Why it does not trade now, in words."""
        judge, least = self.trader.judge, self.params.least_outcomes
        if judge.labels < least:
            return f"not enough data: {judge.labels} of {least} outcomes"
        share = self.open_s / self.judged_s if self.open_s else 0.0
        return why_words(self.why, judge.gate, open_share=share)

    # --- over restarts --------------------------------------------------------------------------

    def state(self) -> dict[str, Plain]:
        """Everything that was learnt, with the terms it was learnt under."""
        self.learn()
        terms = {name: getattr(self.terms, name) for name in ShadowTerms.__slots__}
        counts: dict[str, Plain] = {
            "live": self.live_trades,
            "explored": self.explored,
            "open_s": self.open_s,
            "judged_s": self.judged_s,
            "drift": self.drift,
            "noted": self.noted,
        }
        known = {"terms": terms, "trader": self.trader.state(), "counts": counts}
        return {**known, "course": self.course.state()}

    def restore(self, memory: Memory) -> None:
        """Continue; raises StateError where it is not this contract's state."""
        state = memory.state
        if state is not None:
            self.trader.restore(plain.table(state, "trader"))
            counts = plain.table(state, "counts")
            self.live_trades, self.explored = plain.whole(counts, "live"), plain.whole(counts, "explored")
            self.open_s, self.judged_s = plain.number(counts, "open_s"), plain.number(counts, "judged_s")
            self.drift, self.noted = plain.text(counts, "drift"), plain.whole(counts, "noted")
            if "course" in state:  # for people only: a model kept without it goes on all the same
                self.course.restore(plain.table(state, "course"))
        replay(self.trader, memory.events)
        self.noted = max(self.noted, memory.noted)
        self.lose_data()  # nobody looked meanwhile: what was under way has no honest outcome
