"""The watch list of the day: from a file, from history, and what happens where neither works."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from engine.api import EngineState
from engine.broker.port import Fetched
from engine.domain.market import Bar
from engine.market.scan_file import file_name
from engine.runtime.running import Running
from engine.runtime.setups.service import LOOK_S, SCAN_RETRY_S, SetupService
from engine.runtime.trading import Trading
from engine.strategy import STRATEGIES
from tests.builders import TEN
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual

DAY = TEN.date()
ROW = {"symbol": "SPY", "resistance": 101.0, "support": 99.0, "targets": [102.0]}


def _pivots() -> Running:
    kind = STRATEGIES.get("pivot_break")
    return Running(
        strategy=kind.create("pivots", params={}, keys=("SPY",)),
        make=lambda keys: kind.create("pivots", params={}, keys=tuple(keys)),
        kind="pivot_break",
        timeframe="5s",
        bar_seconds=5,
        allow_short=True,
        holds_overnight=False,
        symbols=("SPY",),
    )


async def _nothing() -> None:
    """Every market is there."""


def _service(here: Rig, folder: Path) -> tuple[SetupService, Trading]:
    here.desk.state = EngineState.READY
    trading = Trading(here.desk, executor=here.executor, running=(_pivots(),), spawn=here.spawn)
    trading.assign(trading.running[0], ("SPY",))
    service = SetupService(
        here.desk,
        broker=here.broker,
        trading=trading,
        folder=folder / "scanner",
        own_folder=folder / "own",
        spawn=here.spawn,
        prepare=_nothing,
    )
    return service, trading


def _write(folder: Path, *rows: object, day: str = DAY.isoformat(), name: str = file_name(DAY)) -> Path:
    path = folder / "scanner" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"date": day, "setups": rows}), encoding="utf-8")
    return path


def _daily(count: int = 20) -> tuple[Bar, ...]:
    last = TEN.replace(hour=21) - timedelta(days=1)
    return tuple(
        Bar("SPY", last - timedelta(days=n), 100.0, 101.0, 99.0, 100.0, 1000, 86_400)
        for n in reversed(range(count))
    )


def _levels(trading: Trading) -> dict[str, tuple[float, float]]:
    states = trading.running[0].strategy.setup_states()
    return {state.key: (state.resistance, state.support) for state in states}


@virtual
@pytest.mark.req("PS60-SCANNER")
async def test_a_file_becomes_the_watch_list_and_a_changed_one_replaces_it(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        path = _write(tmp_path, ROW)
        service, trading = _service(here, tmp_path)

        await service.round()
        assert _levels(trading) == {"SPY": (101.0, 99.0)}
        assert any("Loaded 1 setups" in event.text for event in here.desk.notices.events)

        _write(tmp_path, {**ROW, "resistance": 101.5})
        os.utime(path, ns=(1, 1))
        await pass_time(LOOK_S)
        await service.round()
        assert _levels(trading) == {"SPY": (101.5, 99.0)}


@virtual
@pytest.mark.req("PS60-SCANNER")
async def test_without_a_file_history_is_scanned_and_what_it_found_is_kept(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.history_by_length["SPY", 86_400] = Fetched(_daily())
        service, trading = _service(here, tmp_path)

        await service.round()
        await pass_time(1)
        await service.round()

        assert _levels(trading) == {"SPY": (101.0, 99.0)}
        kept = tmp_path / "own" / file_name(DAY)
        assert kept.stat().st_mode & 0o777 == 0o600
        asked = len(here.broker.log)
        await pass_time(LOOK_S)
        await service.round()
        assert len(here.broker.log) == asked


@virtual
@pytest.mark.req("PS60-SCANNER")
async def test_a_file_of_the_day_before_is_said_and_not_used(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        before = DAY - timedelta(days=1)
        _write(tmp_path, ROW, day=before.isoformat(), name=file_name(before))
        service, trading = _service(here, tmp_path)

        await service.round()

        assert _levels(trading) == {}
        assert any(before.isoformat() in event.text for event in here.desk.notices.events)


@virtual
@pytest.mark.req("PS60-SCANNER")
@pytest.mark.parametrize("text", ["{", json.dumps({"date": "2020-01-01", "setups": []})])
async def test_a_file_of_no_use_is_told_and_the_levels_stay(tmp_path: Path, text: str) -> None:
    async with rig(tmp_path) as here:
        path = _write(tmp_path, ROW)
        service, trading = _service(here, tmp_path)
        await service.round()

        path.write_text(text, encoding="utf-8")
        await pass_time(LOOK_S)
        await service.round()

        assert _levels(trading) == {"SPY": (101.0, 99.0)}
        (alert,) = here.alerts("scanner_file")
        assert path.name in alert
        _write(tmp_path, ROW, {**ROW, "symbol": "QQQ"})
        await pass_time(LOOK_S)
        await service.round()
        assert here.alerts("scanner_file") == []


@virtual
@pytest.mark.req("PS60-SCANNER")
async def test_bad_rows_are_named_and_the_good_ones_count(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        _write(tmp_path, ROW, {**ROW, "symbol": "QQQ", "support": 500.0})
        service, trading = _service(here, tmp_path)

        await service.round()

        assert _levels(trading) == {"SPY": (101.0, 99.0)}
        assert "QQQ" in here.alerts("scanner_file")[0]


@virtual
async def test_a_scan_that_found_nothing_says_why_and_is_made_again(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.history_by_length["SPY", 86_400] = Fetched(None, "the broker did not answer")
        service, trading = _service(here, tmp_path)
        await service.round()
        await pass_time(1)
        assert any("did not answer" in event.text for event in here.desk.notices.events)

        here.broker.history_by_length["SPY", 86_400] = Fetched(_daily())
        await pass_time(LOOK_S)
        await service.round()
        await pass_time(1)
        assert _levels(trading) == {}
        await pass_time(SCAN_RETRY_S)
        await service.round()
        await pass_time(1)
        await service.round()
        assert _levels(trading) == {"SPY": (101.0, 99.0)}


@virtual
async def test_a_new_day_drops_the_levels_of_the_old_one(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        _write(tmp_path, ROW)
        service, trading = _service(here, tmp_path)
        await service.round()

        await pass_time(24 * 3600)
        await service.round()

        assert _levels(trading) == {}
        assert here.desk.setups == {}
