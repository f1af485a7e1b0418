"""The day as the engine tells it: sessions by the hours that count, limits, what each strategy trades."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from engine.api import Command, CommandKind
from engine.config import Config
from engine.domain.instrument import SessionHours
from engine.market.sessions import Calendar, SessionDay
from engine.runtime.planning.day import DayDesk, of_symbol, session_rows
from engine.runtime.running import Running
from engine.runtime.trading import Trading
from engine.strategy import STRATEGIES
from tests.builders import OPEN_DAY, TEN, stock
from tests.execution.rig import Rig, rig
from tests.virtual_time import virtual

HALF_DAY = SessionHours(OPEN_DAY.open, TEN + timedelta(hours=3))


def _day(hours: SessionHours) -> Calendar:
    days = (
        SessionHours(hours.open - timedelta(days=1), OPEN_DAY.close - timedelta(days=1)),
        hours,
        SessionHours(hours.open + timedelta(days=3), OPEN_DAY.close + timedelta(days=3)),
    )
    return Calendar("NYSE", (SessionDay(one.close.date(), (one,)) for one in days))


def _desk(here: Rig) -> DayDesk:
    kind = STRATEGIES.get("momentum")
    running = Running(
        strategy=kind.create("mom", params={}, keys=("SPY", "QQQ")),
        make=lambda keys: kind.create("mom", params={}, keys=tuple(keys)),
        kind="momentum",
        timeframe="5s",
        bar_seconds=5,
        allow_short=False,
        holds_overnight=False,
        symbols=("SPY", "QQQ"),
    )
    trading = Trading(here.desk, executor=here.executor, running=(running,), spawn=here.spawn)
    trading.assign(running, ("SPY", "QQQ"))
    return DayDesk(here.desk, trading)


@virtual
@pytest.mark.req("FUT-F7", "PS60-ENTRYWIN")
async def test_the_engine_tells_the_day_by_the_hours_that_count(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.desk.instruments["QQQ"] = stock("QQQ")
        here.desk.close_times.calendars = {"QQQ": _day(HALF_DAY)}

        outcome = await _desk(here).plan(Command("1", CommandKind.PLAN))

        told = json.loads(outcome.details[0])
        assert (told["day"], told["keys"], told["max_lines"]) == ("2026-11-20", {"mom": ["QQQ", "SPY"]}, 100)
        qqq, spy = sorted(told["sessions"], key=lambda row: row["symbols"])
        assert (spy["source"], spy["flat_by"]) == ("broker", "2026-11-20T20:55:00+00:00")
        assert (qqq["source"], qqq["closes"]) == ("broker, NYSE", "2026-11-20T18:00:00+00:00")
        assert qqq["entries_until"] == "2026-11-20T17:45:00+00:00"
        limits = {row["key"]: (row["value"], row["unit"]) for row in told["limits"]}
        assert limits["risk.max_positions"] == ("3", "")
        assert limits["sessions.entry_start"] == ('"09:45"', "ET")


@virtual
async def test_what_the_broker_tells_no_session_of_is_named(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.desk.instruments["QQQ"] = stock("QQQ", trading_hours=(), liquid_hours=())
        outcome = await _desk(here).plan(Command("1", CommandKind.PLAN))
        last = json.loads(outcome.details[0])["sessions"][-1]
        assert (last["symbols"], last["opens"], last["early_close"]) == (["QQQ"], None, False)
        assert "tells of no coming session" in last["source"]


def test_without_a_broker_the_calendar_tells_the_day_or_says_what_is_missing() -> None:
    calendars = {"NYSE": _day(HALF_DAY)}
    planned = [
        of_symbol(symbol, calendars, Config(), now=TEN) for symbol in ("SPY", "QQQ", "ES@CME", "FDAX@EUREX")
    ]
    early, unknown, missing = session_rows(planned)
    assert (early["symbols"], early["source"], early["early_close"]) == (["QQQ", "SPY"], "NYSE", True)
    assert (unknown["symbols"], unknown["source"]) == (
        ["ES@CME"],
        "no calendar of CME Globex Equity for this time",
    )
    assert missing["symbols"] == ["FDAX@EUREX"]
    assert "no calendar for 'EUREX'" in missing["source"]
