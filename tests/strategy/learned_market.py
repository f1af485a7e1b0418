"""A small futures market with a truth to learn, or with none, played to the learned trader. Seeded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from engine.domain.instrument import Instrument, SessionHours
from engine.domain.market import Bar, Quote, utc
from engine.domain.order import Intention, Proposal
from engine.strategy.base import Account, Holding, StrategyView
from engine.strategy.learned import LearnedFutures
from tests.builders import TEN, future

KEY = "ZZZ6"
START_S = TEN.timestamp()
TICK = 0.25
FAST: Mapping[str, object] = {
    "appetite": "aggressive",
    "horizon_s": 5.0,
    "step_s": 1.0,
    "latency_s": 0.2,
    "bars": 10,
}


def contract(key: str = KEY) -> Instrument:
    """A future that is open all day; a tick is 12.5 USD."""
    day = SessionHours(TEN - timedelta(hours=1), TEN + timedelta(hours=20))
    return replace(future(key), liquid_hours=(day,))


def bars(key: str = KEY, count: int = 10) -> Sequence[Bar]:
    """History in which a price moves two ticks in five seconds."""
    first = TEN - timedelta(seconds=5 * count)
    return [
        Bar(key, first + timedelta(seconds=5 * (n + 1)), 100.0, 100.5, 100.0, 100.25, 10)
        for n in range(count)
    ]


def quotes(seed: int, seconds: float, *, leaning: float, key: str = KEY) -> Iterator[Quote]:
    """The touch; `leaning` is how much the heavier side pushes the price, 0 = not at all."""
    rng, level, at, lean = np.random.default_rng(seed), 0, 0.0, 0.0
    while at < seconds:
        at += float(rng.exponential(0.25))
        lean = 0.97 * lean + 0.3 * float(rng.normal())
        share = 1.0 / (1.0 + math.exp(-lean))
        sizes = 1 + int(100 * share), 1 + int(100 * (1.0 - share))
        touch = 1000.0 + level * TICK, 1000.0 + (level + 1) * TICK
        yield Quote(key, *touch, *sizes, math.nan, 0, START_S + at)
        if rng.random() < 0.6:
            level += 1 if rng.random() < 0.5 + leaning * (2.0 * share - 1.0) else -1


def made(*keys: str, equity_usd: float = 1_000_000.0, **params: object) -> LearnedFutures:
    """A trader that knows its contracts and its account."""
    keys = keys or (KEY,)
    trader = LearnedFutures.create("learner", params={**FAST, **params}, keys=keys)
    for key in keys:
        trader.describe(contract(key), fee_usd=0.6)
        trader.warm_up(bars(key))
    trader.take_account(Account(equity_usd, is_paper=True))
    return trader


@dataclass
class Played:
    """What became of its proposals, filled at the touch at once."""

    entries: list[Proposal] = field(default_factory=list)
    exits: list[Proposal] = field(default_factory=list)
    net_ticks: list[float] = field(default_factory=list)


def play(trader: LearnedFutures, tape: Iterator[Quote], played: Played | None = None) -> Played:
    """Every quote and a clock each second; one contract at a time is bought or sold at the touch."""
    played = played or Played()
    view, clock_s = StrategyView(allow_short=True), 0.0
    for quote in tape:
        wishes = list(trader.on_quote(quote, view))
        if quote.at >= clock_s:
            clock_s = math.floor(quote.at) + 1.0
            wishes += trader.on_clock(quote.key, utc(quote.at), view)
        for wish in wishes:
            sign = wish.side.sign
            price = quote.ask if sign > 0 else quote.bid
            if wish.intention is Intention.ENTER and not view.quantity:
                played.entries.append(wish)
                held = Holding(price, utc(quote.at), wish.stop_price, wish.stop_price, has_partial=False)
                view = StrategyView(quantity=sign, allow_short=True, holding=held)
            elif wish.intention is Intention.EXIT and view.holding is not None:
                played.exits.append(wish)
                played.net_ticks.append((view.holding.entry_price - price) * sign / TICK)
                view = StrategyView(allow_short=True)
    return played
