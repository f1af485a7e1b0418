"""Data lines of a run: moved to who needs them, asked for again where one goes silent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.api_selection import UniverseRow
from engine.broker.port import Fetched, LinkState, Notice
from engine.config import Config
from engine.domain.market import Bar
from engine.domain.setup import Setup
from engine.risk.selection import ProductStatus
from engine.runtime.keeping.checkpoint import Checkpoints, LastState
from engine.runtime.markets import Markets
from engine.runtime.running import Running
from engine.runtime.selection.lines import LineKeeper
from engine.runtime.trading import Trading
from engine.strategy import STRATEGIES
from tests.builders import TEN, quote, stock
from tests.execution.rig import Rig, rig
from tests.strategy.bars import bar
from tests.virtual_time import pass_time, virtual

KEYS = ("AMD", "QQQ", "SPY")


@dataclass
class Lines:
    """A desk with three instruments, and lines for so many of them."""

    rig: Rig
    markets: Markets
    running: Running
    keeper: LineKeeper

    def worth(self, **values: float) -> None:
        """What each trades."""
        rows = tuple(UniverseRow(key, 1, "", usd, 1.0) for key, usd in values.items())
        self.rig.desk.selection = replace(self.rig.desk.selection, universe=rows)

    async def settle(self) -> None:
        """A round, and what it begins."""
        await self.keeper.round()
        await pass_time(0.1)

    @property
    def watched(self) -> list[str]:
        return sorted(self.rig.broker.subscribed)


def _with_lines(config: Config, lines: int) -> Config:
    data = config.market_data.model_copy(update={"max_lines": lines})
    return config.model_copy(update={"market_data": data})


@asynccontextmanager
async def lines(folder: Path, *, most: int) -> AsyncIterator[Lines]:
    async with rig(folder) as here:
        here.desk.config = _with_lines(here.desk.config, most)
        kind = STRATEGIES.get("rules")
        running = Running(
            strategy=kind.create("rules", params={}, keys=()),
            make=lambda keys: kind.create("rules", params={}, keys=tuple(keys)),
            kind="rules",
            timeframe="1m",
            bar_seconds=60,
            allow_short=True,
            holds_overnight=False,
            symbols=KEYS,
        )
        trading = Trading(here.desk, executor=here.executor, running=(running,), spawn=here.spawn)
        for key in KEYS:
            here.broker.chains[key] = Fetched((stock(key),))
            here.broker.bars[key] = Fetched((bar(0, 100.0, key=key),))
        markets = Markets(
            here.desk,
            broker=here.broker,
            trading=trading,
            checkpoints=Checkpoints(here.desk, store=here.store, running=(running,), last=LastState()),
            spawn=here.spawn,
        )
        keeper = LineKeeper(here.desk, broker=here.broker, markets=markets, spawn=here.spawn)
        yield Lines(here, markets, running, keeper)


@virtual
@pytest.mark.req("FUT-RISK-1")
async def test_with_too_few_lines_the_most_traded_are_watched_and_the_rest_is_named(tmp_path: Path) -> None:
    async with lines(tmp_path, most=4) as here:
        here.worth(AMD=1e6, QQQ=9e6, SPY=5e6)
        await here.markets.prepare(data_lost=True)

        assert here.watched == ["QQQ", "SPY"]
        shown = here.rig.desk.selection.lines
        assert (shown.limit, shown.used, shown.left_out) == (4, 4, ("AMD",))
        assert "1 of 3 instruments: AMD" in here.rig.alerts("data_lines")[0]
        assert here.running.warm == {"QQQ", "SPY"}

        here.rig.desk.config = _with_lines(here.rig.desk.config, 100)
        await here.settle()
        assert here.watched == ["AMD", "QQQ", "SPY"]
        assert here.rig.alerts("data_lines") == []


@virtual
@pytest.mark.req("FUT-RISK-1")
async def test_an_account_with_fewer_lines_than_configured_is_believed_until_the_next_connection(
    tmp_path: Path,
) -> None:
    async with lines(tmp_path, most=100) as here:
        here.worth(AMD=1e6, QQQ=9e6, SPY=5e6)
        await here.markets.prepare(data_lost=True)
        assert here.watched == ["AMD", "QQQ", "SPY"]

        here.rig.broker.emit(Notice(101, "Max number of tickers has been reached", "QQQ"))
        await here.settle()
        assert here.watched == ["QQQ", "SPY"], (
            "the one that is needed least goes without, not the one refused"
        )
        shown = here.rig.desk.selection.lines
        assert (shown.limit, shown.used, shown.left_out) == (4, 4, ("AMD",))
        assert "no data line left for 1 of 3" in here.rig.alerts("data_lines")[0]
        assert here.running.warm == {"QQQ", "SPY"}
        for _ in range(3):
            await here.settle()
        assert here.watched == ["QQQ", "SPY"]

        await here.markets.prepare(data_lost=True)
        assert sorted(set(here.watched)) == ["AMD", "QQQ", "SPY"]


@virtual
@pytest.mark.req("FUT-RISK-1")
async def test_what_is_held_gets_a_line_at_once_and_the_least_needed_gives_it_up(tmp_path: Path) -> None:
    async with lines(tmp_path, most=4) as here:
        here.worth(AMD=1e6, QQQ=9e6, SPY=5e6)
        await here.markets.prepare(data_lost=True)
        here.rig.desk.quotes.on_quote(quote("SPY"))
        await here.rig.enter(10, key="AMD")
        await here.settle()

        assert here.watched == ["AMD", "QQQ"]
        assert here.running.warm == {"AMD", "QQQ"}, "its history was fed, and SPY's bars have ended"
        assert here.rig.desk.quotes.quote("SPY") is None, "an old price is none"
        assert here.rig.broker.subscribed.index("AMD") == 1, "a line was given up before one was asked for"


@virtual
@pytest.mark.req("FUT-RISK-1")
async def test_the_watch_list_goes_before_the_most_traded_by_its_score(tmp_path: Path) -> None:
    async with lines(tmp_path, most=2) as here:
        here.worth(AMD=1e6, QQQ=9e6, SPY=5e6)
        here.rig.desk.setups = {
            key: Setup(key=key, day=TEN.date(), resistance=101.0, support=99.0, score=score)
            for key, score in (("AMD", 60.0), ("SPY", 40.0))
        }
        await here.markets.prepare(data_lost=True)

        assert here.watched == ["AMD"]
        assert here.rig.desk.selection.lines.left_out == ("SPY", "QQQ")


@virtual
async def test_a_line_that_goes_silent_is_asked_for_again_with_growing_pauses(tmp_path: Path) -> None:
    async with lines(tmp_path, most=100) as here:
        await here.markets.prepare(data_lost=True)
        here.rig.broker.subscribed.clear()
        here.rig.broker.subscribed.extend(KEYS)
        asked: list[str] = []
        subscribe = here.rig.broker.subscribe
        here.rig.broker.subscribe = lambda i: (asked.append(i.key), subscribe(i))[1]  # type: ignore[func-returns-value,method-assign]
        for _ in range(200):
            here.rig.desk.quotes.on_quote(quote("SPY", at=here.rig.desk.now()))
            here.rig.desk.quotes.on_quote(quote("QQQ", at=here.rig.desk.now()))
            await here.settle()
            await pass_time(0.9)

        assert asked == ["AMD"] * 3, "after 30, 60 and 120 s"
        here.rig.desk.quotes.on_quote(quote("AMD", at=here.rig.desk.now()))
        await here.settle()
        assert here.rig.desk.notices.events[-1].text == "AMD: its line delivers again"


@virtual
@pytest.mark.parametrize("why", ["halted", "shut", "no line"])
async def test_where_nothing_is_expected_nothing_is_asked_for(tmp_path: Path, why: str) -> None:
    async with lines(tmp_path, most=100) as here:
        await here.markets.prepare(data_lost=True)
        before = len(here.rig.broker.log)
        if why == "halted":
            here.rig.desk.inputs.status = dict.fromkeys(KEYS, ProductStatus.HALTED)
        elif why == "shut":
            for key in KEYS:
                here.rig.desk.instruments[key] = stock(key, liquid_hours=())
        else:
            here.rig.desk.link = LinkState.BROKER_LOST
        for _ in range(100):
            await here.settle()
            await pass_time(0.9)

        assert not [e for e in here.rig.desk.notices.events if "asked for again" in e.text]
        assert len(here.rig.broker.log) == before


def _five(key: str, n: int) -> Bar:
    """The 5-second bar number `n` of the morning."""
    return Bar(key, TEN + timedelta(seconds=5 * (n + 1)), 100.0, 100.0, 100.0, 100.0, 100)


@virtual
@pytest.mark.req("PLAN-RISK-GAPS")
@pytest.mark.parametrize("known", [True, False])
async def test_bars_missed_on_a_lost_line_come_from_history_or_are_named_and_never_made_up(
    tmp_path: Path, known: bool
) -> None:
    async with lines(tmp_path, most=100) as here:
        desk, running = here.rig.desk, here.running
        running.bar_seconds = 5
        for key in KEYS:
            here.rig.broker.history_by_length[key, 5] = Fetched((_five(key, 0), _five(key, 1)))
        await here.markets.prepare(data_lost=True)
        desk.quotes.on_bar(_five("SPY", 2))
        desk.quotes.on_bar(_five("QQQ", 6))
        await pass_time(40.0)

        missing = range(3, 6) if known else ()
        found = tuple(_five("SPY", n) for n in (0, 1, 2, *missing, 6, 7))
        here.rig.broker.history_by_length["SPY", 5] = Fetched(found)
        desk.quotes.on_bar(_five("QQQ", 7))
        await here.markets.prepare(data_lost=True)

        assert running.warm == set(KEYS)
        told = [e.text for e in desk.notices.events if "none is made up" in e.text]
        assert told == ([] if known else [f"SPY: no bars 10:00:15-10:00:30 ET, {SKIPPED}"])


SKIPPED = "in history neither; they are skipped, none is made up"


@virtual
@pytest.mark.req("PLAN-RISK-GAPS")
async def test_until_history_came_nothing_is_decided_across_the_hole(tmp_path: Path) -> None:
    async with lines(tmp_path, most=100) as here:
        await here.markets.prepare(data_lost=True)
        here.rig.desk.quotes.on_bar(_five("SPY", 2))
        await pass_time(60.0)
        here.rig.broker.bars["SPY"] = Fetched(None, "no answer")
        await here.markets.prepare(data_lost=True)

        assert here.running.warm == {"AMD", "QQQ"}


@virtual
@pytest.mark.req("FUT-RISK-1", "PS60-SCANNER")
async def test_a_pick_of_the_scanner_that_is_dropped_gives_its_line_back(tmp_path: Path) -> None:
    async with lines(tmp_path, most=100) as here:
        here.running.symbols, here.running.picked = ("QQQ", "SPY"), ("AMD",)
        await here.markets.prepare(data_lost=True)
        here.rig.desk.quotes.on_quote(quote("AMD"))
        assert here.watched == ["AMD", "QQQ", "SPY"]

        here.running.picked = ()
        await here.markets.prepare(data_lost=False)

        assert here.watched == ["QQQ", "SPY"]
        assert here.rig.desk.selection.lines.used == 4
        assert here.rig.desk.quotes.quote("AMD") is None
        assert here.rig.alerts("data_lines") == [], "nobody misses it"


@virtual
@pytest.mark.req("FUT-RISK-1", "PS60-SCANNER")
async def test_a_dropped_pick_that_is_held_keeps_its_line_until_it_is_sold(tmp_path: Path) -> None:
    async with lines(tmp_path, most=100) as here:
        here.running.symbols, here.running.picked = ("QQQ", "SPY"), ("AMD",)
        await here.markets.prepare(data_lost=True)
        await here.rig.enter(10, key="AMD")

        here.running.picked = ()
        await here.markets.prepare(data_lost=False)

        assert here.watched == ["AMD", "QQQ", "SPY"]
