"""A recorded day as the market of the whole cockpit: its prices reach the engine, the book and the fills."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from engine.broker.ibkr import IbkrBroker
from engine.broker.wire import ConnectionSettings
from engine.gateway.codec import Field
from engine.runtime.process.gateway_process import running_gateway
from tests.broker.hearing import Hearing
from tests.e2e.live import ONE_STOCK, Live, live
from tests.gateway.wire.test_trading import place_fields
from tests.gateway.wire.world import running
from tests.process.terminal import Place
from tests.waiting import eventually_async

pytestmark = pytest.mark.slow

DATA = Path(os.environ.get("COCKPIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
recorded = pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded data at {DATA}; set COCKPIT_DATA")
NEW_YORK = ZoneInfo("US/Eastern")
MORNING = dt.datetime(2026, 11, 20, 9, 55, tzinfo=NEW_YORK)


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """An empty folder for a tape."""
    folder = tmp_path / "tape"
    folder.mkdir()
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder that no gateway outlives."""
    folder = tmp_path / "state"
    folder.mkdir()
    yield folder
    assert running_gateway(folder) is None


@pytest.fixture
def cockpit() -> Iterator[Place]:
    """A place of its own with a short path: a socket's may have only 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="ck-") as name:
        place = Place(Path(name))
        (place.folder / "cockpit.toml").write_text(f'[state]\ndir = "{place.state}"\n')
        yield place
        assert running_gateway(place.state) is None


def link(folder: Path, *names: str) -> None:
    """Put recorded files on the tape."""
    for name in names:
        (folder / Path(name).name).symlink_to(DATA / name)


def cut(folder: Path, name: str, *, begin: dt.datetime, end: dt.datetime) -> pa.Table:
    """Put a stretch of a recorded file on the tape."""
    table = pq.read_table(DATA / name)
    stamps = table.column("ts")
    table = table.filter(pc.and_(pc.greater_equal(stamps, begin), pc.less(stamps, end)))
    pq.write_table(table, folder / Path(name).name)
    return table


def small_tape(folder: Path, *, minutes: int = 40) -> None:
    """Prints and quotes of SPY that climb a cent every ten seconds; both sides are wide and known."""
    seconds = range(minutes * 60)
    first = round(MORNING.timestamp())
    stamps = pa.array([(first + second) * 10**9 for second in seconds], pa.timestamp("ns", "UTC"))
    bids = [round(500.0 + second // 10 / 100, 2) for second in seconds]
    asks = [round(bid + 0.03, 2) for bid in bids]
    quotes = {
        "ts": stamps,
        "bid": bids,
        "bid_size": [900] * len(bids),
        "ask": asks,
        "ask_size": [800] * len(bids),
    }
    pq.write_table(pa.table(quotes), folder / "SPY_20261120_quote.parquet")
    prints = {"ts": stamps, "price": asks, "size": [100] * len(asks)}
    pq.write_table(pa.table(prints), folder / "SPY_20261120_trade.parquet")


async def entered(here: Live, symbol: str) -> float:
    """The price of the first fill of the scripted entry."""
    await here.ready()
    await here.until(
        lambda s: any(p.symbol == symbol and p.quantity for p in s.positions), why=f"no position in {symbol}"
    )
    fill = here.snapshot.fills[0]
    assert (fill.symbol, fill.side) == (symbol, "BUY")
    return fill.price


def script(*symbols: str) -> dict[str, object]:
    return {"script": {**ONE_STOCK, "symbols": list(symbols)}}


async def test_a_small_tape_is_the_market_and_fills_at_its_quote(tape: Path, state: Path) -> None:
    small_tape(tape)
    async with live(state, tape=tape, strategies=script("SPY")) as here:
        price = await entered(here, "SPY")

        elapsed = (here.snapshot.fills[0].at - MORNING).total_seconds()
        asks = {round(500.03 + second // 10 / 100, 2) for second in range(int(elapsed) - 1, int(elapsed) + 2)}
        assert price in asks
        assert here.snapshot.positions[0].protected_quantity == here.snapshot.positions[0].quantity


@recorded
async def test_a_recorded_day_of_spy_is_the_market_of_the_cockpit(tape: Path, state: Path) -> None:
    second = "equities/second/SPY_20131007_20131009_quote.parquet"
    link(tape, "equities/tick/SPY_20131007_trade.parquet", second)
    async with live(state, tape=tape, strategies=script("SPY")) as here:
        price = await entered(here, "SPY")

        at = here.snapshot.fills[0].at
        assert at.astimezone(NEW_YORK).date() == dt.date(2013, 10, 7)
        assert price in asks_around(DATA / second, at)


@recorded
async def test_a_recorded_day_of_es_is_the_market_of_the_cockpit(tape: Path, state: Path) -> None:
    day = dt.datetime(2013, 10, 7, 13, 30, tzinfo=dt.UTC)
    for kind in ("quote", "trade"):
        name = f"futures/es_minute_201310_{kind}.parquet"
        cut(tape, name, begin=day, end=day + dt.timedelta(hours=6))
    async with live(state, tape=tape, strategies=script("ES@CME"), speed=20.0) as here:
        price = await entered(here, "ESZ3")

        assert price in asks_around(
            tape / "es_minute_201310_quote.parquet", here.snapshot.fills[0].at, expiry="201312"
        )


def asks_around(path: Path, at: dt.datetime, *, expiry: str = "") -> set[float]:
    """The asks recorded in the two minutes before and the second after an instant."""
    table = pq.read_table(path)
    stamps = table.column("ts")
    begin, end = at - dt.timedelta(minutes=2), at + dt.timedelta(seconds=1)
    table = table.filter(pc.and_(pc.greater_equal(stamps, begin), pc.less_equal(stamps, end)))
    if expiry:
        table = table.filter(pc.equal(table.column("expiry"), expiry))
    return {
        value
        for name in ("open", "high", "low", "close")
        for value in table.column(f"ask_{name}").to_pylist()
    }


@recorded
async def test_recorded_depth_reaches_our_own_book_row_by_row(tape: Path, state: Path) -> None:
    book = "l2_equities/lobster_GOOG_20120621_l10_book.parquet"
    link(tape, book, book.replace("book", "message"))
    known = books_of(DATA / book)
    async with live(state, tape=tape, strategies=script("GOOG"), speed=1.0) as here:
        await here.ready()
        hearing = Hearing()
        eye = IbkrBroker(ConnectionSettings(port=here.endpoint.port, client_id=98))
        await eye.connect(hearing)
        try:
            fetched = await eye.instruments("GOOG", "STK", "SMART")
            assert fetched.value is not None, fetched.error
            eye.subscribe_depth(fetched.value[0], 10)
            await eventually_async(
                lambda: len({d.bids + d.asks for d in hearing.books} & known) >= 20, within_s=20.0
            )
        finally:
            await eye.disconnect()


def books_of(path: Path) -> set[tuple]:
    """Every recorded book as ten bids and ten asks of (price, size)."""
    columns = pq.read_table(path).to_pydict()
    sides = [
        zip(
            *(zip(columns[f"{side}_px_{n}"], columns[f"{side}_sz_{n}"], strict=True) for n in range(10)),
            strict=True,
        )
        for side in ("bid", "ask")
    ]
    return {bids + asks for bids, asks in zip(*sides, strict=True)}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("SPY_trade.parquet", b"PAR1 this is not it", "SPY_trade.parquet"),
        ("SPY_trade.parquet", b"", "SPY_trade.parquet"),
        ("notes.txt", b"no parquet here", "Parquet"),
    ],
)
def test_a_corrupt_tape_ends_the_command_with_file_and_reason(
    cockpit: Place, tape: Path, name: str, content: bytes, reason: str
) -> None:
    (tape / name).write_bytes(content)
    done = cockpit.run("--paper", "--headless", "--tape", str(tape))

    assert done.returncode == 2, done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


async def played_in_lockstep(folder: Path, tape: Path) -> list[list[str]]:
    """Everything a client is told of its orders while it works through a script, second by second."""
    async with running(folder, lockstep=True, tape=str(tape), session_date="") as world:
        client = await world.client()
        told: list[list[str]] = []
        for second in range(90):
            for fields in SCRIPT.get(second, ()):
                client.send(*fields)
            told += [row for row in await client.replies() if row[0] in OF_ORDERS]
        return told


OF_ORDERS = {"3", "4", "5", "11", "59"}
SCRIPT: dict[int, tuple[list[Field], ...]] = {
    1: (place_fields(1, "BUY", 100, "MKT"),),
    3: (place_fields(2, "BUY", 300, "LMT", limit=500.36, transmit=False),),
    4: (place_fields(3, "SELL", 300, "STP", stop=499.0, parent=2, tif="GTC"),),
    10: (place_fields(4, "SELL", 100, "LMT", limit=500.38),),
    60: (place_fields(5, "SELL", 2500, "MKT"),),
}


async def test_in_lockstep_the_same_script_over_the_same_tape_tells_the_same_orders_and_fills(
    tape: Path, tmp_path: Path
) -> None:
    small_tape(tape)

    first = await played_in_lockstep(tmp_path / "one", tape)
    again = await played_in_lockstep(tmp_path / "two", tape)

    assert first == again
    filled = {row[2] for row in first if row[0] == "11"}
    assert len(filled) == 4
    assert sum(row[0] == "11" for row in first) > len(filled)
