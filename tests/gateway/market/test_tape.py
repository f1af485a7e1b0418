"""Tapes written here, small enough to know every event by heart."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.gateway.market_factory import choose_session, make_market, start_time
from engine.gateway.model import DepthTick, GatewaySettings, MarketEvent, QuoteTick, TradeTick
from engine.gateway.tape import TapeMarket
from tests.examples import examples
from tests.gateway.market.markets import SPY
from tests.gateway.market.tapes import NAN, OPEN, play, write


def everything(market: TapeMarket) -> list[MarketEvent]:
    return market.advance(OPEN + 1e6)


def quotes_of(events: list[MarketEvent]) -> list[tuple[float, int, float, int]]:
    return [(e.bid, e.bid_size, e.ask, e.ask_size) for e in events if isinstance(e, QuoteTick)]


def prints_of(events: list[MarketEvent]) -> list[tuple[float, float, int]]:
    return [(round(e.ts - OPEN, 3), e.price, e.size) for e in events if isinstance(e, TradeTick)]


def test_prints_keep_the_files_order_within_one_instant(tmp_path: Path) -> None:
    write(tmp_path, "SPY_trade", [1.0, 1.0, 1.0, 2.0], price=[9.0, 7.0, 8.0, 6.0], size=[1, 2, 3, 4])

    assert prints_of(everything(play(tmp_path))) == [(1, 9.0, 1), (1, 7.0, 2), (1, 8.0, 3), (2, 6.0, 4)]


def test_prints_without_recorded_quotes_get_a_quote_one_tick_around_them(tmp_path: Path) -> None:
    write(tmp_path, "SPY_trade", [1.0, 2.0], price=[10.0, 10.02], size=[5, 7])
    events = everything(play(tmp_path))

    assert quotes_of(events) == [(9.99, 5, 10.01, 5), (10.01, 7, 10.03, 7)]
    assert isinstance(events[0], QuoteTick)
    assert isinstance(events[1], TradeTick)


def test_a_one_sided_quote_keeps_the_other_side(tmp_path: Path) -> None:
    write(
        tmp_path,
        "SPY_quote",
        [0.0, 1.0, 2.0],
        bid=[10.0, NAN, 10.01],
        bid_size=[3, 0, 4],
        ask=[NAN, 10.03, NAN],
        ask_size=[0, 6, 0],
    )

    assert quotes_of(everything(play(tmp_path))) == [
        (10.0, 3, 0.0, 0),
        (10.0, 3, 10.03, 6),
        (10.01, 4, 10.03, 6),
    ]


def test_a_crossed_quote_is_dropped_and_counted_but_its_side_is_remembered(tmp_path: Path) -> None:
    write(
        tmp_path,
        "SPY_quote",
        [0.0, 1.0, 2.0],
        bid=[10.0, 10.05, NAN],
        bid_size=[3, 4, 0],
        ask=[10.02, NAN, 10.07],
        ask_size=[5, 0, 6],
    )
    market = play(tmp_path)

    assert quotes_of(everything(market)) == [(10.0, 3, 10.02, 5), (10.05, 4, 10.07, 6)]
    assert market.notes == ("SPY_quote.parquet: 1 rows dropped: crossed",)


def test_unusable_prints_are_dropped_and_counted_by_reason(tmp_path: Path) -> None:
    write(
        tmp_path,
        "SPY_trade",
        [0.0, 1.0, 2.0, 3.0],
        price=[NAN, 10.0, 11.0, 12.0],
        size=[1, 0, 1, 1],
        suspicious=[False, False, True, False],
    )
    market = play(tmp_path)

    assert prints_of(everything(market)) == [(3, 12.0, 1)]
    assert set(market.notes) == {
        "SPY_trade.parquet: 1 rows dropped: suspicious",
        "SPY_trade.parquet: 1 rows dropped: price missing or not positive",
        "SPY_trade.parquet: 1 rows dropped: size zero or missing",
    }


def test_quotes_come_before_prints_of_the_same_instant_and_files_merge_by_time(tmp_path: Path) -> None:
    write(tmp_path, "AMD_trade", [1.0, 3.0], price=[5.0, 5.0], size=[1, 1])
    write(tmp_path, "SPY_quote", [1.0, 2.0], bid=[9.0, 9.1], bid_size=[1, 1], ask=[9.2, 9.2], ask_size=[1, 1])
    write(tmp_path, "SPY_trade", [1.0, 2.5], price=[9.2, 9.2], size=[1, 1])
    events = everything(play(tmp_path))

    assert [e.ts - OPEN for e in events] == sorted(e.ts - OPEN for e in events)
    spy = [type(e).__name__ for e in events if e.con_id == SPY]
    assert spy == ["QuoteTick", "TradeTick", "QuoteTick", "TradeTick"]


def test_a_bar_is_played_as_open_nearer_extreme_other_extreme_close(tmp_path: Path) -> None:
    write(
        tmp_path,
        "SPY_minute",
        [0.0, 60.0],
        open=[10.0, 10.4],
        high=[10.5, 10.5],
        low=[9.9, 9.0],
        close=[10.4, 9.5],
        volume=[103, 4],
    )
    events = everything(play(tmp_path))

    assert prints_of(events) == [
        (0, 10.0, 25),
        (20, 9.9, 25),
        (40, 10.5, 25),
        (59.94, 10.4, 28),
        (60, 10.4, 1),
        (80, 10.5, 1),
        (100, 9.0, 1),
        (119.94, 9.5, 1),
    ]


def test_bars_of_the_tape_are_the_bars_it_was_made_from(tmp_path: Path) -> None:
    rows: dict[str, Any] = {
        "open": [10.0, 10.4, 9.6],
        "high": [10.5, 10.5, 9.6],
        "low": [9.9, 9.0, 9.6],
        "close": [10.4, 9.5, 9.6],
        "volume": [103, 40, 5],
    }
    write(tmp_path, "SPY_minute", [0.0, 60.0, 120.0], **rows)
    market = play(tmp_path)
    everything(market)

    bars = market.bars(SPY, end=OPEN + 180, count=9, seconds=60, what="TRADES", rth=True)
    assert [bar.start - OPEN for bar in bars] == [0, 60, 120]
    for name, values in rows.items():
        assert [getattr(bar, name) for bar in bars] == values


def test_history_is_the_tape_so_far_and_never_what_comes_later(tmp_path: Path) -> None:
    write(tmp_path, "SPY_trade", [float(n) for n in range(60)], price=[10.0] * 60, size=[2] * 60)
    market = play(tmp_path, start=OPEN + 29)

    bars = market.bars(SPY, end=OPEN + 1000, count=99, seconds=5, what="TRADES", rth=True)
    assert [bar.start - OPEN for bar in bars] == [0, 5, 10, 15, 20]
    assert all((bar.volume, bar.count, bar.wap) == (10, 5, 10.0) for bar in bars)


def test_quote_bars_play_both_sides_and_leave_a_missing_side_empty(tmp_path: Path) -> None:
    sides: dict[str, Any] = {f"bid_{name}": [10.0, NAN] for name in ("open", "high", "low", "close")}
    sides |= {f"ask_{name}": [10.2, 10.3] for name in ("open", "high", "low", "close")}
    write(tmp_path, "SPY_minute_quote", [0.0, 60.0], bid_size=[4, 0], ask_size=[5, 6], **sides)

    assert quotes_of(everything(play(tmp_path))) == [(10.0, 4, 10.2, 5), (0.0, 0, 10.3, 6)]


def test_depth_is_the_recorded_book_without_levels_that_do_not_exist(tmp_path: Path) -> None:
    write(
        tmp_path,
        "SPY_book",
        [0.0, 1.0],
        bid_px_0=[10.0, 10.0],
        bid_sz_0=[3, 3],
        ask_px_0=[10.1, 10.1],
        ask_sz_0=[4, 4],
        bid_px_1=[9.9, NAN],
        bid_sz_1=[7, 0],
        ask_px_1=[10.2, 10.2],
        ask_sz_1=[8, 9],
    )
    events = everything(play(tmp_path))

    depths = [(e.bids, e.asks) for e in events if isinstance(e, DepthTick)]
    assert depths[0] == (((10.0, 3), (9.9, 7)), ((10.1, 4), (10.2, 8)))
    assert depths[1] == (((10.0, 3),), ((10.1, 4), (10.2, 9)))


def test_without_a_book_depth_is_the_quote(tmp_path: Path) -> None:
    write(tmp_path, "SPY_quote", [0.0], bid=[9.0], bid_size=[2], ask=[9.1], ask_size=[3])
    market = play(tmp_path)
    everything(market)

    depth = market.depth(SPY)
    assert depth is not None
    assert (depth.bids, depth.asks) == (((9.0, 2),), ((9.1, 3),))


def test_finer_files_are_played_instead_of_coarser_ones_and_it_is_said(tmp_path: Path) -> None:
    bar = {"open": [1.0], "high": [1.0], "low": [1.0], "close": [1.0], "volume": [9]}
    write(tmp_path, "SPY_trade", [1.0], price=[10.0], size=[5])
    path = write(tmp_path, "SPY_minute", [0.0], **bar)
    (tmp_path / "tape.toml").write_text('[files."SPY_minute.parquet"]\nbar_seconds = 60\n')
    market = play(tmp_path)

    assert prints_of(everything(market)) == [(1, 10.0, 5)]
    assert market.notes == (f"{path.name}: not played, finer files carry the same",)


def test_tape_toml_can_skip_a_file_and_say_a_kind(tmp_path: Path) -> None:
    write(tmp_path, "SPY_open_interest", [1.0], open_interest=[5])
    write(
        tmp_path,
        "SPY_trade",
        [2.0],
        price=[10.0],
        size=[5],
        open=[1.0],
        high=[1.0],
        low=[1.0],
        close=[1.0],
        volume=[1],
    )
    (tmp_path / "tape.toml").write_text(
        '[files."SPY_open_interest.parquet"]\nkind = "ignore"\n[files."SPY_trade.parquet"]\nkind = "trades"\n'
    )

    assert prints_of(everything(play(tmp_path))) == [(2, 10.0, 5)]


def test_tape_toml_names_the_symbol_of_a_file(tmp_path: Path) -> None:
    write(tmp_path, "monday", [1.0], price=[10.0], size=[5])
    (tmp_path / "tape.toml").write_text('[files."monday.parquet"]\nsymbol = "SPY"\n')

    assert list(play(tmp_path).contracts) == [SPY]


def test_a_symbol_the_exchange_does_not_know_is_listed_as_a_stock(tmp_path: Path) -> None:
    write(tmp_path, "lobster_GOOG_trade", [1.0], price=[10.0], size=[5])
    [contract] = play(tmp_path).contracts.values()

    assert (contract.symbol, contract.sec_type, contract.min_tick) == ("GOOG", "STK", 0.01)
    assert 900_000 <= contract.con_id < 1_000_000


def test_futures_are_told_apart_by_symbol_or_by_expiry(tmp_path: Path) -> None:
    write(tmp_path, "cme_mixed", [1.0, 2.0], price=[10.0, 11.0], size=[1, 1], symbol=["ESZ6", "NQH7"])
    write(tmp_path, "gc_tick", [1.0, 2.0], price=[10.0, 11.0], size=[1, 1], expiry=["202612", "202702"])

    found = {contract.local_symbol for contract in play(tmp_path).contracts.values()}
    assert found == {"ESZ6", "NQH7", "GCZ6", "GCG7"}


def test_a_row_of_action_t_is_a_print_and_its_side_the_aggressor(tmp_path: Path) -> None:
    write(
        tmp_path,
        "cme_esz6_mbp1",
        [1.0, 2.0],
        action=["T", "A"],
        side=["A", "B"],
        price=[10.0, 9.75],
        size=[3, 9],
        bid=[10.0, 10.0],
        bid_size=[5, 5],
        ask=[10.25, 10.25],
        ask_size=[6, 6],
    )

    [trade] = [event for event in everything(play(tmp_path)) if isinstance(event, TradeTick)]
    assert (trade.price, trade.size, trade.aggressor) == (10.0, 3, -1)


def test_executions_in_a_message_file_print_before_the_book_they_leave(tmp_path: Path) -> None:
    write(
        tmp_path,
        "lobster_SPY_message",
        [1.0, 1.0, 2.0],
        type=[1, 4, 7],
        order_id=[1, 1, 0],
        size=[5, 2, 0],
        price=[10.1, 10.1, -1.0],
        direction=[-1, -1, -1],
    )
    write(
        tmp_path,
        "lobster_SPY_book",
        [1.0, 1.0, 2.0],
        bid_px_0=[10.0] * 3,
        bid_sz_0=[1] * 3,
        ask_px_0=[10.1] * 3,
        ask_sz_0=[5, 3, 3],
    )
    events = everything(play(tmp_path))

    assert [type(event).__name__ for event in events] == [
        "QuoteTick",
        "DepthTick",
        "TradeTick",
        "QuoteTick",
        "DepthTick",
        "DepthTick",
    ]
    assert isinstance(events[2], TradeTick)
    assert (events[2].size, events[2].aggressor) == (2, 1)


@settings(max_examples=examples(25), deadline=None)
@given(cuts=st.lists(st.floats(0, 70), max_size=6), restart=st.floats(0, 60))
def test_how_a_tape_is_advanced_or_resumed_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[float], restart: float
) -> None:
    folder = tmp_path_factory.mktemp("tape")
    write(
        folder,
        "SPY_trade",
        [n * 0.7 for n in range(90)],
        price=[10.0 + n % 7 for n in range(90)],
        size=[1] * 90,
    )
    whole = everything(play(folder))

    market = play(folder)
    chunked = [event for cut in [*sorted(cuts), 1e6] for event in market.advance(OPEN + cut)]
    resumed = play(folder, start=OPEN + restart)

    assert chunked == whole
    assert everything(resumed) == [event for event in whole if event.ts > OPEN + restart]


def test_the_end_of_the_tape_is_told(tmp_path: Path) -> None:
    write(tmp_path, "SPY_trade", [1.0], price=[10.0], size=[5])
    market = play(tmp_path)
    assert market.next_time() == OPEN + 1
    everything(market)

    assert market.next_time() is None


def test_the_session_of_a_tape_is_its_own(tmp_path: Path) -> None:
    write(tmp_path, "SPY_trade", [0.0, 3600.0], price=[10.0, 11.0], size=[5, 5])
    plain = GatewaySettings(state_dir="", tape=str(tmp_path), start_at="10:00")
    date = choose_session(plain, today=dt.date(2026, 12, 24))

    assert start_time(plain, date) == OPEN + 1800
    market = make_market(plain, session_date=date)
    assert market.next_time() == OPEN + 3600
    assert market.last_trade(SPY) is not None
