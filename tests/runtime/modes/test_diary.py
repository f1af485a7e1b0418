"""The diary writes each paper day by itself: what was seen, only where it counts, over restarts."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from engine.api import Level, Mode
from engine.broker.port import LinkState
from engine.domain.instrument import SessionHours
from engine.gates.day import Day, read_day
from engine.runtime.modes.diary import NEVER_S, DayDiary
from engine.runtime.modes.evidence import EvidenceBook
from engine.runtime.modes.session_day import session_day
from engine.store.evidence import evidence
from engine.store.journal import StoredRun
from tests.builders import TEN, future, stock
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual

MINUTES = 3
HOURS = (
    SessionHours(TEN - timedelta(days=1), TEN - timedelta(days=1) + timedelta(minutes=MINUTES)),
    SessionHours(TEN, TEN + timedelta(minutes=MINUTES)),
    SessionHours(TEN + timedelta(days=3), TEN + timedelta(days=3, minutes=MINUTES)),
)
"""A session of a few minutes on Friday, one before it and the next one on Monday."""

REAL = {"gateway": "tws"}


@dataclass
class _Kept:
    """A rig on a real paper account with its diary."""

    here: Rig
    diary: DayDiary
    delays: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    async def rounds(self, seconds: float) -> None:
        """Time with a round a second."""
        for _ in range(int(seconds)):
            await self.diary.round()
            await pass_time(1.0)

    async def days(self) -> list[Day | None]:
        """What is written down."""
        return [read_day(e.facts) for e in await self.here.store.read(evidence)]

    async def day(self) -> Day:
        """The only one."""
        (found,) = await self.days()
        assert found is not None
        return found


@asynccontextmanager
async def _kept(folder: Path, *, mode: Mode = Mode.PAPER, **desk: object) -> AsyncIterator[_Kept]:
    async with rig(folder, mode=mode) as here:
        here.desk.instruments["SPY"] = stock("SPY", liquid_hours=HOURS)
        for name, value in (REAL | desk).items():
            setattr(here.desk, name, value)
        yield await _diary(here)


async def _diary(here: Rig) -> _Kept:
    delays: list[float] = []
    errors: list[str] = []

    def take() -> list[float]:
        taken = list(delays)
        delays.clear()
        return taken

    diary = DayDiary(
        here.desk,
        EvidenceBook(here.desk, here.store, "1.0", "c0f1"),
        known=await here.store.read(evidence),
        errors=lambda: len(errors),
        alert_delays=take,
    )
    here.desk.notices.on_told(diary.hear)
    return _Kept(here, diary, delays, errors)


@virtual
@pytest.mark.req("247-GATE-2")
async def test_a_day_without_trouble_is_full_and_clean_and_names_the_day_after_it(tmp_path: Path) -> None:
    async with _kept(tmp_path) as it:
        await it.rounds(MINUTES * 60 + 5)

        day = await it.day()
        assert day.why_not_clean() == ""
        assert day.session_s - 2 <= day.present_s <= day.session_s
        assert str(day.next_day) == "2026-11-23"
        (row,) = await it.here.store.read(evidence)
        assert (row.passed, row.gateway, row.account, row.mode) == (True, "tws", "DU1", "PAPER")


@virtual
@pytest.mark.req("247-GATE-2", "REQ-M1")
@pytest.mark.parametrize(
    ("mode", "desk"),
    [
        (Mode.PAPER, {"gateway": "embedded"}),
        (Mode.PAPER, {"account": "U777"}),
        (Mode.DRY_RUN, {}),
        (Mode.LIVE, {}),
    ],
)
async def test_where_a_day_cannot_count_nothing_is_written(
    tmp_path: Path, mode: Mode, desk: dict[str, object]
) -> None:
    async with _kept(tmp_path, mode=mode, **desk) as it:
        await it.rounds(MINUTES * 60 + 5)

        assert await it.days() == []
        assert it.diary.counts_text


@virtual
async def test_a_clock_that_runs_faster_writes_nothing(tmp_path: Path) -> None:
    async with _kept(tmp_path) as it:
        it.here.desk.clock.speed = 5.0  # type: ignore[misc]
        await it.rounds(20)

        assert await it.days() == []


@virtual
@pytest.mark.req("247-GATE-2")
async def test_trouble_is_written_at_once_and_spoils_the_day(tmp_path: Path) -> None:
    async with _kept(tmp_path) as it:
        await it.rounds(5)
        it.here.desk.notices.raise_alert(Level.CRITICAL, "naked", "SPY has no stop", symbol="SPY")
        it.errors.append("a record")
        it.delays.extend((0.2, math.inf))
        await it.rounds(1)

        day = await it.day()
        assert (day.breaches, day.errors, day.alerts) == (("naked",), 1, 2)
        assert day.worst_alert_s == NEVER_S
        assert not day.is_on_time

        it.here.desk.notices.raise_alert(Level.CRITICAL, "kill", "by the operator")
        await it.rounds(1)
        assert (await it.day()).breaches == ("naked",), "a KILL is a gate that worked"


@virtual
async def test_a_lost_line_and_a_machine_that_slept_are_no_presence(tmp_path: Path) -> None:
    async with _kept(tmp_path) as it:
        await it.rounds(60)
        it.here.desk.link = LinkState.DOWN
        await it.rounds(30)
        it.here.desk.link = LinkState.UP
        await pass_time(30)
        await it.rounds(MINUTES * 60 - 120 + 5)

        day = await it.day()
        assert day.present_s < day.session_s - 50
        assert "minutes" in day.why_not_full()


@virtual
@pytest.mark.req("247-GATE-2")
async def test_what_a_day_strategy_still_holds_at_the_close_is_named(tmp_path: Path) -> None:
    async with _kept(tmp_path) as it:
        config = it.here.desk.config
        shipped = next(iter(config.strategies.values()))
        it.here.desk.config = config.model_copy(update={"strategies": {"ma": shipped}})
        await it.here.enter(100)
        await it.rounds(MINUTES * 60 + 5)

        assert (await it.day()).left_open == ("SPY +100",)


@virtual
async def test_an_engine_that_comes_after_the_close_has_not_seen_it(tmp_path: Path) -> None:
    async with _kept(tmp_path) as it:
        await pass_time(MINUTES * 60 + 10)
        await it.rounds(10)

        assert (await it.day()).why_not_full() == "the close of the session was not seen"


@virtual
async def test_a_day_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with _kept(tmp_path) as it:
        await it.rounds(62)
        again = await _diary(it.here)
        await again.rounds(62)

        assert 118 <= (await it.day()).present_s <= 125


@virtual
@pytest.mark.req("247-GATE-2")
@pytest.mark.parametrize("clean", [True, False])
async def test_a_run_that_did_not_end_in_order_spoils_the_day_it_was_last_seen(
    tmp_path: Path, clean: bool
) -> None:
    async with _kept(tmp_path) as it:
        await it.rounds(62)
        again = await _diary(it.here)
        run = StoredRun("boot-0", "run", "1.0", TEN, TEN if clean else None, clean)
        again.diary.crashed(run, last_sign=TEN + timedelta(seconds=60))
        await again.rounds(2)

        assert (await it.day()).crashes == (0 if clean else 1)


def test_the_session_is_the_stocks_one_where_there_are_stocks_and_nothing_on_a_holiday() -> None:
    overnight = SessionHours(TEN - timedelta(hours=16), TEN + timedelta(hours=7))
    es = future("ESZ6", liquid_hours=(overnight,))
    spy = stock("SPY", liquid_hours=HOURS)

    both = session_day((es, spy), TEN.date())
    assert both is not None
    assert both.hours == HOURS[1]
    alone = session_day((es,), TEN.date())
    assert alone is not None
    assert (alone.hours, alone.next_day) == (overnight, None)
    assert session_day((spy,), TEN.date() + timedelta(days=1)) is None
    assert session_day((), TEN.date()) is None
