"""Trades futures on evidence alone: learns from every outcome, and enters only what its gate has proven.

It reads the touch, prints and books, decides every few seconds per contract, books a shadow trade for each
decision, and holds one position at a time. Its models are imported with its first instrument.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, Self

from engine.domain.instrument import Instrument
from engine.domain.market import NEW_YORK, Bar, Depth, Quote, bars_by_symbol, utc
from engine.domain.order import Intention, Proposal, Side
from engine.domain.reasons import Reason
from engine.strategy.base import Account, Conviction, Strategy, StrategyView, Waiting
from engine.strategy.learned_params import LearnedParams
from engine.strategy.params import parse_params
from engine.strategy.registry import strategy

if TYPE_CHECKING:
    from engine.learning.choice import Candidate, ExplorationBudget
    from engine.learning.estimator import Plain
    from engine.learning.trader import Opinion
    from engine.strategy.learned_contract import LearnedContract, Memory
    from engine.strategy.learned_terms import Described

ALL: Final = ""
"""Key of what is remembered of the strategy as a whole."""


@strategy("learned_futures")
class LearnedFutures(Strategy):
    """Learns from quotes and books of futures, trades on proven evidence only; paper accounts only."""

    reads_quotes: ClassVar[bool] = True
    learns: ClassVar[bool] = True
    only_profile: ClassVar[str] = "futures"
    only_timeframe: ClassVar[str] = "5s"

    def __init__(self, name: str, *, params: LearnedParams, keys: Sequence[str]) -> None:
        super().__init__(name, keys=keys)
        self.params = params
        self.contracts: dict[str, LearnedContract] = {}
        self.memories: dict[str, Memory] = {}
        """Instrument key -> what was learnt by the run before, until its contract is known."""
        self.troubles: list[str] = []
        """What could not be continued, for whoever tells people."""
        self.peak_usd = math.nan
        """Highest value of the account; only a person's act sets it anew."""
        self._described: dict[str, Described] = {}
        self._bars: dict[str, tuple[Bar, ...]] = {}
        self._account = Account(math.nan, is_paper=False)
        self._rivals: dict[str, tuple[float, Candidate]] = {}
        self._budget: ExplorationBudget | None = None

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """One instance from a configuration table. Raises ParamError."""
        return cls(name, params=parse_params(LearnedParams, params), keys=keys)

    # --- what it is given -----------------------------------------------------------------------

    def warm_up_bars(self) -> int:
        """Bars that tell what a price moves."""
        return self.params.bars

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """Take from history how far stops and targets are; nothing is learnt from it."""
        for key, past in bars_by_symbol(bars).items():
            if key in self.keys:
                self._bars[key] = tuple(past[-self.params.bars :])
                self._make(key)

    def describe(self, instrument: Instrument, *, fee_usd: float) -> None:
        """Take tick, multiplier, sessions and fee of a contract."""
        from engine.strategy.learned_terms import Described

        if instrument.key in self.keys:
            self._described[instrument.key] = Described(instrument, fee_usd)
            self._make(instrument.key)

    def take_account(self, account: Account) -> None:
        """Value and kind of the account; the share of the largest drawdown that is used up."""
        from engine.learning.sizing import drawdown_share

        self._account = account
        if math.isfinite(account.equity_usd):
            self.peak_usd = max(account.equity_usd, self.peak_usd if self.peak_usd > 0.0 else 0.0)
        share = drawdown_share(account.equity_usd, self.peak_usd, self.params.dared())
        for contract in self.contracts.values():
            contract.trader.drawdown = share

    def follow(self, before: Strategy) -> None:
        """Go on with the contracts that stay, and remember what was learnt of those that left."""
        from engine.strategy.learned_contract import Memory

        if not isinstance(before, LearnedFutures):
            return
        self.memories, self.peak_usd, self._account = dict(before.memories), before.peak_usd, before._account
        self._budget = before._budget
        self.troubles = before.troubles
        for key, contract in before.contracts.items():
            if key in self.keys and contract.contracts == max(1, len(self.keys)):
                self.contracts[key] = contract
                self._described[key], self._bars[key] = before._described[key], before._bars[key]
            else:
                self.memories[key] = Memory(contract.state())

    def _make(self, key: str) -> None:
        """The trader of a contract, once its terms and its bars are known."""
        described, bars = self._described.get(key), self._bars.get(key)
        if key in self.contracts or described is None or bars is None:
            return
        from engine.learning.plain import StateError
        from engine.strategy.learned_contract import LearnedContract
        from engine.strategy.learned_terms import remembered_terms, terms_from

        terms, memory = terms_from(bars, described, self.params), self.memories.pop(key, None)
        made = partial(
            LearnedContract,
            described,
            params=self.params,
            contracts=max(1, len(self.keys)),
            budget=self.budget(),
        )
        if memory is not None:
            try:
                then = terms if memory.state is None else remembered_terms(memory.state, self.params)
                if then is None:
                    self.memories[key] = memory
                    return
                again = made(then)
                again.restore(memory)
            except StateError as err:
                self.troubles.append(f"{key}: what it had learnt is not continued, it begins anew: {err}")
            else:
                self.contracts[key] = again
                return
        if terms is not None:
            self.contracts[key] = made(terms)

    def budget(self) -> ExplorationBudget:
        """What exploring may lose, of all contracts together."""
        if self._budget is None:
            from engine.learning.choice import ExplorationBudget

            self._budget = ExplorationBudget()
        return self._budget

    # --- what it decides ------------------------------------------------------------------------

    def wants_quote(self, quote: Quote) -> bool:
        """Every one of its own."""
        return quote.key in self.contracts

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """Bars only tell when live ones alone made it warm."""
        if bar.symbol in self.keys and bar.symbol not in self.contracts:
            self._bars[bar.symbol] = (*self._bars.get(bar.symbol, ()), bar)[-self.params.bars :]
            self._make(bar.symbol)
        return ()

    def on_quote(self, quote: Quote, view: StrategyView) -> tuple[Proposal, ...]:
        """Feed the model; decide where it is time. What is due is learnt after, or with the next quote."""
        contract = self.contracts.get(quote.key)
        if contract is None:
            return ()
        return self._act(contract, contract.hear(quote), view, quote.at)

    def on_clock(self, key: str, now: datetime, view: StrategyView) -> tuple[Proposal, ...]:
        """Decide and leave on time, also where nothing moves."""
        contract = self.contracts.get(key)
        if contract is None:
            return ()
        at_s = now.timestamp()
        return self._act(contract, contract.hear_time(at_s), view, at_s)

    def on_depth(self, depth: Depth) -> None:
        """Feed the model."""
        contract = self.contracts.get(depth.key)
        if contract is not None:
            contract.hear_depth(depth)

    def on_lost_data(self, key: str) -> None:
        """Outcomes under way are not known."""
        contract = self.contracts.get(key)
        if contract is not None:
            contract.lose_data()

    def _act(
        self, contract: LearnedContract, opinion: Opinion | None, view: StrategyView, at_s: float
    ) -> tuple[Proposal, ...]:
        contract.see(view, at_s)
        wish = self._leave(contract, view, at_s)
        if wish is None and opinion is not None:
            wish = self._enter(contract, opinion, view, at_s)
        if wish is None:
            contract.learn()  # never between a decision and its order: then it waits for the next quote
            return ()
        return (wish,)

    def _leave(self, contract: LearnedContract, view: StrategyView, at_s: float) -> Proposal | None:
        found = contract.exit_reason(view, at_s)
        if found is None:
            return None
        return Proposal(
            strategy=self.name,
            key=contract.key,
            intention=Intention.EXIT,
            side=Side.SELL if view.quantity > 0 else Side.BUY,
            signal_id=f"{self.name}:{contract.key}:{utc(at_s):%Y%m%dT%H%M%S%f}:exit",
            at=utc(at_s),
            note=found[1],
            reason=found[0],
        )

    def _enter(
        self, contract: LearnedContract, opinion: Opinion, view: StrategyView, at_s: float
    ) -> Proposal | None:
        from engine.learning.threshold import WhyNot

        explores, units = False, 1
        if opinion.verdict.may_trade:
            if self._is_outranked(contract, opinion, at_s):
                contract.why = WhyNot.OUTRANKED
                return None
            units = contract.size(opinion, equity_usd=self._account.equity_usd)
        else:
            explores = self._may_explore(contract, opinion, at_s)
            if not explores:
                return None
        if self._is_busy(view):
            contract.why = WhyNot.IN_POSITION
            return None
        if units < 1 or not (opinion.claim.is_up or view.allow_short):
            return None
        return self._entry(contract, opinion, at_s, units=units, explores=explores)

    def _is_busy(self, view: StrategyView) -> bool:
        """One position at a time, of all contracts."""
        if view.quantity or view.entry_working or view.exit_working:
            return True
        return any(one.holds or one.asked is not None for one in self.contracts.values())

    def _is_outranked(self, contract: LearnedContract, opinion: Opinion, at_s: float) -> bool:
        """Another contract's claim of this step has the better lower bound."""
        from engine.learning.choice import best_of

        self._rivals[contract.key] = at_s, contract.candidate(opinion)
        fresh = [one for at, one in self._rivals.values() if at_s - at < self.params.step_s]
        best, _ = best_of(fresh)
        return best is None or best.key != contract.key

    def _may_explore(self, contract: LearnedContract, opinion: Opinion, at_s: float) -> bool:
        from engine.learning.threshold import WhyNot

        # What the gate has shut for drift, strangeness or a ceiling is not a question that a trade answers.
        if opinion.verdict.why_not is not WhyNot.NO_EVIDENCE or not opinion.claim.net > 0.0:
            return False
        if contract.trader.judge.labels < self.params.least_outcomes:
            return False
        return self.budget().may_explore(
            _day(at_s),
            appetite=contract.appetite,
            is_paper=self._account.is_paper,
            equity_usd=self._account.equity_usd,
            worst_usd=contract.worst_usd,
        )

    def _entry(
        self, contract: LearnedContract, opinion: Opinion, at_s: float, *, units: int, explores: bool
    ) -> Proposal | None:
        from engine.strategy.learned_contract import Asked
        from engine.strategy.learned_words import forecast_of

        top, claim = contract.trader.stream.top, opinion.claim
        if top is None:
            return None
        side = Side.BUY if claim.is_up else Side.SELL
        touch = top.ask if claim.is_up else top.bid
        worst_usd = units * contract.worst_usd
        lives = contract.trader.judge.gate.lives
        contract.asked = Asked(claim.decision, at_s, side, touch, worst_usd, explores, lives)
        if explores:
            self.budget().begin(_day(at_s), worst_usd)
        what = "exploring, not evidence: " if explores else ""
        needed = "" if explores else f" of {opinion.verdict.threshold:.2f} needed"
        return Proposal(
            strategy=self.name,
            key=contract.key,
            intention=Intention.ENTER,
            side=side,
            signal_id=f"{self.name}:{contract.key}:{utc(at_s):%Y%m%dT%H%M%S%f}:{claim.decision}",
            at=utc(at_s),
            stop_price=touch - side.sign * contract.terms.stop_ticks * contract.terms.tick_size,
            conviction=claim.p,
            note=f"{what}{'up' if claim.is_up else 'down'}, {claim.p:.2f}{needed}",
            most_units=units,
            forecast=forecast_of(opinion, contract.trader.judge.gate, explores=explores),
        )

    # --- over restarts --------------------------------------------------------------------------

    def states(self, keys: Sequence[str]) -> dict[str, tuple[dict[str, Plain], int]]:
        """What is known of these, each with the number of its last turn."""
        found: dict[str, tuple[dict[str, Plain], int]] = {
            key: (self.contracts[key].state(), self.contracts[key].noted)
            for key in keys
            if key in self.contracts
        }
        if ALL in keys and math.isfinite(self.peak_usd):
            found[ALL] = {"peak_usd": self.peak_usd, "budget": self.budget().state()}, 0
        return found

    def recall(self, memories: Mapping[str, Memory]) -> None:
        """Go on with what the run before knew, contract by contract as they come."""
        self.memories = {key: memory for key, memory in memories.items() if key != ALL}
        whole = memories[ALL].state if ALL in memories else None
        if whole is None:
            return
        from engine.learning import plain

        try:
            self.peak_usd = plain.number(whole, "peak_usd")
            self.budget().restore(plain.table(whole, "budget"))
        except plain.StateError as err:
            self.troubles.append(f"its drawdown and budget are not continued: {err}")
        # What was set aside for a trade under way: nobody knows here how it ended.
        self.budget().end(self.budget().held_usd, math.nan)

    # --- for people -----------------------------------------------------------------------------

    def why_not(self, key: str) -> Waiting:
        """What its evidence lacks."""
        contract = self.contracts.get(key)
        if contract is None:
            if key not in self.keys:
                raise KeyError(key)
            return Waiting(Reason.WARMING_UP, "not enough data: what its price moves is not known yet")
        return Waiting(Reason.NO_SIGNAL, contract.words())

    def convictions(self) -> tuple[Conviction, ...]:
        """One line per contract that it knows."""
        return tuple([contract.conviction() for contract in self.contracts.values()])


def _day(at_s: float) -> str:
    return f"{utc(at_s).astimezone(NEW_YORK):%Y-%m-%d}"
