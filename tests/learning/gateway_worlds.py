"""The paper gateway's worlds played to the learned trader: no process, no wire, no waiting."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from engine.domain.market import Bar, Depth, Level, Quote, utc
from engine.gateway.model import DepthTick, QuoteTick, TradeTick
from engine.gateway.synthetic import SyntheticMarket
from engine.gateway.worlds import WORLDS, world_of
from engine.strategy.base import Account
from engine.strategy.learned import LearnedFutures
from tests.gateway.market.markets import at, few_instruments
from tests.strategy.learned_market import Played, contract, play

TURN_S: Final = 0.25
"""A broker tells the touch and the book about so often, however many changes there were."""
FEE_USD: Final = 0.85
KEY: Final = "ESZ6"
BARS: Final = 60
NOTHING_TO_EARN: Final = frozenset({"null", "costly"})
QUICK: Final = {"appetite": "aggressive", "stop_ranges": 0.5, "target_ranges": 1.0, "gap_ranges": 0.25}
"""Near stops in a market that seldom gaps: a trade risks less, and its outcome says more in the same time."""


@dataclass
class WorldRun:
    """One world and what the trader made of it."""

    trader: LearnedFutures
    played: Played = field(default_factory=Played)

    @property
    def net_ticks(self) -> float:
        """Of all live trades, fees paid."""
        fee = 2.0 * FEE_USD / 12.5
        return sum(self.played.net_ticks) - fee * len(self.played.net_ticks)


def front(market: SyntheticMarket) -> int:
    """The most traded contract of ES."""
    chain = [one for one in market.contracts.values() if one.symbol == "ES"]
    return min(chain, key=lambda one: (one.local_symbol != KEY, one.expiry)).con_id


def told(market: SyntheticMarket, con_id: int, *, until: float, hear: LearnedFutures) -> Iterator[Quote]:
    """Quotes as a broker tells them; the book goes to the trader just before its quote."""
    quote, book, last, size, now = None, None, float("nan"), 0, market.quote(con_id)
    assert now is not None
    clock = now.ts
    while clock < until:
        clock += TURN_S
        for event in market.advance(clock):
            if event.con_id != con_id:
                continue
            if isinstance(event, QuoteTick):
                quote = event
            elif isinstance(event, DepthTick):
                book = event
            elif isinstance(event, TradeTick):
                last, size = event.price, event.size
        if book is not None:
            hear.on_depth(Depth(KEY, _levels(book.bids), _levels(book.asks), clock))
        if quote is not None:
            yield Quote(KEY, quote.bid, quote.ask, quote.bid_size, quote.ask_size, last, size, clock)


def _levels(rows: tuple[tuple[float, int], ...]) -> tuple[Level, ...]:
    return tuple(Level(price, size) for price, size in rows)


def live_through(name: str, *, minutes: float, seed: int = 7, **params: object) -> WorldRun:
    """A trader that begins with the market at 10:00 and trades one contract of ES for so many minutes."""
    start = at("2026-11-20 10:00")
    market = SyntheticMarket(few_instruments("ES"), seed=seed, start=start, world=world_of(name))
    con_id = front(market)
    trader = LearnedFutures.create("learner", params={**QUICK, **params}, keys=(KEY,))
    trader.describe(contract(KEY), fee_usd=FEE_USD)
    history = market.bars(con_id, end=start, count=BARS, seconds=5, what="TRADES", rth=True)
    trader.warm_up(
        Bar(KEY, utc(one.start + 5.0), one.open, one.high, one.low, one.close, one.volume) for one in history
    )
    trader.take_account(Account(1_000_000.0, is_paper=True))
    run = WorldRun(trader)
    play(trader, told(market, con_id, until=start + 60.0 * minutes, hear=trader), run.played)
    return run


def told_of(name: str, seed: int, *, minutes: float) -> str:
    """One line about a world lived through."""
    run = live_through(name, minutes=minutes, seed=seed)
    contract, entries = run.trader.contracts[KEY], run.played.entries
    begin = at("2026-11-20 10:00")
    first = f"{(entries[0].at.timestamp() - begin) / 60.0:.0f} min" if entries else "never"
    turns = ", ".join(
        f"{(one.at - begin) / 60.0:.0f} min {one.what}" for one in contract.course.turning_points
    )
    return (
        f"{name:6} seed {seed}: first trade {first}, {len(entries)} trades, net {run.net_ticks:+.0f} ticks; "
        f"{turns or 'no turn'}; {contract.words()}"
    )


def main() -> int:
    """Every world, whole; 1 where one was traded that should not have been, or the other way round."""
    parser = argparse.ArgumentParser(prog="python -m tests.learning.gateway_worlds")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=240.0)
    given = parser.parse_args()
    wrong = 0
    for name in WORLDS:
        for seed in range(given.seeds):
            line = told_of(name, seed, minutes=given.minutes)
            wrong += ("first trade never" in line) is not (name in NOTHING_TO_EARN)
            print(line, flush=True)
    print(f"{wrong} of {given.seeds * len(WORLDS)} worlds went another way than they should")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
