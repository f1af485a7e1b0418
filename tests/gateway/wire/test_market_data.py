"""Market data over the wire: what a client is told adds up to what the market did."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gateway import fanout
from engine.gateway.codec import FrameSplitter, split_fields
from engine.gateway.instruments import load_instruments
from engine.gateway.model import DepthTick
from engine.gateway.session import DepthLine
from tests.gateway.wire.world import DAY, ES, SPY, World, running

CONTRACT = next(iter(load_instruments().listing(DAY).values())).contract


class Recorder:
    """Stands where a session's socket is: keeps what would be sent."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []

    def send(self, payload: bytes) -> None:
        splitter = FrameSplitter()
        splitter.feed(payload)
        self.rows.append(split_fields(splitter.next_payload() or b""))


sides = st.lists(st.tuples(st.integers(1, 10**5).map(float), st.integers(1, 999)), max_size=10).map(tuple)


def shifted(book: list[tuple[float, int]], row: int, operation: int, level: tuple[float, int]) -> None:
    """A client's book that shifts rows, as the protocol says."""
    if operation == 0:
        book.insert(row, level)
    elif operation == 1:
        book[row] = level
    else:
        del book[row]


def overwritten(
    book: dict[int, tuple[float, int]], row: int, operation: int, level: tuple[float, int]
) -> None:
    """A client's book that overwrites rows, as one library does."""
    if operation == 2:
        book.pop(row)
    else:
        book[row] = level


@given(st.lists(st.tuples(sides, sides), min_size=1, max_size=12), st.booleans())
def test_both_kinds_of_client_book_follow_the_market(books: list[tuple], makers: bool) -> None:
    line = DepthLine(CONTRACT, rows=5, with_makers=makers, smart=makers)
    shifting: dict[str, list[tuple[float, int]]] = {"0": [], "1": []}
    writing: dict[str, dict[int, tuple[float, int]]] = {"0": {}, "1": {}}
    for bids, asks in books:
        recorder = Recorder()
        fanout.tell_depth(recorder, 4, line, DepthTick(0.0, CONTRACT.con_id, bids, asks))  # type: ignore[arg-type]  # sends only
        for row in recorder.rows:
            _, _, _, place, *rest = row
            operation, side, price, size = rest[1:5] if makers else rest
            level = (float(price), int(size))
            shifted(shifting[side], int(place), int(operation), level)
            overwritten(writing[side], int(place), int(operation), level)

        for side, truth in (("1", bids), ("0", asks)):
            assert shifting[side] == list(truth[:5])
            assert [writing[side][row] for row in sorted(writing[side])] == list(truth[:5])


def last_of(rows: list[list[str]], kind: int) -> float:
    return float([row for row in rows if row[0] == "1" and row[3] == str(kind)][-1][4])


async def test_level_1_tells_the_markets_quote_and_day(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        client.send(1, 11, 5, *SPY, 0, "233", 0, 0, "")
        rows = await client.replies()
        for _ in range(40):
            world.pass_time(0.5)
            rows += await client.replies()

        con_id, quote, last = market_of(world, "SPY")
        assert (last_of(rows, 1), last_of(rows, 2), last_of(rows, 4)) == (quote.bid, quote.ask, last.price)
        prices = [float(row[4]) for row in rows if row[0] == "1" and row[3] == "4"]
        assert last_of(rows, 6) >= max(prices)
        assert last_of(rows, 7) <= min(prices)
        assert last_of(rows, 9) == world.venue.market.previous_close(con_id)
        strings = {row[3] for row in rows if row[0] == "46"}
        assert strings == {"45", "48"}
        volumes = [int(row[4]) for row in rows if row[0] == "2" and row[3] == "8"]
        assert volumes == sorted(volumes)
        assert volumes[-1] > volumes[0]


def market_of(world: World, name: str) -> tuple:
    (con_id,) = (key for key, value in world.venue.contracts.items() if value.local_symbol == name)
    market = world.venue.market
    return con_id, market.quote(con_id), market.last_trade(con_id)


async def test_the_volume_told_is_that_of_the_days_bars(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        client.send(1, 11, 5, *SPY, 0, "", 0, 0, "")
        rows = await client.replies()
        for _ in range(60):
            world.pass_time(0.5)
        rows += await client.replies()

        con_id, _, _ = market_of(world, "SPY")
        session = world.venue.calendar.session(world.venue.contracts[con_id], world.venue.reached)
        assert session is not None
        slots = int((world.venue.reached - session.open) // 5)
        bars = world.venue.market.bars(
            con_id, end=world.venue.reached, count=slots, seconds=5, what="TRADES", rth=False
        )
        told = [int(row[4]) for row in rows if row[0] == "2" and row[3] == "8"][-1]
        assert told == sum(bar.volume for bar in bars if bar.start >= session.open)


async def test_a_snapshot_ends_and_takes_no_line(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        client.send(1, 11, 5, *ES, 0, "", 1, 0, "")
        rows = await client.replies()

        assert rows[-1] == ["57", "1", "5"]
        assert {"1", "2", "4", "9"} <= {row[3] for row in rows if row[0] == "1"}
        assert world.venue.lines_in_use() == 0


async def test_delayed_data_comes_under_its_own_tick_types(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        world.venue.faults.market_data_type = 3
        client = await world.client()
        client.send(1, 11, 5, *SPY, 0, "", 0, 0, "")
        rows = await client.replies()

        assert ["58", "1", "5", "3"] in rows
        kinds = {row[3] for row in rows if row[0] == "1"}
        assert {"66", "67", "68"} <= kinds
        assert not kinds & {"1", "2", "4"}


@pytest.mark.parametrize("kind", ["TRADES", "MIDPOINT", "BID"])
async def test_live_five_second_bars_are_historys_bars(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path, speed=10.0) as world:
        client = await world.client()
        client.send(50, 3, 8, *SPY, 5, kind, 0, "")
        await client.replies()
        world.pass_time(6)
        rows = [row for row in await client.replies() if row[0] == "50"]
        con_id, _, _ = market_of(world, "SPY")
        bars = world.venue.market.bars(
            con_id, end=world.venue.reached, count=len(rows), seconds=5, what=kind, rth=False
        )

        assert len(rows) == 12
        assert [(int(row[3]), float(row[7])) for row in rows] == [(bar.start, bar.close) for bar in bars]


async def test_living_history_forms_the_bar_that_history_then_has(tmp_path: Path) -> None:
    async with running(tmp_path, speed=10.0) as world:
        world.pass_time(1.7)
        client = await world.client()
        client.send(20, 6, *SPY, 0, "", "1 min", "600 S", 0, "TRADES", 2, 1, "")
        rows = await client.replies()
        world.pass_time(18)
        rows += await client.replies()
        finals = {row[3]: row for row in rows if row[0] == "90"}
        con_id, _, _ = market_of(world, "SPY")
        bars = world.venue.market.bars(
            con_id, end=world.venue.reached, count=3, seconds=60, what="TRADES", rth=False
        )

        assert len(finals) >= 4
        for bar in bars:
            _, _, count, _, first, last, high, low, _, volume = finals[str(int(bar.start))]
            assert (int(count), int(volume)) == (bar.count, bar.volume)
            assert (float(first), float(high), float(low), float(last)) == (
                bar.open,
                bar.high,
                bar.low,
                bar.close,
            )


@pytest.mark.parametrize(
    ("bar_size", "duration", "rth", "most"),
    [
        ("1 min", "1800 S", 0, 31),
        ("5 mins", "1 D", 1, 7),
        ("5 mins", "2 D", 1, 85),
        ("1 hour", "1 W", 1, 30),
        ("1 day", "1 M", 1, 22),
        ("5 secs", "300 S", 0, 61),
    ],
)
async def test_history_reaches_as_far_back_as_asked(
    tmp_path: Path, bar_size: str, duration: str, rth: int, most: int
) -> None:
    async with running(tmp_path) as world:
        world.pass_time(1)
        client = await world.client()
        client.send(20, 6, *SPY, 0, "", bar_size, duration, rth, "TRADES", 2, 0, "")
        (row,) = await client.replies()

        stamps = row[5::8]
        assert row[0] == "17"
        assert most - 2 <= int(row[4]) == len(stamps) <= most
        assert stamps == sorted(set(stamps))


@pytest.mark.parametrize(
    ("bar_size", "duration", "what", "end", "code"),
    [
        ("7 mins", "1 D", "TRADES", "", "321"),
        ("1 min", "5 F", "TRADES", "", "321"),
        ("1 min", "1 D", "NEWS", "", "321"),
        ("5 secs", "1 Y", "TRADES", "", "321"),
        ("1 min", "1 D", "TRADES", "tomorrow", "320"),
        ("1 min", "60 S", "TRADES", "19700102 00:00:00 UTC", "162"),
    ],
)
async def test_history_that_cannot_be_is_refused(
    tmp_path: Path, bar_size: str, duration: str, what: str, end: str, code: str
) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        client.send(20, 6, *SPY, 0, end, bar_size, duration, 1, what, 2, 0, "")
        (row,) = await client.replies()

        assert row[:4] == ["4", "2", "6", code]


async def test_small_bars_are_paced(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        for request in (1, 2):
            client.send(20, request, *SPY, 0, "", "5 secs", "60 S", 0, "TRADES", 2, 0, "")
        first, second = await client.replies()

        assert first[0] == "17"
        assert second[2:4] == ["2", "162"]
        assert "pacing violation" in second[4]


async def test_tick_by_tick_misses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        client.send(97, 3, *SPY, "AllLast", 0, 0)
        await client.replies()
        con_id, _, _ = market_of(world, "SPY")
        seen: list = []
        for _ in range(20):
            world.pass_time(0.5)
            seen += [row for row in await client.replies() if row[0] == "99"]
        truth = list(world.venue.recent_of(con_id).trades)

        assert [(float(row[4]), int(row[5])) for row in seen] == [(tick.price, tick.size) for tick in truth]
        assert len(seen) > 3


async def test_lockstep_moves_one_second_per_time_request_and_tells_the_second_first(tmp_path: Path) -> None:
    async with running(tmp_path, lockstep=True) as world:
        client = await world.client()
        client.send(97, 3, *SPY, "AllLast", 0, 0)
        start = world.venue.reached
        world.pass_time(100)
        assert world.venue.reached == start

        for step in range(1, 6):
            client.send(49, 1)
            rows = []
            while (row := await client.next())[0] != "49":
                rows.append(row)
            assert int(row[2]) == int(start) + step
            assert all(int(row[3]) < start + step for row in rows if row[0] == "99")


async def test_depth_of_a_tape_without_a_book_follows_its_quotes(tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    tape.mkdir()
    first = 1_795_186_800
    columns = {
        "ts": pa.array([(first + second) * 10**9 for second in range(20)], pa.timestamp("ns", "UTC")),
        "bid": [100.0 + second / 100 for second in range(20)],
        "bid_size": [100] * 20,
        "ask": [100.02 + second / 100 for second in range(20)],
        "ask_size": [200] * 20,
    }
    pq.write_table(pa.table(columns), tape / "SPY_20261120_quote.parquet")
    async with running(tmp_path / "state", tape=str(tape), session_date="") as world:
        world.pass_time(3)
        client = await world.client()
        client.send(10, 5, 4, *SPY, 5, 0, "")
        rows = await client.replies()
        world.pass_time(6)
        rows += [row for row in await client.replies() if row[0] == "13"]
        _, quote, _ = market_of(world, "SPY")

        assert [row[5] for row in rows[:2]] == ["0", "0"]
        assert float([row for row in rows if row[6] == "1"][-1][7]) == quote.bid
        assert float([row for row in rows if row[6] == "0"][-1][7]) == quote.ask
        assert {row[5] for row in rows[2:]} == {"1"}
