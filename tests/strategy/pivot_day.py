"""A little day for the pivot trader: ticks and bars by hand, and a book that fills what it proposes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from engine.domain.market import Bar, Quote
from engine.domain.order import Intention, Proposal
from engine.domain.setup import Setup
from engine.strategy import STRATEGIES, Strategy
from engine.strategy.base import Holding, StrategyView
from tests.builders import TEN

KEY = "TSLA"
SETUP = Setup(
    key=KEY,
    day=date(2026, 11, 20),
    resistance=100.0,
    support=95.0,
    long_targets=(101.0, 102.0),
    short_targets=(94.0, 93.0),
    score=80.0,
    source="test",
)


def pivot_break(**params: object) -> Strategy:
    """The strategy as configured by name, with a watch list of one."""
    made = STRATEGIES.get("pivot_break").create("ps60", params=params, keys=(KEY,))
    made.take_setups((SETUP,))
    return made


def quote(price: float, at: datetime) -> Quote:
    """A touch one cent wide with its last print at `price`."""
    return Quote(KEY, price - 0.01, price + 0.01, 100, 100, price, 10, at.timestamp())


@dataclass
class Day:
    """Runs a strategy; a proposal is filled at once at the last price, where `fills` says so."""

    strategy: Strategy
    now: datetime = TEN
    quantity: int = 0
    holding: Holding | None = None
    said: list[Proposal] = field(default_factory=list)
    fills: bool = True
    allow_short: bool = True
    price: float = 98.0

    def view(self) -> StrategyView:
        """How it stands."""
        return StrategyView(self.quantity, allow_short=self.allow_short, holding=self.holding)

    def bars(self, count: int = 20, *, volume: int = 100, reach: float = 0.05) -> None:
        """Complete 5-second bars at the last price."""
        for _ in range(count):
            self.now += timedelta(seconds=5)
            price = self.price
            bar = Bar(KEY, self.now, price, price + reach, price - reach, price, volume)
            self._take(self.strategy.on_bar(bar, self.view()))

    def tick(self, *prices: float, every_s: float = 1.0) -> None:
        """Prices one after the other."""
        for price in prices:
            self.now += timedelta(seconds=every_s)
            self.price = price
            one = quote(price, self.now)
            if self.strategy.wants_quote(one):
                self._take(self.strategy.on_quote(one, self.view()))

    def wait(self, seconds: float) -> None:
        """Let time pass in one step and ask once."""
        self.now += timedelta(seconds=seconds)
        self._take(self.strategy.on_clock(KEY, self.now, self.view()))

    def surge(self) -> None:
        """A bar that gives a break volume and thrust."""
        self.bars(1, volume=300, reach=0.2)

    def _take(self, proposals: tuple[Proposal, ...]) -> None:
        self.said.extend(proposals)
        for proposal in proposals:
            if self.fills:
                self._fill(proposal)

    def _fill(self, proposal: Proposal) -> None:
        if proposal.intention is Intention.ENTER:
            self.quantity = 100 * proposal.side.sign
            plan, stop = proposal.plan, proposal.stop_price
            self.holding = Holding(self.price, self.now, stop, stop, False, plan.target1, plan.target2)
            return
        self.quantity -= round(self.quantity * proposal.exit_fraction)
        self.holding = self.holding._replace(has_partial=True) if self.quantity and self.holding else None
