"""The ladder and the rate inside a whole engine: what pauses, what ends it, what goes on meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.api import EngineState, Level
from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.runtime.breakers import faults
from engine.runtime.guards.age import AgeWatch
from tests.builders import proposal, quote, stock
from tests.execution.rig import Rig, funded
from tests.logged import logged_by
from tests.runtime.kept import kept
from tests.runtime.test_engine import running
from tests.virtual_time import pass_time, virtual


def _break(monkeypatch: pytest.MonkeyPatch, *, turns: int) -> list[int]:
    """The look at ages raises for so many rounds; the answer grows with every one."""
    look, failed = AgeWatch.round, list[int]()

    def breaks(watch: AgeWatch) -> None:
        if len(failed) < turns:
            failed.append(len(failed))
            raise ZeroDivisionError("a bug in the loop")
        look(watch)

    monkeypatch.setattr(AgeWatch, "round", breaks)
    return failed


def _verdict(here: Rig) -> Reason | None:
    """What the gate says to an entry now."""
    desk = here.desk
    funded(desk, 1_000_000.0)
    desk.quotes.on_quote(quote(at=desk.now()))
    wish = proposal(at=desk.now())
    said = check_entry(wish, desk.gate_world(wish, allow_short=False), desk.limits())
    return said.reason if isinstance(said, Refusal) else None


async def _stopped_by_the_broker(here: Rig) -> None:
    """A stop that is hit fills at the broker, whatever the engine does meanwhile."""
    stop = here.last(Role.STOP).intent
    here.broker.fill(stop.ref, stop.quantity)
    await pass_time(0.5)


@virtual
@pytest.mark.req("REQ-ARCH-007", "REQ-TEST-004")
async def test_nine_errors_in_a_row_pause_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as it:
        failed = _break(monkeypatch, turns=9)
        await pass_time(15)

        assert len(failed) == 9
        assert _verdict(it.here) is None
        assert it.here.desk.faults.words()[1].startswith("closed")


@virtual
@pytest.mark.req("REQ-ARCH-007", "REQ-TEST-004")
async def test_the_tenth_pauses_entries_for_a_minute_while_positions_are_managed_and_then_it_trades_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as it:
        await it.here.enter()
        failed = _break(monkeypatch, turns=10)
        await pass_time(12)
        assert len(failed) == 10
        assert _verdict(it.here) is Reason.BREAKER_LOOP
        level, text = it.here.desk.faults.words()
        assert (level, "ZeroDivisionError" in text) == (Level.ERROR, True)
        assert it.here.alerts("breaker_loop") != []

        await _stopped_by_the_broker(it.here)
        assert it.here.books.quantity("SPY") == 0
        await pass_time(61)
        # The fill has its own cooldown, which is not what is asked here.
        it.here.without_cooldowns()
        assert _verdict(it.here) is None
        assert it.here.alerts("breaker_loop") == []
        assert it.here.desk.state is EngineState.READY


@virtual
@pytest.mark.req("REQ-ERR-004", "PS60-PHASE-5c", "REQ-TEST-004", "REQ-ERR-002")
async def test_the_eleventh_closes_every_position_saves_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as it:
        it.here.desk.instruments["QQQ"] = stock("QQQ")
        await it.here.enter()
        await it.here.enter(key="QQQ")
        began_s = asyncio.get_running_loop().time()
        _break(monkeypatch, turns=1_000_000)
        async with asyncio.timeout(200):
            code = await it.task

        assert code == 1
        assert asyncio.get_running_loop().time() - began_s > 60, "not before the pause was over"
        assert dict(it.here.broker.positions) == {"SPY": 0, "QQQ": 0}
        assert it.here.broker.open() == []
        assert it.ends == [False]
        assert it.here.broker.log[-3:] == ["save", "disconnect", "close"]
        assert "11 consecutive errors" in it.here.alerts("engine_failed")[0]


@virtual
@pytest.mark.req("REQ-ERR-002")
async def test_a_critical_exception_ends_the_session_at_once_and_a_critical_alert_never_does(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as it:
        await it.here.enter()
        it.here.desk.notices.raise_alert(Level.CRITICAL, "kill", "something for a person")
        await pass_time(200)
        assert (it.task.done(), it.here.broker.positions["SPY"]) == (False, 100)

        it.here.desk.faults.failed("anything", MemoryError("no memory left"))
        async with asyncio.timeout(60):
            assert await it.task == 1
        assert it.here.broker.positions["SPY"] == 0


@virtual
@pytest.mark.req("REQ-ERR-002", "REQ-ERR-005")
async def test_a_fatal_error_without_a_line_leaves_positions_to_their_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as it:
        await it.here.enter()
        sent = list(it.here.broker.sent)
        it.here.broker.connects = []
        it.here.broker.lose()
        it.here.desk.faults.failed("anything", MemoryError("no memory left"))
        async with asyncio.timeout(120):
            assert await it.task == 1

        assert it.here.broker.sent == sent
        assert it.here.stops_at_broker() == it.here.broker.positions["SPY"] == 100


@virtual
@pytest.mark.req("REQ-ERR-003", "PS60-PHASE-5b")
async def test_the_eleventh_error_of_a_minute_rejects_entries_for_a_minute_and_then_counts_from_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = logged_by(faults, monkeypatch)
    async with kept(tmp_path) as it:
        desk = it.here.desk
        await it.here.enter()
        for n in range(10):
            desk.faults.failed(f"place {n}", ValueError("one of many"))
        assert desk.entry_block() is None
        desk.faults.failed("place 10", ValueError("one too many"))
        assert [entry["log_level"] for entry in logged.entries] == ["error"] * 11

        assert _verdict(it.here) is Reason.BREAKER_ERROR_RATE
        warnings = [e for e in desk.notices.events if "breaker_error_rate" in e.text]
        assert [e.level for e in warnings] == [Level.WARNING]
        countdown = []
        for _ in range(3):
            block = desk.entry_block()
            countdown.append("" if block is None else block.text.split(":")[0])
            await pass_time(10)
        assert countdown == [f"entries paused for {n} s" for n in (60, 50, 40)]
        await _stopped_by_the_broker(it.here)
        assert it.here.books.quantity("SPY") == 0, "a stop that is hit in that time is executed"

        await pass_time(31)
        it.here.without_cooldowns()
        assert _verdict(it.here) is None
        assert it.here.alerts("breaker_error_rate") == []
        assert desk.faults.words() == (Level.OK, "closed")


@virtual
async def test_a_full_disk_and_a_lost_line_trip_no_breaker(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        for _ in range(50):
            it.here.desk.faults.loop_failed("upkeep of the stops", OSError(28, "no space left on device"))
        assert it.here.desk.faults.words() == (Level.OK, "closed")


@virtual
async def test_the_limits_are_those_of_the_configuration(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        desk = it.here.desk
        errors = desk.config.errors.model_copy(update={"rate_per_minute": 1, "rate_pause_s": 7.0})
        breaker = desk.config.breaker.model_copy(update={"loop_consecutive": 2, "pause_s": 9.0})
        desk.config = desk.config.model_copy(update={"errors": errors, "breaker": breaker})
        desk.faults.loop_failed("x", ValueError("1"))
        assert desk.entry_block() is None
        desk.faults.loop_failed("x", ValueError("2"))
        pause = desk.faults.pause()
        assert pause is not None
        assert (pause.reason, pause.left_s) == (Reason.BREAKER_LOOP, 9.0)
        await pass_time(8)
        assert desk.entry_block() is not None
        await pass_time(2)
        assert desk.entry_block() is None
