"""A fault of the gateway's own costs the one request or turn it happened in, and says so in the log."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from engine.gateway import dispatch, history_jobs, server
from engine.gateway.journal import JournalError
from engine.gateway.ports import MarketError
from engine.gateway.unforeseen import SAME_AGAIN_S, Repeats, place_of
from tests.gateway.wire.world import ES, SPY, running


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("a\x1b[31mbug")


async def test_a_request_the_gateway_fails_on_is_error_320_and_the_connection_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        monkeypatch.setattr(dispatch, "HANDLERS", {**dispatch.HANDLERS, 9: broken})
        client.send(9, 8, 7, *SPY, 0, "", "")
        (row,) = await client.replies()

        assert row[:4] == ["4", "2", "7", "320"]
        assert "see its log" in row[4]
        (record,) = [entry for entry in caplog.records if entry.name.endswith("unforeseen")]
        assert "RuntimeError: a [31mbug (in broken, test_unforeseen.py line" in record.message
        assert record.exc_info is None


async def test_a_history_query_the_gateway_fails_on_is_told_its_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        monkeypatch.setattr(world.venue.market, "columns", broken)
        client.send(20, 6, *ES, 0, "", "1 day", "5 D", 0, "TRADES", 2, 0, "")
        (row,) = await client.replies()

        assert row[:4] == ["4", "2", "6", "162"]
        assert not world.venue.sessions[1].subscriptions.jobs
        assert not history_jobs.work(world.venue)


async def test_the_pump_goes_on_after_a_turn_that_failed_and_tells_it_once_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        stop, turns = asyncio.Event(), 0

        def after_each() -> None:
            nonlocal turns
            turns += 1
            world.clock.now_s += 0.5
            if turns == 5:
                monkeypatch.undo()
                stop.set()

        monkeypatch.setattr(server.bar_lines, "publish_bars", broken)
        monkeypatch.setattr(server, "PUMP_INTERVAL_S", 0.0)
        await world.server.pump(until=stop, each_turn=after_each)

        assert turns == 5
        assert len([entry for entry in caplog.records if "a turn was cut short" in entry.message]) == 1
        world.pass_time(1)
        assert await client.replies() == []


@pytest.mark.parametrize("fatal", [JournalError("disk"), MarketError("tape"), OSError("status")])
async def test_what_must_end_the_gateway_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fatal: Exception
) -> None:
    def fail(_: float) -> Any:
        raise fatal

    async with running(tmp_path) as world:
        monkeypatch.setattr(world.venue.market, "advance", fail)
        world.clock.now_s += 1
        with pytest.raises(type(fatal)):
            await world.server.pump(until=asyncio.Event(), each_turn=lambda: None)


async def test_a_tape_that_breaks_in_a_lockstep_step_ends_the_gateway_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: float) -> Any:
        raise MarketError("SPY_trade.parquet: row 7 is damaged")

    async with running(tmp_path, lockstep=True) as world:
        client = await world.client()
        monkeypatch.setattr(world.venue.market, "advance", fail)
        client.send(49, 1)
        with pytest.raises(MarketError, match="row 7"):
            await world.server.pump(until=asyncio.Event(), each_turn=lambda: None)


def test_an_error_that_repeats_is_told_again_after_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    repeats = Repeats()
    for mono_s in (0.0, 1.0, SAME_AGAIN_S - 1.0, SAME_AGAIN_S + 1.0):
        with pytest.raises(RuntimeError) as caught:
            broken()
        repeats.note("it broke", caught.value, mono_s=mono_s)

    assert len(caplog.records) == 2


def test_the_whole_trace_is_there_for_who_asks_for_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(RuntimeError) as caught:
        broken()
    Repeats().note("it broke", caught.value, mono_s=0.0)

    assert place_of(caught.value) in caplog.text
    assert "Traceback" in caplog.text
