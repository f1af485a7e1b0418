"""The same strategy says the same, whether its bars were made live from ticks or come from history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Bar, Quote, utc
from engine.domain.order import Proposal
from engine.domain.setup import Setup
from engine.gateway.instruments import load_instruments
from engine.gateway.model import HistoryBar, MarketEvent, QuoteTick, TradeTick
from engine.gateway.tape import TapeMarket
from engine.strategy import STRATEGIES
from tests.days.recorded import DATA, RecordedDay, named, needs_data, tape_of
from tests.strategy.tapes import EAGER, KEY, Event, Player, drawn, eager, shipped

MINUTE_S = 60
BAR_TRADERS = [
    kind for kind in shipped() if not STRATEGIES.get(kind).wants_setups and not STRATEGIES.get(kind).learns
]
FROM, TO = timedelta(hours=9, minutes=30), timedelta(hours=11)


def in_minutes(bars: Sequence[Bar], seconds: int) -> list[Bar]:
    """History's bars of that length: whole windows of the clock, however many prints they hold."""
    slots: dict[float, list[Bar]] = {}
    for bar in bars:
        slots.setdefault(bar.start.timestamp() // seconds, []).append(bar)
    return [
        Bar(
            parts[0].symbol,
            utc((slot + 1) * seconds),
            parts[0].open,
            max(part.high for part in parts),
            min(part.low for part in parts),
            parts[-1].close,
            sum(part.volume for part in parts),
            seconds,
        )
        for slot, parts in slots.items()
    ]


def from_bars(kind: str, bars: Sequence[Bar], key: str) -> list[Proposal]:
    """What is said where whole bars are given."""
    player = Player(eager(kind, key=key), seconds=bars[0].seconds)
    return player.play(bars).said


@given(kind=st.sampled_from(BAR_TRADERS), seed=st.integers(0, 10_000))
def test_minutes_made_live_and_minutes_of_history_lead_to_the_same_proposals(kind: str, seed: int) -> None:
    fives = [event for event in drawn(seed, seconds=900) if isinstance(event, Bar)]

    live = Player(eager(kind), seconds=MINUTE_S).play(fives).said

    assert live == from_bars(kind, in_minutes(fives, MINUTE_S), KEY)


class Morning(NamedTuple):
    """A recorded morning as the paper gateway plays it."""

    one: RecordedDay
    events: Sequence[MarketEvent]
    fives: Sequence[HistoryBar]
    """Its history in bars of 5 s."""
    minutes: Sequence[HistoryBar]


@cache
def recorded(name: str) -> Morning:
    """The morning of that day."""
    one = named(name)
    begin = datetime.combine(one.day, datetime.min.time(), one.at(datetime.min.time()).tzinfo)
    with TemporaryDirectory() as folder:
        tape = tape_of(one, Path(folder) / "tape")
        market = TapeMarket(tape, load_instruments(), start=(begin + FROM).timestamp())
        end = (begin + TO).timestamp()
        events = tuple(market.advance(end))
        [con_id] = market.contracts

        def history(seconds: int) -> tuple[HistoryBar, ...]:
            count = int((TO - FROM).total_seconds()) // seconds
            return tuple(market.bars(con_id, end=end, count=count, seconds=seconds, what="TRADES", rth=True))

        return Morning(one, events, history(5), history(MINUTE_S))


def live_fives(one: RecordedDay, events: Sequence[MarketEvent]) -> list[Bar]:
    """The prints of a tape grouped by us, as a broker does it live."""
    slots: dict[float, list[TradeTick]] = {}
    for event in events:
        if isinstance(event, TradeTick):
            slots.setdefault(event.ts // 5, []).append(event)
    return [
        Bar(
            one.symbol,
            utc((slot + 1) * 5.0),
            prints[0].price,
            max(p.price for p in prints),
            min(p.price for p in prints),
            prints[-1].price,
            sum(p.size for p in prints),
        )
        for slot, prints in slots.items()
    ]


def of_history(one: RecordedDay, bars: Sequence[HistoryBar], seconds: int) -> list[Bar]:
    """The gateway's bars as the engine reads them."""
    return [
        Bar(one.symbol, utc(b.start + seconds), b.open, b.high, b.low, b.close, b.volume, seconds)
        for b in bars
    ]


@needs_data
@pytest.mark.parametrize("kind", BAR_TRADERS)
def test_on_a_recorded_day_live_ticks_and_history_lead_to_the_same_proposals(kind: str) -> None:
    one, events, _, minutes = recorded("IBM-20131008")
    player = Player(eager(kind, key=one.symbol), seconds=MINUTE_S)

    live = player.play(live_fives(one, events)).said

    assert live == from_bars(kind, of_history(one, minutes, MINUTE_S), one.symbol)
    assert live


def around(bars: Sequence[Bar]) -> Setup:
    """Levels at the edges of the first quarter of an hour."""
    first = [bar for bar in bars if bar.end <= bars[0].end + timedelta(minutes=15)]
    top, bottom = max(bar.high for bar in first), min(bar.low for bar in first)
    reach = top - bottom
    return Setup(
        key=bars[0].symbol,
        day=bars[0].end.date(),
        resistance=top,
        support=bottom,
        long_targets=(top + reach / 2, top + reach),
        short_targets=(bottom - reach / 2, bottom - reach),
    )


def with_bars(one: RecordedDay, events: Sequence[MarketEvent], bars: Sequence[Bar]) -> Iterator[Event]:
    """One quote a second as the wire tells it, each bar when it is complete."""
    waiting, second = list(reversed(bars)), 0.0
    quote: QuoteTick | None = None
    last: TradeTick | None = None
    for event in events:
        if quote is not None and event.ts >= second + 1.0:
            second = event.ts // 1.0
            while waiting and waiting[-1].end.timestamp() <= second:
                yield waiting.pop()
            price = last.price if last is not None else float("nan")
            yield Quote(one.symbol, quote.bid, quote.ask, quote.bid_size, quote.ask_size, price, 1, second)
            yield utc(second)
        if isinstance(event, QuoteTick):
            quote = event
        elif isinstance(event, TradeTick):
            last = event


@needs_data
def test_the_pivot_trader_says_the_same_on_bars_made_from_ticks_and_on_recorded_ones() -> None:
    one, events, fives, _ = recorded("IBM-20131008")
    made = live_fives(one, events)
    given = [bar for bar in given_fives(one) if made[0].end <= bar.end <= made[-1].end]
    assert given == made == of_history(one, fives, 5)
    said = []
    for bars in (made, given):
        trader = eager("pivot_break", levels=[around(bars)], key=one.symbol)
        said.append(Player(trader).play(with_bars(one, events, bars)).said)

    assert said[0] == said[1]
    assert {proposal.intention.value for proposal in said[0]} == {"enter", "exit"}


def given_fives(one: RecordedDay) -> Iterator[Bar]:
    """The 5-second bars that were recorded beside the ticks."""
    table = pq.read_table(DATA / f"equities/bars_5s/{one.symbol}_{one.day:%Y%m%d}.parquet")
    for row in table.to_pylist():
        prices = (row["open"], row["high"], row["low"], row["close"])
        yield Bar(one.symbol, utc(row["ts"].timestamp() + 5), *prices, row["volume"])


def test_every_strategy_of_the_product_is_proven_here() -> None:
    assert {"ma_crossover", "momentum", "pivot_break"} <= set(shipped())
    assert EAGER.keys() <= set(shipped())
