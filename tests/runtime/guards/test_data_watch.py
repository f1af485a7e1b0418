"""Old data and jumps: what they block, who hears of it and when, and that it all ends by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from engine.api import Level
from engine.broker.port import LinkState
from engine.config.sections import QuietSection
from engine.domain.market import Bar
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.runtime.guards.data_watch import DataWatch
from tests.builders import proposal, quote, stock
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual

KEYS = ("SPY", "QQQ")


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Rig]:
    """SPY and QQQ under the watch, which looks once a second."""
    async with rig(folder, keys=KEYS) as here:
        watch = DataWatch(here.desk)

        async def rounds() -> None:
            while True:
                await watch.round()
                await asyncio.sleep(1.0)

        task = asyncio.ensure_future(rounds())
        try:
            yield here
        finally:
            task.cancel()


def _tick(here: Rig, key: str = "SPY", *, mid: float = 100.0) -> None:
    here.inbox.on_quote(quote(key, bid=mid - 0.01, ask=mid + 0.01, at=here.desk.now()))


async def _ticks(here: Rig, *keys: str, seconds: int, mid: float = 100.0) -> None:
    for _ in range(seconds):
        for key in keys:
            _tick(here, key, mid=mid)
        await pass_time(1)


def _verdict(here: Rig, key: str = "SPY") -> Reason | None:
    desk = here.desk
    funded(desk, 1_000_000.0)
    wish = proposal(key, at=desk.now())
    said = check_entry(wish, desk.gate_world(wish, allow_short=False), desk.limits())
    return said.reason if isinstance(said, Refusal) else None


def _alerts(here: Rig) -> list[tuple[Level, str]]:
    return [(a.level, a.symbol) for a in here.desk.notices.alerts if a.code == "staleness"]


@virtual
@pytest.mark.req("REQ-ST1", "247-VERIFY-3", "FUT-EDGE-2")
async def test_an_old_quote_blocks_its_symbol_warns_within_5_s_alarms_after_30_and_a_fresh_one_ends_it(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path) as here:
        await _ticks(here, *KEYS, seconds=10)
        assert (_verdict(here), _alerts(here)) == (None, [])

        told: dict[Level, float] = {}
        for second in range(1, 40):
            await _ticks(here, "QQQ", seconds=1)
            for level, symbol in _alerts(here):
                assert symbol == "SPY"
                told.setdefault(level, float(second))
        assert 5 <= told[Level.WARNING] <= 10
        assert 30 <= told[Level.ERROR] <= 35
        lines = [e for e in here.desk.notices.events if e.kind == "alert"]
        assert [e.level for e in lines] == [Level.WARNING, Level.ERROR], "each level once"
        assert _verdict(here, "SPY") in (Reason.STALE_QUOTE, Reason.STALE_DATA)
        assert _verdict(here, "QQQ") is None

        await _ticks(here, *KEYS, seconds=2)
        assert (_verdict(here), _alerts(here)) == (None, [])


@virtual
@pytest.mark.req("REQ-ST1")
async def test_a_minute_bar_that_does_not_close_blocks_its_symbol_and_the_next_one_ends_it(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path) as here:
        begin = here.desk.now()
        here.inbox.on_bar(Bar("SPY", begin, 100.0, 100.0, 100.0, 100.0, 1))
        here.inbox.on_bar(Bar("QQQ", begin + timedelta(seconds=60), 100.0, 100.0, 100.0, 100.0, 1))
        await _ticks(here, *KEYS, seconds=90)
        assert _verdict(here) is None
        await _ticks(here, *KEYS, seconds=3)
        assert _verdict(here) is Reason.STALE_DATA
        assert _alerts(here) == [(Level.WARNING, "SPY")]

        here.inbox.on_bar(Bar("SPY", begin + timedelta(seconds=60), 100.0, 100.0, 100.0, 100.0, 1))
        await _ticks(here, *KEYS, seconds=2)
        assert (_verdict(here), _alerts(here)) == (None, [])


@virtual
@pytest.mark.req("REQ-ST1")
async def test_nothing_alarms_while_the_session_is_closed_or_the_line_is_down(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        await _ticks(here, *KEYS, seconds=3)
        here.desk.instruments["SPY"] = stock("SPY", liquid_hours=(), trading_hours=())
        here.desk.link = LinkState.DOWN
        await pass_time(60)
        assert _alerts(here) == []

        here.desk.link = LinkState.UP
        await pass_time(4)
        assert _alerts(here) == [], "what is expected only now is not old yet"
        await pass_time(4)
        assert _alerts(here) == [(Level.WARNING, "QQQ")]


@virtual
@pytest.mark.req("REQ-ST1")
async def test_a_quiet_asset_class_may_have_its_own_age(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        data = here.desk.config.market_data.model_copy(update={"max_quote_age_of": QuietSection(STK=60.0)})
        here.desk.config = here.desk.config.model_copy(update={"market_data": data})
        await _ticks(here, *KEYS, seconds=3)
        await pass_time(50)
        assert (_verdict(here), _alerts(here)) == (None, [])


@virtual
@pytest.mark.req("REQ-ST1")
async def test_stops_and_exits_go_on_with_old_data(tmp_path: Path) -> None:
    async with watched(tmp_path) as here:
        await here.enter()
        await pass_time(60)
        result = await here.close()
        assert result.text
        assert here.broker.positions["SPY"] == 0


@virtual
@pytest.mark.req("REQ-O1")
async def test_a_jump_is_logged_blocks_entries_refreshes_nothing_and_ends_when_it_goes_back_or_stays(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path) as here:
        await _ticks(here, *KEYS, seconds=30)
        _tick(here, mid=110.0)
        assert _verdict(here) is Reason.OUTLIER
        assert _verdict(here, "QQQ") is None
        assert here.desk.quotes.is_bad("SPY")
        assert here.desk.quotes.age_s("SPY", here.desk.now()) == 1.0
        (line,) = [e for e in here.desk.notices.events if e.kind == "data"]
        assert (line.symbol, "jumped" in line.text) == ("SPY", True)

        await _ticks(here, *KEYS, seconds=1)
        assert _verdict(here) is None
        await _ticks(here, "SPY", seconds=5, mid=110.0)
        assert _verdict(here) is None, "a level that stays is believed"
