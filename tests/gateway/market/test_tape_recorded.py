"""Real recorded days as tapes. Skipped aloud where the recorded data is not at hand (COCKPIT_DATA)."""

from __future__ import annotations

import os
from bisect import bisect_right
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine.gateway.instruments import load_instruments
from engine.gateway.model import DepthTick, QuoteTick, TradeTick
from engine.gateway.tape import TapeMarket

DATA = Path(os.environ.get("COCKPIT_DATA", Path(__file__).parents[4] / "shared" / "data"))
FOREVER = 4e9

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded data at {DATA}; set COCKPIT_DATA")


def play(folder: Path, *files: str, start: float = 0.0) -> TapeMarket:
    for name in files:
        (folder / Path(name).name).symlink_to(DATA / name)
    return TapeMarket(folder, load_instruments(), start=start)


def rows(name: str) -> list[dict[str, Any]]:
    return pq.read_table(DATA / name).to_pylist()


@pytest.mark.parametrize("symbol", ["SPY", "IBM"])
def test_prints_of_a_recorded_day_make_exactly_its_five_second_bars(tmp_path: Path, symbol: str) -> None:
    market = play(tmp_path, f"equities/tick/{symbol}_20131007_trade.parquet")
    market.seek(FOREVER)
    [con_id] = market.contracts

    made = market.bars(con_id, end=FOREVER, count=100_000, seconds=5, what="TRADES", rth=False)
    names = ("open", "high", "low", "close", "volume", "count")
    wanted = rows(f"equities/bars_5s/{symbol}_20131007.parquet")
    assert len(made) == len(wanted) > 3000
    for bar, row in zip(made, wanted, strict=True):
        assert bar.start == row["ts"].timestamp()
        assert [getattr(bar, name) for name in names] == [row[name] for name in names]
        assert bar.wap == pytest.approx(row["wap"], abs=1e-5)


def test_recorded_quotes_of_es_replay_row_by_row(tmp_path: Path) -> None:
    name = "futures/cme_esu4_20240701_2358_mbp1.parquet"
    market = play(tmp_path, name)
    events = market.advance(FOREVER)

    quotes: list[tuple[float, int, float, int]] = []
    for row in rows(name):
        quote = (row["bid"], row["bid_size"], row["ask"], row["ask_size"])
        if not quotes or quotes[-1] != quote:
            quotes.append(quote)
    assert [event[2:] for event in events if isinstance(event, QuoteTick)] == quotes
    trades = [event for event in events if isinstance(event, TradeTick)]
    wanted = rows("futures/cme_esu4_20240701_2358_trades.parquet")
    sides = {"B": 1, "A": -1}
    assert [(t.price, t.size, t.aggressor) for t in trades] == [
        (row["price"], row["size"], sides[row["aggressor"]]) for row in wanted
    ]
    assert [contract.local_symbol for contract in market.contracts.values()] == ["ESU4"]


def test_depth_of_a_recorded_book_equals_the_file_after_every_message(tmp_path: Path) -> None:
    stem = "l2_equities/lobster_GOOG_20120621_l10"
    market = play(tmp_path, f"{stem}_book.parquet", f"{stem}_message.parquet")
    books = pq.read_table(DATA / f"{stem}_book.parquet")
    columns = {name: books.column(name).to_pylist() for name in books.column_names if name != "ts"}

    first = market.next_time()
    assert first is not None
    depths = [event for event in market.advance(first + 1200) if isinstance(event, DepthTick)]
    assert len(depths) > 5000
    for row, depth in enumerate(depths):
        for side, levels in (("bid", depth.bids), ("ask", depth.asks)):
            wanted = tuple(
                (columns[f"{side}_px_{n}"][row], columns[f"{side}_sz_{n}"][row]) for n in range(10)
            )
            assert levels == wanted


@pytest.mark.req("FUT-F3")
def test_the_book_of_es_replays_ten_levels_deep_once_it_is_no_longer_crossed(tmp_path: Path) -> None:
    stem = "l2_futures/cme_esh4_20231225"
    market = play(tmp_path, f"{stem}_mbp10_to2330.parquet", f"{stem}_trades_to2330.parquet")
    events = market.advance(FOREVER)

    assert [contract.local_symbol for contract in market.contracts.values()] == ["ESH4"]
    assert "143 rows dropped: crossed" in " ".join(market.notes)
    assert sum(isinstance(event, TradeTick) for event in events) == 1865
    depths = [event for event in events if isinstance(event, DepthTick)]
    assert len(depths) == 20_478 - 143
    deep = [depth for depth in depths if len(depth.bids) == len(depth.asks) == 10]
    assert len(deep) > 0.9 * len(depths)
    for depth in depths[:: len(depths) // 200]:
        assert [price for price, _ in depth.bids] == sorted((p for p, _ in depth.bids), reverse=True)
        assert [price for price, _ in depth.asks] == sorted(p for p, _ in depth.asks)


@pytest.mark.req("FUT-F3")
def test_the_changes_of_a_perpetuals_book_make_the_touch_that_its_quotes_recorded(tmp_path: Path) -> None:
    stem = "l2_futures/binance_BTCUSD_PERP_20240808"
    market = play(tmp_path, f"{stem}_depth.parquet")
    first = market.next_time()
    assert first is not None
    books = [e for e in market.advance(first + 20.0) if isinstance(e, DepthTick)]

    assert len(books) > 500
    assert all(len(book.bids) == len(book.asks) == 10 for book in books)
    assert all(book.bids[0][0] < book.asks[0][0] for book in books)
    assert any("before a snapshot" in note for note in market.notes)
    quoted = pq.read_table(DATA / f"{stem}_quotes.parquet", columns=["ts", "bid", "ask"])
    at = [stamp.timestamp() for stamp in quoted.column("ts").slice(0, 4000).to_pylist()]
    bids, asks = (quoted.column(name).slice(0, 4000).to_pylist() for name in ("bid", "ask"))
    same = [
        (book.bids[0][0], book.asks[0][0]) == (bids[index], asks[index])
        for book in books
        if (index := bisect_right(at, book.ts) - 1) >= 0
    ]
    assert sum(same) > 0.9 * len(same) > 400


def test_minutes_of_es_keep_their_expiries_apart_and_add_up_again(tmp_path: Path) -> None:
    name = "futures/es_minute_201310_trade.parquet"
    market = play(tmp_path, name, "futures/es_minute_201310_quote.parquet")
    market.seek(FOREVER)
    front = next(c for c in market.contracts.values() if c.local_symbol == "ESZ3")

    wanted = {
        row["ts"].timestamp(): row for row in rows(name) if row["expiry"] == "201312" and row["volume"] >= 4
    }
    made = market.bars(front.con_id, end=FOREVER, count=100_000, seconds=60, what="TRADES", rth=False)
    compared = [bar for bar in made if bar.start in wanted]
    assert len(compared) > 5000
    for bar in compared:
        row = wanted[bar.start]
        assert (bar.open, bar.high, bar.low, bar.close) == tuple(
            row[part] for part in ("open", "high", "low", "close")
        )
        assert bar.volume == row["volume"]
    assert any("crossed" in note for note in market.notes)
    assert any("volume zero" in note for note in market.notes)


def test_forward_filled_quotes_that_cross_are_dropped_and_counted(tmp_path: Path) -> None:
    market = play(tmp_path, "equities/tick/IBM_20131007_quote.parquet")
    events = market.advance(FOREVER)

    assert all(e.bid <= e.ask or e.ask == 0 for e in events if isinstance(e, QuoteTick))
    assert any("crossed" in note for note in market.notes)


def test_the_dirty_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="time goes backwards"):
        play(tmp_path, "equities/etf_1m/yahoo_SPY_DIRTY_20191213_20200116.parquet")
