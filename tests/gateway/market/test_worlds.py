"""The worlds of simulated futures: what a book knows of the next half minute, and where it knows nothing."""

from __future__ import annotations

import numpy as np
import pytest

from engine.gateway.model import DepthTick, QuoteTick, TradeTick
from engine.gateway.synthetic import SyntheticMarket
from engine.gateway.worlds import AHEAD_SLOTS, WORLDS, leans, world_of
from tests.gateway.market.markets import SPY, at, few_instruments

START = at("2026-11-20 10:00")


def known(name: str, *, minutes: int = 12) -> tuple[float, float]:
    """How the book's lean goes along with the next half minute's move of ES, and its mean spread in ticks."""
    market = SyntheticMarket(few_instruments("ES"), seed=3, start=START, world=world_of(name))
    front = next(c.con_id for c in market.contracts.values() if c.local_symbol == "ESZ6")
    books, spreads = {}, []
    for event in market.advance(START + 60.0 * minutes):
        if isinstance(event, DepthTick) and event.con_id == front:
            bids, asks = sum(size for _, size in event.bids), sum(size for _, size in event.asks)
            mid = (event.bids[0][0] + event.asks[0][0]) / 2.0
            books[int(event.ts - START)] = (bids - asks) / (bids + asks), mid
            spreads.append((event.asks[0][0] - event.bids[0][0]) / 0.25)
    seconds = [s for s in books if s + 30 in books]
    lean, moves = zip(*((books[s][0], books[s + 30][1] - books[s][1]) for s in seconds), strict=True)
    return float(np.corrcoef(lean, moves)[0, 1]), float(np.mean(spreads))


@pytest.mark.parametrize(("name", "least", "most"), [("null", -0.2, 0.2), ("edge", 0.6, 1.0)])
def test_books_know_where_the_price_goes_where_the_world_has_an_edge(
    name: str, least: float, most: float
) -> None:
    along, spread = known(name)
    assert least <= along <= most
    assert spread < 2.0


def test_a_costly_world_knows_as_much_and_asks_more_than_it_moves() -> None:
    along, spread = known("costly")
    assert along > 0.6
    assert spread > 6.0


def test_a_world_that_turns_leans_the_other_way_in_every_second_stretch() -> None:
    mid = np.cumsum(np.random.default_rng(1).normal(size=4000)) + 20_000.0
    steady = leans(WORLDS["edge"], mid, is_future=True, start=0.0)
    turning = leans(WORLDS["flip"], mid, is_future=True, start=0.0)
    stretch = int(WORLDS["flip"].turns_s // 5)
    assert np.array_equal(turning[:stretch], steady[:stretch])
    assert np.array_equal(turning[stretch : 2 * stretch], -steady[stretch : 2 * stretch])
    later = leans(WORLDS["flip"], mid, is_future=True, start=WORLDS["flip"].turns_s)
    assert np.array_equal(later[:stretch], -steady[:stretch])


def test_a_lean_says_where_the_price_will_be_and_nothing_of_what_lies_beyond() -> None:
    mid = np.full(40, 100.0)
    mid[20:] = 104.0
    lean = leans(WORLDS["edge"], mid, is_future=True, start=0.0)
    assert np.flatnonzero(lean).tolist() == list(range(20 - AHEAD_SLOTS, 20))
    assert lean.max() <= WORLDS["edge"].lean


@pytest.mark.parametrize("name", WORLDS)
def test_stocks_have_the_same_prices_in_every_world_with_patterns(name: str) -> None:
    one = SyntheticMarket(few_instruments("SPY"), seed=3, start=START)
    other = SyntheticMarket(few_instruments("SPY"), seed=3, start=START, world=world_of(name))
    same = one.advance(START + 20.0) == other.advance(START + 20.0)
    assert same is not WORLDS[name].wanders


@pytest.mark.parametrize("name", ["null", "costly"])
def test_prints_of_each_slot_add_up_to_historys_bar_and_quotes_are_never_crossed(name: str) -> None:
    market = SyntheticMarket(few_instruments("ES", "SPY"), seed=5, start=START, world=world_of(name))
    events = market.advance(START + 120.0)
    front = next(c.con_id for c in market.contracts.values() if c.local_symbol == "ESZ6")
    for con_id in (front, SPY):
        mine = [event for event in events if event.con_id == con_id]
        for bar in market.bars(con_id, end=START + 120.0, count=24, seconds=5, what="TRADES", rth=True):
            prints = [e for e in mine if isinstance(e, TradeTick) and bar.start <= e.ts < bar.start + 5.0]
            prices = [e.price for e in prints]
            assert (prices[0], max(prices), min(prices), prices[-1]) == bar[1:5]
            assert sum(e.size for e in prints) == bar.volume
        assert all(e.bid < e.ask for e in mine if isinstance(e, QuoteTick))
