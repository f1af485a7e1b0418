"""The learned trader as a strategy in worlds of known truth: real clocks, latency, one position, real labels.

The worlds of `tests.learning.worlds` draw every outcome for itself. Here decisions are taken on features of
a moving book, their labels overlap, and orders are filled late; so it shows what reaches an operator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from engine.domain.market import Quote, utc
from engine.domain.order import Intention, Proposal
from engine.strategy.base import Holding, StrategyView
from engine.strategy.learned import LearnedFutures
from tests.strategy.learned_market import KEY, START_S, TICK, made

EDGE = 0.4
"""Leaning at which a live trade nets about .36 of what prices move until it ends."""

LATENCY_S = 0.2
"""From a wish to its fill; the strategy's shadow trades are booked with the same."""


MOVES = 0.6
"""Share of quotes after which the price has moved by a tick."""


class Trade(NamedTuple):
    """One real trade, over."""

    decided_s: float
    """Seconds since the start of the world."""
    ended_s: float
    gross_ticks: float
    net_ticks: float


@dataclass(slots=True)
class Lived:
    """What a trader made of a world. Times in seconds since its start."""

    trades: list[Trade] = field(default_factory=list)
    alarms: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    closed: list[float] = field(default_factory=list)
    decisions: int = 0


class World(NamedTuple):
    """A market in which the heavier side of the book pushes the price; from `turns_s` on by `then`."""

    seed: int
    seconds: float
    leaning: float
    turns_s: float = math.inf
    then: float = 0.0


def tape_of(world: World) -> Iterator[Quote]:
    """The touch of a world."""
    seed, seconds, leaning, turns_s, then = world
    rng, level, at, lean = np.random.default_rng(seed), 0, 0.0, 0.0
    while at < seconds:
        at += float(rng.exponential(0.25))
        lean = 0.97 * lean + 0.3 * float(rng.normal())
        share = 1.0 / (1.0 + math.exp(-lean))
        sizes = 1 + int(100 * share), 1 + int(100 * (1.0 - share))
        touch = 1000.0 + level * TICK, 1000.0 + (level + 1) * TICK
        yield Quote(KEY, *touch, *sizes, math.nan, 0, START_S + at)
        pushes = leaning if at < turns_s else then
        if rng.random() < MOVES:
            level += 1 if rng.random() < 0.5 + pushes * (2.0 * share - 1.0) else -1


class Floor:
    """Fills one trader's wishes at the touch, late, and holds its one position."""

    def __init__(self, trader: LearnedFutures, *, latency_s: float = LATENCY_S) -> None:
        self.trader, self._latency_s = trader, latency_s
        self.lived = Lived()
        self._view = StrategyView(allow_short=True)
        self._wish: Proposal | None = None
        self._decided_s = 0.0
        self._clock_s = 0.0
        self._alarms = 0
        self._is_open = False

    def play(self, tape: Iterator[Quote]) -> Lived:
        """The whole tape, and a clock each second."""
        before: Quote | None = None
        for quote in tape:
            if before is not None:
                self._fill(before, quote.at)
            for wish in self.trader.on_quote(quote, self._view):
                self._take(wish)
            if quote.at >= self._clock_s:
                self._clock_s = math.floor(quote.at) + 1.0
                for wish in self.trader.on_clock(quote.key, utc(quote.at), self._view):
                    self._take(wish)
            self._doors(quote.at - START_S)
            before = quote
        self.lived.decisions = self.trader.contracts[KEY].trader.decisions
        return self.lived

    def _take(self, wish: Proposal) -> None:
        if self._wish is not None:
            return
        self._wish = wish
        enters = wish.intention is Intention.ENTER
        self._view = self._view._replace(entry_working=enters, exit_working=not enters)

    def _fill(self, book: Quote, now: float) -> None:
        """Whatever waited long enough is filled by the book in force until `now`."""
        wish = self._wish
        if wish is None or wish.at.timestamp() + self._latency_s > now:
            return
        self._wish = None
        sign, at = wish.side.sign, wish.at.timestamp() + self._latency_s
        price = book.ask if sign > 0 else book.bid
        if wish.intention is Intention.ENTER:
            self._decided_s = wish.at.timestamp() - START_S
            held = Holding(price, utc(at), wish.stop_price, wish.stop_price, has_partial=False)
            self._view = StrategyView(quantity=sign, allow_short=True, holding=held)
        elif self._view.holding is not None:
            self._over(price, sign, at)

    def _over(self, price: float, sign: int, at: float) -> None:
        held = self._view.holding
        assert held is not None
        net = (held.entry_price - price) * sign / TICK
        fees = self.trader.contracts[KEY].terms.fees_ticks
        self.lived.trades.append(Trade(self._decided_s, at - START_S, net + 1.0, net - fees))
        self._view = StrategyView(allow_short=True)

    def _doors(self, now_s: float) -> None:
        judge = self.trader.contracts[KEY].trader.judge
        if judge.drift.alarms != self._alarms:
            self._alarms = judge.drift.alarms
            self.lived.alarms.append(now_s)
        is_open = math.isfinite(judge.gate.threshold)
        if is_open != self._is_open:
            (self.lived.opened if is_open else self.lived.closed).append(now_s)
            self._is_open = is_open


def live(world: World) -> Lived:
    """One world, played by a trader that knows nothing yet."""
    return Floor(made(appetite="standard")).play(tape_of(world))


class Turned(NamedTuple):
    """What the end or the turn of an edge cost. R is what prices moved, on average, in a trade before it."""

    opened: bool
    """Something had been proven before: else there was nothing to lose."""
    edge_r: float
    trades: int
    """Entries from the turn until nothing was trusted any more."""
    shut_s: float
    loss_r: float
    """Worst sum of all trades from the turn on."""
    reopened_s: float
    early_alarms: int


def turned(world: World, lived: Lived) -> Turned:
    """Measure a world's turn."""
    turns_s = world.turns_s
    before = [one for one in lived.trades if one.decided_s < turns_s]
    unit = float(np.mean([abs(one.gross_ticks) for one in before])) if before else math.nan
    shut = next((at for at in lived.closed if at >= turns_s), math.inf)
    after = [one for one in lived.trades if one.decided_s >= turns_s]
    sums = np.cumsum([one.net_ticks for one in after])
    return Turned(
        opened=len(before) >= 10,
        edge_r=float(np.mean([one.net_ticks for one in before])) / unit if before else math.nan,
        trades=sum(one.decided_s < shut for one in after),
        shut_s=shut - turns_s,
        loss_r=min(0.0, float(sums.min())) / unit if after else 0.0,
        reopened_s=next((at for at in lived.opened if at > shut), math.inf) - shut,
        early_alarms=sum(at < turns_s for at in lived.alarms),
    )
