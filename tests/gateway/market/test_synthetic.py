"""What the simulated market promises: repeatable, uncrossed, on the grid, and its history is its stream."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.gateway.model import HistoryBar, MarketEvent, QuoteTick, TradeTick
from engine.gateway.synthetic import SyntheticMarket
from tests.examples import examples
from tests.gateway.market.markets import AMD, SPY, at, few_instruments, make

SEEDS = st.integers(0, 2**32)
MOMENTS = st.sampled_from(
    ["2026-11-20 10:00", "2026-11-20 09:29", "2026-11-20 15:58:30", "2026-11-19 03:59", "2026-11-19 19:59:30"]
)
FEW = settings(max_examples=examples(12), deadline=None)


def bars_of(trades: list[TradeTick]) -> list[tuple[float, float, float, float, float, int, int]]:
    """Prints summed into five-second bars, written apart from the product's own code."""
    slots: dict[float, list[TradeTick]] = defaultdict(list)
    for trade in trades:
        slots[trade.ts // 5 * 5].append(trade)
    rows = []
    for start, ticks in sorted(slots.items()):
        prices = [tick.price for tick in ticks]
        volume = sum(tick.size for tick in ticks)
        rows.append((start, prices[0], max(prices), min(prices), prices[-1], volume, len(ticks)))
    return rows


def without_average(bars: list[HistoryBar]) -> list[tuple[float, ...]]:
    return [(bar.start, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.count) for bar in bars]


def trades_of(events: list[MarketEvent], con_id: int) -> list[TradeTick]:
    return [event for event in events if isinstance(event, TradeTick) and event.con_id == con_id]


@FEW
@given(seed=SEEDS, moment=MOMENTS)
def test_quotes_are_never_crossed_or_locked_and_everything_is_on_the_grid(seed: int, moment: str) -> None:
    market = make(seed, moment)
    events = market.advance(at(moment) + 60)

    assert events
    for event in events:
        contract = market.contracts[event.con_id]
        if isinstance(event, QuoteTick):
            assert 0 < event.bid < event.ask
            assert min(event.bid_size, event.ask_size) > 0
            prices = [event.bid, event.ask]
        elif isinstance(event, TradeTick):
            assert event.size > 0
            prices = [event.price]
        else:
            prices = [price for price, _ in (*event.bids, *event.asks)]
            assert all(size > 0 for _, size in (*event.bids, *event.asks))
            assert len(event.bids) == len(event.asks) == 10
        assert all(contract.price(contract.ticks(price)) == price for price in prices)


@FEW
@given(seed=SEEDS, moment=MOMENTS)
def test_events_come_in_time_order_and_prints_are_at_the_touch(seed: int, moment: str) -> None:
    market = make(seed, moment)
    quotes: dict[int, QuoteTick] = {}
    last = 0.0

    for event in market.advance(at(moment) + 90):
        assert event.ts >= last
        last = event.ts
        if isinstance(event, QuoteTick):
            quotes[event.con_id] = event
        elif isinstance(event, TradeTick) and event.con_id in quotes:
            quote = quotes[event.con_id]
            assert event.price == (quote.ask if event.aggressor > 0 else quote.bid)


@FEW
@given(seed=SEEDS, moment=MOMENTS)
def test_the_prints_of_each_slot_add_up_to_historys_bar(seed: int, moment: str) -> None:
    start = at(moment)
    market = make(seed, moment)
    events = market.advance(start + 120)

    for con_id in market.contracts:
        streamed = [row for row in bars_of(trades_of(events, con_id)) if row[0] >= start]
        told = market.bars(con_id, end=start + 120, count=24, seconds=5, what="TRADES", rth=False)
        assert without_average([bar for bar in told if bar.start >= start]) == streamed


@FEW
@given(seed=SEEDS, cuts=st.lists(st.floats(0.001, 100.0), max_size=8))
def test_how_advance_is_chunked_changes_nothing(seed: int, cuts: list[float]) -> None:
    start = at("2026-11-20 15:59")
    whole = make(seed, start).advance(start + 100)

    chunked: list[MarketEvent] = []
    market = make(seed, start)
    for cut in [*sorted(cuts), 100.0]:
        chunked += market.advance(start + cut)

    assert chunked == whole


@FEW
@given(seed=SEEDS, wait=st.floats(0.0, 300.0))
def test_a_restart_at_any_instant_has_the_same_state_and_the_same_future(seed: int, wait: float) -> None:
    start = at("2026-11-20 09:28")
    first = make(seed, start)
    first.advance(start + wait)

    again = make(seed, start + wait)

    for con_id in first.contracts:
        assert again.quote(con_id) == first.quote(con_id)
        assert again.depth(con_id) == first.depth(con_id)
        assert again.last_trade(con_id) == first.last_trade(con_id)
    assert again.next_time() == first.next_time()
    assert again.advance(start + wait + 20) == first.advance(start + wait + 20)


@FEW
@given(seed=SEEDS, seconds=st.sampled_from([10, 30, 60, 300, 1800, 3600]))
def test_larger_bars_are_sums_of_five_second_bars(seed: int, seconds: int) -> None:
    end = at("2026-11-20 12:00")
    market = make(seed, end)
    count = 4
    small = market.bars(AMD, end=end, count=count * seconds // 5, seconds=5, what="TRADES", rth=True)

    for bar in market.bars(AMD, end=end, count=count, seconds=seconds, what="TRADES", rth=True)[1:]:
        inside = [row for row in small if bar.start <= row.start < bar.start + seconds]
        assert bar.open == inside[0].open
        assert bar.close == inside[-1].close
        assert bar.high == max(row.high for row in inside)
        assert bar.low == min(row.low for row in inside)
        assert bar.volume == sum(row.volume for row in inside)
        assert bar.count == sum(row.count for row in inside)


def test_daily_bars_are_one_a_session_and_sums_of_that_sessions_bars() -> None:
    now = at("2026-11-20 10:00")
    market = make(3, now)
    days = market.bars(SPY, end=now, count=252, seconds=86_400, what="TRADES", rth=True)
    five_seconds = market.bars(
        SPY, end=at("2026-11-19 16:00"), count=4680, seconds=5, what="TRADES", rth=True
    )

    assert len(days) == 252
    assert days[-1].start == at("2026-11-19 09:30")
    assert days[-1].volume == sum(bar.volume for bar in five_seconds)
    assert days[-1].high == max(bar.high for bar in five_seconds)
    assert days[-1].close == five_seconds[-1].close == market.previous_close(SPY)


def test_an_unfinished_day_or_week_is_not_told() -> None:
    monday, friday = at("2026-11-16 09:30"), at("2026-11-20 15:59:59")
    market = make(3, friday + 1)

    assert market.bars(SPY, end=friday, count=1, seconds=86_400, what="TRADES", rth=True)[0].start == at(
        "2026-11-19 09:30"
    )
    assert market.bars(SPY, end=friday + 1, count=1, seconds=86_400, what="TRADES", rth=True)[0].start == at(
        "2026-11-20 09:30"
    )
    weeks = market.bars(SPY, end=friday, count=2, seconds=7 * 86_400, what="TRADES", rth=True)
    assert [week.start for week in weeks] == [at("2026-11-02 09:30"), at("2026-11-09 09:30")]
    assert market.bars(SPY, end=friday + 1, count=1, seconds=7 * 86_400, what="TRADES", rth=True)[
        0
    ].start == (monday)


def test_bars_of_a_day_that_ended_early_stop_at_its_close() -> None:
    market = make(3, "2026-11-27 16:00")
    end = at("2026-11-27 16:00")
    bars = market.bars(SPY, end=end, count=10, seconds=3600, what="TRADES", rth=True)

    assert bars[-1].start == at("2026-11-27 12:00")


def test_history_never_tells_the_future() -> None:
    now = at("2026-11-20 10:00:07")
    market = make(3, now)

    bars = market.bars(SPY, end=now + 3600, count=5, seconds=5, what="TRADES", rth=True)
    assert bars[-1].start == at("2026-11-20 10:00")


@pytest.mark.parametrize("what", ["BID", "ASK", "MIDPOINT"])
def test_quote_bars_have_no_volume_and_bracket_the_price(what: str) -> None:
    now = at("2026-11-20 10:00")
    market = make(5, now)
    quotes = market.bars(SPY, end=now, count=30, seconds=60, what=what, rth=True)
    trades = market.bars(SPY, end=now, count=30, seconds=60, what="TRADES", rth=True)

    assert len(quotes) == 30
    assert all(bar.volume == bar.count == -1 for bar in quotes)
    assert all(abs(a.close - b.close) < 0.5 for a, b in zip(quotes, trades, strict=True))


def test_a_bar_size_off_the_grid_is_refused_with_the_reason() -> None:
    market = make(1, "2026-11-20 10:00")

    with pytest.raises(ValueError, match="bars of 7 s cannot be made"):
        market.bars(SPY, end=at("2026-11-20 10:00"), count=1, seconds=7, what="TRADES", rth=True)


def test_the_market_sleeps_over_the_weekend_and_wakes_on_sunday_evening() -> None:
    market = make(2, "2026-11-20 19:59:50")
    market.advance(at("2026-11-20 20:00"))

    assert market.next_time() >= at("2026-11-22 18:00")
    assert market.advance(at("2026-11-22 17:59")) == []
    sunday = market.advance(at("2026-11-22 18:01"))
    assert {market.contracts[event.con_id].symbol for event in sunday} == {"ES"}


def test_a_jump_to_the_next_session_finds_quotes_of_the_new_day() -> None:
    market = make(2, "2026-11-20 16:30")
    market.seek(at("2026-11-23 10:00"))
    quote, trade = market.quote(SPY), market.last_trade(SPY)

    assert quote is not None
    assert trade is not None
    assert at("2026-11-23 09:59:50") <= quote.ts <= at("2026-11-23 10:00")
    assert (
        market.previous_close(SPY)
        == market.bars(SPY, end=at("2026-11-20 16:00"), count=1, seconds=5, what="TRADES", rth=True)[0].close
    )


def test_a_stock_before_its_first_trade_of_the_day_still_shows_the_last_one() -> None:
    market = make(2, "2026-11-22 19:00")
    trade = market.last_trade(SPY)

    assert trade is not None
    assert at("2026-11-20 19:00") < trade.ts < at("2026-11-20 20:00")


def test_after_a_roll_the_new_contract_is_listed_and_the_expired_one_stays_known_but_silent() -> None:
    market = make(2, "2026-12-18 15:00")
    expired = next(c for c in market.contracts.values() if c.local_symbol == "ESZ6")
    market.seek(at("2026-12-21 10:00"))
    events = market.advance(at("2026-12-21 10:01"))

    assert {"ESZ6", "ESH7", "ESM7"} <= {contract.local_symbol for contract in market.contracts.values()}
    assert expired.con_id not in {event.con_id for event in events}


def test_the_index_future_and_its_fund_move_as_one_and_semiconductors_with_technology() -> None:
    now = at("2026-11-20 16:00")
    market = SyntheticMarket(few_instruments("SPY", "ES", "QQQ", "NQ", "AMD", "CL"), seed=11, start=now)

    def returns(symbol: str) -> np.ndarray:
        con_id = next(c.con_id for c in market.contracts.values() if c.symbol == symbol)
        bars = market.bars(con_id, end=now, count=360, seconds=60, what="MIDPOINT", rth=False)
        return np.diff(np.log([bar.close for bar in bars]))

    assert np.corrcoef(returns("SPY"), returns("ES"))[0, 1] > 0.95
    assert np.corrcoef(returns("QQQ"), returns("NQ"))[0, 1] > 0.95
    assert np.corrcoef(returns("QQQ"), returns("AMD"))[0, 1] > 0.4
    assert abs(np.corrcoef(returns("SPY"), returns("CL"))[0, 1]) < 0.6


def test_nights_are_quieter_than_days_but_alive() -> None:
    market = make(4, "2026-11-20 02:00")
    front = next(c.con_id for c in market.contracts.values() if c.local_symbol == "ESZ6")
    night = len(trades_of(market.advance(at("2026-11-20 02:10")), front))
    market.seek(at("2026-11-20 10:00"))
    day = len(trades_of(market.advance(at("2026-11-20 10:10")), front))

    assert 20 < night < day / 3


def test_prices_stay_in_sight_of_their_level_over_the_years() -> None:
    for seed in range(20):
        market = make(seed, dt.datetime(2019 + seed % 10, 6, 5, 15, tzinfo=dt.UTC).timestamp())
        quote = market.quote(SPY)
        assert quote is not None
        assert 610 * 0.55 < quote.bid < 610 * 1.8


def test_a_year_outside_the_simulation_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="the simulation covers 2005 to 2039"):
        make(1, "2045-03-01 10:00").quote(SPY)


@FEW
@given(seed=SEEDS, moment=MOMENTS, portions=st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_work_done_ahead_changes_no_event(seed: int, moment: str, portions: list[int]) -> None:
    start = at(moment)
    plain, prepared = make(seed, moment), make(seed, moment)
    events = []
    for number in range(1, 61):
        for _ in range(portions[number % len(portions)]):
            prepared.prepare()
        events += prepared.advance(start + number)

    assert events == plain.advance(start + 60) != []
    assert prepared.quote(SPY) == plain.quote(SPY)


def test_everything_done_ahead_leaves_nothing_to_make_for_the_next_slot() -> None:
    market = make(3, "2026-11-20 10:00")
    portions = 1
    while market.prepare():
        portions += 1

    assert portions > len(market.contracts)
    assert not market.prepare()
