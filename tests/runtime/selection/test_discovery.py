"""Futures that nobody named are found, one contract each, watched as far as lines go, traded by who asks."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from engine.api import EngineState
from engine.broker.port import Fetched
from engine.config import Config
from engine.domain.instrument import Instrument, PriceStep
from engine.domain.market import Bar
from engine.runtime.selection.discovery import RETRY_S, FuturesDiscovery
from engine.runtime.selection.universe import HOUR_S, UniverseWatch
from tests.builders import TEN, future
from tests.runtime.selection.test_lines import Lines, lines
from tests.virtual_time import pass_time, virtual

pytestmark = pytest.mark.req("FUT-F2", "FUT-RISK-1")


def contract(root: str, key: str, days: int, exchange: str = "CME") -> Instrument:
    """One that lasts so many days from now."""
    last: date = (TEN + timedelta(days=days)).date()
    cents = (PriceStep(0.0, 0.01),)
    named = replace(future(key), symbol=root, exchange=exchange, last_trade_date=last)
    return replace(named, con_id=zlib.crc32(key.encode()), min_tick=0.01, price_steps=cents)


def watched(here: Lines) -> list[str]:
    """Who has a line, books aside."""
    return [key for key in here.watched if not key.endswith(" depth")]


def hours_of(key: str, value_usd: float) -> Fetched[tuple[Bar, ...]]:
    """One hour in which that much was traded, of a contract of 50 a point."""
    return Fetched((Bar(key, TEN, 100.0, 100.0, 100.0, 100.0, round(value_usd / 5000.0), HOUR_S),))


def _searching(config: Config, *, lines_most: int, exchanges: tuple[str, ...]) -> Config:
    section = config.universe.futures.model_copy(update={"discover": True, "exchanges": exchanges})
    universe = config.universe.model_copy(update={"futures": section})
    data = config.market_data.model_copy(update={"max_lines": lines_most})
    return config.model_copy(update={"universe": universe, "market_data": data})


def discovery_in(
    here: Lines, *, most: int = 100, exchanges: tuple[str, ...] = ("CME",)
) -> tuple[FuturesDiscovery, UniverseWatch]:
    """One that looks, and the universe it tells."""
    desk, broker = here.rig.desk, here.rig.broker
    desk.config = _searching(desk.config, lines_most=most, exchanges=exchanges)
    desk.state = EngineState.READY
    universe = UniverseWatch(desk, broker=broker, spawn=here.rig.spawn)
    found = FuturesDiscovery(
        desk, broker=broker, markets=here.markets, universe=universe, spawn=here.rig.spawn
    )
    return found, universe


def _lists(here: Lines, *contracts: Instrument, **value_usd: float) -> None:
    here.rig.broker.chains[""] = Fetched(contracts)
    for key, value in value_usd.items():
        here.rig.broker.history_by_length[key, HOUR_S] = hours_of(key, value)


@virtual
async def test_each_root_has_its_most_traded_contract_that_does_not_end_soon_and_a_line(
    tmp_path: Path,
) -> None:
    async with lines(tmp_path, most=100) as here:
        found, universe = discovery_in(here)
        _lists(
            here,
            contract("AA", "AAX6", -1),
            contract("AA", "AAZ6", 20),
            contract("AA", "AAH7", 110),
            contract("BB", "BBZ6", 20),
            contract("BB", "BBH7", 110),
            contract("CC", "CCX6", 2),
            AAZ6=5e9,
            AAH7=1e9,
            BBZ6=1e9,
            BBH7=8e9,
        )
        await here.markets.prepare(data_lost=True)

        await found.round()
        await pass_time(1.0)

        assert watched(here) == ["AAZ6", "AMD", "BBH7", "QQQ", "SPY"]
        (said,) = [e.text for e in here.rig.desk.notices.events if e.text.startswith("discovery")]
        assert said == (
            "discovery: 2 futures, most traded first: BBH7, AAZ6; without a contract to trade: CC@CME"
        )
        assert here.running.keys == {"AMD", "QQQ", "SPY"}, "nobody asked to trade them"
        universe.look()
        rows = {row.symbol: row for row in here.rig.desk.selection.universe}
        assert rows["CC@CME"].code == "no_contract"
        assert {"AAZ6", "BBH7"} <= set(rows)


@virtual
async def test_a_root_that_is_new_at_the_broker_appears_on_the_next_day(tmp_path: Path) -> None:
    async with lines(tmp_path, most=100) as here:
        found, _ = discovery_in(here)
        _lists(here, contract("AA", "AAZ6", 20), AAZ6=5e9)
        await here.markets.prepare(data_lost=True)
        await found.round()
        await pass_time(1.0)
        _lists(here, contract("AA", "AAZ6", 20), contract("DD", "DDZ6", 20), AAZ6=5e9, DDZ6=1e9)

        await found.round()
        await pass_time(1.0)
        assert "DDZ6" not in watched(here), "it looks once a day"
        await pass_time(15 * 3600.0)
        await found.round()
        await pass_time(1.0)

        assert "DDZ6" in watched(here)


@virtual
async def test_a_strategy_trades_the_most_traded_of_them_as_many_as_it_asks_for(tmp_path: Path) -> None:
    async with lines(tmp_path, most=100) as here:
        here.running.from_futures = 1
        found, _ = discovery_in(here)
        _lists(here, contract("AA", "AAZ6", 20), contract("BB", "BBZ6", 20), AAZ6=1e9, BBZ6=5e9)
        await here.markets.prepare(data_lost=True)

        await found.round()
        await pass_time(1.0)

        assert here.running.discovered == ("BB@CME",)
        assert here.rig.desk.margins.keys() == {"BBZ6"}, "what is only watched needs none"
        assert here.running.keys == {"AMD", "BBZ6", "QQQ", "SPY"}


@virtual
async def test_with_few_lines_what_strategies_trade_comes_first_then_the_most_traded(tmp_path: Path) -> None:
    async with lines(tmp_path, most=8) as here:
        found, universe = discovery_in(here, most=8)
        _lists(here, contract("AA", "AAZ6", 20), contract("BB", "BBZ6", 20), AAZ6=1e9, BBZ6=5e9)
        await here.markets.prepare(data_lost=True)
        await found.round()
        await pass_time(1.0)

        await universe.prepare()
        await here.settle()

        assert watched(here) == ["AMD", "BBZ6", "QQQ", "SPY"]
        assert here.rig.desk.selection.lines.left_out == ("AAZ6",)


@virtual
async def test_a_broker_that_lists_no_exchange_whole_is_asked_root_by_root(tmp_path: Path) -> None:
    async with lines(tmp_path, most=100) as here:
        found, _ = discovery_in(here)
        here.rig.broker.chains[""] = Fetched(None, "error 200")
        here.rig.broker.chains["ES"] = Fetched((contract("ES", "ESZ6", 20),))
        await here.markets.prepare(data_lost=True)

        await found.round()
        await pass_time(1.0)

        assert "ESZ6" in watched(here)


@virtual
async def test_a_broker_that_lists_nothing_is_told_and_asked_again(tmp_path: Path) -> None:
    async with lines(tmp_path, most=100) as here:
        found, _ = discovery_in(here, exchanges=("EUREX",))
        here.rig.broker.chains[""] = Fetched(None, "error 200")
        await here.markets.prepare(data_lost=True)
        await found.round()
        await pass_time(1.0)
        assert any("lists no future of EUREX" in e.text for e in here.rig.desk.notices.events)

        _lists(here, contract("AA", "AAZ6", 20, exchange="EUREX"), AAZ6=5e9)
        await pass_time(RETRY_S)
        await found.round()
        await pass_time(1.0)

        assert "AAZ6" in watched(here)


@virtual
async def test_what_is_held_does_not_roll_before_it_is_out(tmp_path: Path) -> None:
    async with lines(tmp_path, most=100) as here:
        here.running.from_futures = 1
        found, _ = discovery_in(here)
        near, following = contract("AA", "AAZ6", 20), contract("AA", "AAH7", 110)
        _lists(here, near, following, AAZ6=5e9, AAH7=1e9)
        await here.markets.prepare(data_lost=True)
        await found.round()
        await pass_time(1.0)
        await here.rig.enter(1, key="AAZ6")
        _lists(here, near, following, AAZ6=1e9, AAH7=5e9)

        await pass_time(15 * 3600.0)
        await found.round()
        await pass_time(1.0)

        assert "AAZ6" in here.running.keys
        assert "AAH7" not in watched(here)


@virtual
async def test_books_are_asked_for_the_most_needed_futures_only(tmp_path: Path) -> None:
    async with lines(tmp_path, most=100) as here:
        found, _ = discovery_in(here)
        keys = [f"{name}Z6" for name in ("AA", "BB", "CC", "DD")]
        _lists(here, *(contract(key[:2], key, 20) for key in keys), **dict.fromkeys(keys, 5e9))
        await here.markets.prepare(data_lost=True)

        await found.round()
        await pass_time(1.0)
        await here.markets.move_lines()

        assert [key for key in here.watched if key.endswith(" depth")] == [f"{key} depth" for key in keys[:3]]


@virtual
@pytest.mark.req("FUT-F4")
@pytest.mark.parametrize(("learns", "books"), [(True, ["AAZ6 depth"]), (False, [])])
async def test_without_discovery_only_what_is_learnt_from_has_a_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learns: bool, books: list[str]
) -> None:
    async with lines(tmp_path, most=100) as here:
        one = contract("AA", "AAZ6", 20)
        here.rig.broker.chains["AA"] = Fetched((one,))
        here.running.symbols = ("AA@CME",)
        monkeypatch.setattr(type(here.running.strategy), "learns", learns)

        await here.markets.prepare(data_lost=True)
        await pass_time(1.0)

        assert "AAZ6" in here.running.keys
        assert [key for key in here.watched if key.endswith(" depth")] == books
