"""Stretches of market for any strategy, drawn from a seed, and a player that fills every wish at once."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from engine.domain.market import Bar, Quote, utc
from engine.domain.order import Intention, Proposal
from engine.domain.setup import Setup
from engine.market.bars import BarAggregator
from engine.strategy import STRATEGIES, Strategy
from engine.strategy.base import Holding, StrategyView

KEY = "TSLA"
BEGIN = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
Event: TypeAlias = Quote | Bar | datetime
"""A quote, a complete 5-second bar, or the clock that strikes."""

LEVELS = Setup(
    key=KEY,
    day=BEGIN.date(),
    resistance=100.2,
    support=99.8,
    long_targets=(100.5, 100.8),
    short_targets=(99.5, 99.2),
    source="test",
)
EAGER: dict[str, dict[str, object]] = {
    "ma_crossover": {"fast": 2, "slow": 4, "atr": 2, "stop_atr": 2.0},
    "momentum": {"bars": 3, "enter_pct": 0.05, "exit_pct": -0.02, "atr": 2},
    "pivot_break": {"bars": 3, "min_volume_ratio": 0.8, "min_thrust_ratio": 0.8, "min_room_r": 0.1},
    "rules": {
        "breakout_bars": 3,
        "volume_bars": 3,
        "full_breakout_pct": 0.02,
        "min_score": 0.2,
        "stop_loss_pct": 0.1,
        "take_profit_pct": 0.1,
    },
}
"""Parameters with which a few minutes are enough to trade."""


def shipped() -> list[str]:
    """Names of the strategies that are part of the product; tests register some of their own.

    A short tape proves nothing to one that learns: tests/learning is about its look-ahead.
    """
    kinds = [(name, STRATEGIES.get(name)) for name in STRATEGIES.names()]
    return [n for n, kind in kinds if kind.__module__.startswith("engine.strategy.") and not kind.learns]


def eager(kind: str, *, levels: Sequence[Setup] = (LEVELS,), key: str = KEY) -> Strategy:
    """One that trades soon, with its watch list."""
    made = STRATEGIES.get(kind).create("mine", params=EAGER.get(kind, {}), keys=(key,))
    made.take_setups(levels)
    return made


@dataclass
class Player:
    """Plays a market to one strategy; what it wants is filled at once, at the last price."""

    strategy: Strategy
    seconds: int = 5
    """Length of the bars it is given."""
    said: list[Proposal] = field(default_factory=list)
    quantity: int = 0
    holding: Holding | None = None
    price: float = 0.0
    _bars: BarAggregator | None = None

    def play(self, events: Iterable[Event]) -> Player:
        """Every event in its order."""
        self._bars = self._bars or BarAggregator(self.seconds)
        for event in events:
            if isinstance(event, datetime):
                for key in self.strategy.keys:
                    self._take(self.strategy.on_clock(key, event, self.view()), event)
            elif isinstance(event, Bar):
                self.price = event.close
                for bar in self._bars.add(event):
                    self._take(self.strategy.on_bar(bar, self.view()), event.end)
            else:
                self.price = event.mid
                if self.strategy.wants_quote(event):
                    self._take(self.strategy.on_quote(event, self.view()), utc(event.at))
        return self

    def shown(self) -> object:
        """What it tells people about itself."""
        return [self.strategy.why_not(k) for k in self.strategy.keys], repr(self.strategy.setup_states())

    def view(self) -> StrategyView:
        """How it stands."""
        return StrategyView(self.quantity, allow_short=True, holding=self.holding)

    def _take(self, proposals: tuple[Proposal, ...], at: datetime) -> None:
        for proposal in proposals:
            assert proposal.at <= at, "it speaks of what is not yet"
            self.said.append(proposal)
            if proposal.intention is Intention.ENTER:
                self.quantity = 100 * proposal.side.sign
                plan, stop = proposal.plan, proposal.stop_price
                self.holding = Holding(self.price, at, stop, stop, False, plan.target1, plan.target2)
                continue
            self.quantity -= round(self.quantity * proposal.exit_fraction)
            held = self.holding
            self.holding = held._replace(has_partial=True) if self.quantity and held is not None else None


def until(events: Iterable[Event], at: datetime) -> list[Event]:
    """What was known at that instant."""
    return [event for event in events if time_of(event) <= at]


def after(events: Iterable[Event], at: datetime) -> list[Event]:
    """What came later."""
    return [event for event in events if time_of(event) > at]


def time_of(event: Event) -> datetime:
    """When it is known: a bar when it is complete."""
    if isinstance(event, datetime):
        return event
    return event.end if isinstance(event, Bar) else utc(event.at)


def drawn(seed: int, *, seconds: int, price: float = 100.0, first: int = 0) -> Iterator[Event]:
    """A market that a seed draws: a print and a quote a second, the bars of its prints, the clock.

    It begins `first` seconds after BEGIN at `price`.
    """
    dice = random.Random(seed)
    prints: list[tuple[float, int]] = []
    for second in range(first + 1, first + seconds + 1):
        at = BEGIN + timedelta(seconds=second)
        # Bursts, so that there is volume and thrust now and then.
        wild = 4.0 if dice.random() < 0.05 else 1.0
        price = round(price + wild * dice.gauss(0.0, 0.03), 2)
        prints.append((price, round(wild * dice.uniform(50, 150))))
        # The prints of a second are in the bar that ends with it, and known before its last quote.
        if second % 5 == 0:
            yield bar_of(prints, at)
            prints = []
        yield Quote(KEY, round(price - 0.01, 2), round(price + 0.01, 2), 100, 100, price, 10, at.timestamp())
        yield at


def bar_of(prints: Sequence[tuple[float, int]], end: datetime, *, key: str = KEY) -> Bar:
    """The 5-second bar of these prints of (price, size)."""
    prices = [price for price, _ in prints]
    volume = sum(size for _, size in prints)
    return Bar(key, end, prices[0], max(prices), min(prices), prices[-1], volume, trades=len(prints))
