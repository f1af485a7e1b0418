"""What makes the simulated market look like one: the smile, the U, the spreads, the pace, the regimes."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest

from engine.gateway.instruments import load_instruments
from engine.gateway.model import DepthTick, HistoryBar, QuoteTick, TradeTick
from engine.gateway.synthetic import SyntheticMarket
from engine.gateway.synthetic_factors import Factors, Part, part_at, parts_between
from engine.gateway.synthetic_path import Paths
from tests.gateway.market.markets import AMD, SPY, at, make

DAYS = 40


def minutes(market: SyntheticMarket, con_id: int, day: dt.date) -> list[HistoryBar]:
    end = dt.datetime.combine(day, dt.time(21), dt.UTC).timestamp()
    return market.bars(con_id, end=end, count=390, seconds=60, what="TRADES", rth=True)


@pytest.fixture(scope="module")
def days() -> list[list[HistoryBar]]:
    """Regular minutes of SPY on forty winter days (16:00 New York is 21:00 UTC)."""
    market = make(21, "2026-02-27 16:30")
    found = []
    for back in range(DAYS):
        bars = minutes(market, SPY, dt.date(2026, 2, 27) - dt.timedelta(days=back))
        found.append(bars)
    return found


def test_volatility_smiles_over_the_day(days: list[list[HistoryBar]]) -> None:
    moves = np.array([np.abs(np.diff(np.log([bar.close for bar in day]))) for day in days]).mean(axis=0)

    assert moves[:30].mean() > 1.3 * moves[150:240].mean()
    assert moves[-30:].mean() > 1.05 * moves[150:240].mean()


def test_volume_is_high_at_both_ends_of_the_day(days: list[list[HistoryBar]]) -> None:
    volume = np.array([[bar.volume for bar in day] for day in days]).mean(axis=0)

    assert volume[:30].mean() > 1.5 * volume[150:240].mean()
    assert volume[-30:].mean() > 1.5 * volume[150:240].mean()


def test_daily_volatility_and_volume_are_those_of_the_data_file() -> None:
    now = at("2026-11-20 10:00")
    market = make(8, now)
    bars = market.bars(SPY, end=now, count=240, seconds=86_400, what="TRADES", rth=True)
    closes = np.log([bar.close for bar in bars])
    traits = load_instruments().stocks["SPY"].traits

    assert 0.6 < np.diff(closes).std() * 100 / 0.95 < 1.6
    assert 0.7 < np.mean([bar.volume for bar in bars]) / traits.volume < 1.4


def test_a_liquid_name_has_a_few_events_a_second() -> None:
    market = make(6, "2026-11-20 11:00")
    events = market.advance(at("2026-11-20 11:05"))
    told = [event for event in events if event.con_id == SPY and not isinstance(event, DepthTick)]

    assert 3 <= len(told) / 300 <= 9


def test_spreads_are_tight_in_regular_hours_and_wider_before_them() -> None:
    market = make(6, "2026-11-20 05:00")

    def spread(start: str) -> float:
        market.seek(at(start))
        events = market.advance(at(start) + 300)
        quotes = [e for e in events if isinstance(e, QuoteTick) and e.con_id == AMD]
        return float(np.mean([quote.ask - quote.bid for quote in quotes]))

    assert 0.01 <= spread("2026-11-20 11:00") < 0.016
    assert spread("2026-11-20 05:00") > 1.5 * spread("2026-11-20 11:00")


def test_prints_hit_both_sides_and_their_sizes_vary() -> None:
    market = make(6, "2026-11-20 11:00")
    trades = [
        e for e in market.advance(at("2026-11-20 11:05")) if isinstance(e, TradeTick) and e.con_id == SPY
    ]
    bought = np.mean([trade.aggressor > 0 for trade in trades])

    assert 0.3 < bought < 0.7
    assert len({trade.size for trade in trades}) > 100


def test_the_next_expiry_trades_thinly_behind_the_front_one() -> None:
    market = make(6, "2026-11-20 11:00")
    events = market.advance(at("2026-11-20 11:05"))

    def volume(local_symbol: str) -> int:
        ids = {c.con_id for c in market.contracts.values() if c.local_symbol == local_symbol}
        return sum(e.size for e in events if isinstance(e, TradeTick) and e.con_id in ids)

    assert 0 < volume("ESH7") < 0.15 * volume("ESZ6")


def test_a_factors_parts_join_without_a_seam() -> None:
    factors = Factors(5)
    parts = parts_between(at("2026-03-05 10:00"), at("2026-03-10 10:00"))

    paths = [factors.path("market", part, daily_vol=0.01) for part in parts]
    for before, after in pairwise(paths):
        assert after[0] == pytest.approx(before[-1], abs=1e-12)


def test_nothing_moves_on_a_saturday_and_the_weekend_shows_as_a_gap() -> None:
    factors = Factors(5)
    saturday = dt.date(2026, 11, 21).toordinal()

    for part in range(4):
        path = factors.path("market", Part(saturday, part), daily_vol=0.01)
        assert np.ptp(path) < 1e-5
    sunday = factors.path("market", Part(saturday + 1, 1), daily_vol=0.01)
    assert abs(sunday[-1] - sunday[0]) > 1e-5


def test_the_night_the_clocks_change_has_an_hour_less_and_an_hour_more() -> None:
    factors = Factors(5)
    ordinary, spring, autumn = (
        len(factors.path("market", Part(dt.date.fromisoformat(day).toordinal(), 0), daily_vol=0.01))
        for day in ("2026-03-10", "2026-03-08", "2026-11-01")
    )

    assert (ordinary - spring, autumn - ordinary) == (720, 720)


def far_goers(days: list[np.ndarray]) -> float:
    """Share of quarter hours that end more than 2.2 times their own noise from where they began."""
    windows = [day[first : first + 15] for day in days for first in range(0, len(day) - 15, 5)]
    return float(np.mean([abs(window.sum()) > 2.2 * np.sqrt((window**2).sum()) for window in windows]))


def test_trends_carry_further_than_the_same_moves_in_random_order(days: list[list[HistoryBar]]) -> None:
    moves = [np.diff(np.log([bar.close for bar in day])) for day in days]
    shuffle = np.random.default_rng(1).permutation

    assert far_goers(moves) > 1.4 * far_goers([shuffle(day) for day in moves])


def test_books_are_heavier_away_from_the_touch_and_hint_mildly_at_the_next_move() -> None:
    market = make(9, "2026-11-20 10:00")
    depths = [
        e for e in market.advance(at("2026-11-20 11:00")) if isinstance(e, DepthTick) and e.con_id == SPY
    ]
    touch = np.mean([depth.bids[0][1] for depth in depths])
    tenth = np.mean([depth.bids[9][1] for depth in depths])
    slots = np.array([depth.ts // 5 for depth in depths])
    mids = np.array([depth.bids[0][0] + depth.asks[0][0] for depth in depths])
    heavier = np.array([depth.bids[0][1] > depth.asks[0][1] for depth in depths])
    ends = mids[np.searchsorted(slots, slots, side="right") - 1]
    moved = ends != mids
    right = np.mean((ends > mids)[moved] == heavier[moved])

    assert tenth > 2.5 * touch
    assert 0.51 < right < 0.65


def test_the_future_leads_its_fund_by_a_little() -> None:
    now = at("2026-11-20 15:00")
    market = make(4, now)

    def returns(con_id: int) -> np.ndarray:
        bars = market.bars(con_id, end=now, count=3000, seconds=5, what="MIDPOINT", rth=False)
        return np.diff(np.log([bar.close for bar in bars]))

    future = next(c.con_id for c in market.contracts.values() if c.local_symbol == "ESZ6")
    es, spy = returns(future), returns(SPY)
    es_first = np.corrcoef(es[:-1], spy[1:])[0, 1]
    spy_first = np.corrcoef(spy[:-1], es[1:])[0, 1]

    assert es_first > spy_first + 0.1


def test_spreads_widen_where_the_price_jumps() -> None:
    paths = Paths(Factors(4), load_instruments())
    listed = load_instruments().stocks["AMD"]
    spreads, moves = [], []
    for day in range(2, 21):
        start = at(f"2026-10-{day:02d} 12:00")
        slots = paths.slots(listed, part_at(start))
        spreads.append((slots.ask - slots.bid)[1:])
        moves.append(np.abs(np.diff(slots.bid)))
    spread, move = np.concatenate(spreads), np.concatenate(moves)
    jumped = move > np.quantile(move, 0.999)

    assert spread[jumped].mean() > 1.4 * np.median(spread)
