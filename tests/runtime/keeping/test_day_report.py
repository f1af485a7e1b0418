"""A trading day on the disk: trades after every close, summary and page at its end, none of it lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.domain.order import Role
from engine.ledger.trade_figures import ALWAYS_COUNTED
from engine.runtime.day import DayBook
from engine.runtime.daypnl import DayPnl
from engine.runtime.keeping.day_report import DayReport
from engine.store.day_record import load_day
from engine.store.events import NewEvent, append_events
from engine.store.journal import EquityPoint
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual

DAY = date(2026, 11, 20)
FIELDS: dict[str, Callable[[Any], bool]] = {
    "symbol": lambda value: isinstance(value, str),
    "side": lambda value: value in {"LONG", "SHORT"},
    "entry_price": lambda value: isinstance(value, float),
    "entry_time": lambda value: datetime.fromisoformat(value).tzinfo is not None,
    "exit_price": lambda value: isinstance(value, float),
    "exit_time": lambda value: datetime.fromisoformat(value).tzinfo is not None,
    "shares": lambda value: isinstance(value, int) and value > 0,
    "pnl": lambda value: isinstance(value, float),
    "duration_min": lambda value: isinstance(value, float) and value >= 0.0,
    "exit_reason": lambda value: isinstance(value, str) and bool(value),
    "partials": lambda value: isinstance(value, list),
}


def reporting(here: Rig, folder: Path) -> DayReport:
    """The day's report of a rig, hearing of its books."""
    report = DayReport(here.desk, database=folder / "cockpit.db", run_id="r7", spawn=here.spawn)
    here.books.on_changes(report.on_changes)
    return report


async def round_trip(here: Rig) -> None:
    """Enter and leave."""
    here.without_cooldowns()
    await here.enter()
    closing = asyncio.ensure_future(here.close())
    await pass_time(0.2)
    for held in here.broker.open(Role.EXIT):
        here.broker.fill(held.intent.ref, held.intent.quantity)
    await closing
    await pass_time(0.2)


async def written(here: Rig, report: DayReport) -> None:
    """One step of the engine's round, and what it began."""
    await report.round()
    await asyncio.gather(*here.spawned)


def saved(folder: Path, kind: str = "trades") -> Any:
    """The day's file of this kind."""
    return json.loads((folder / "days" / f"{kind}_20261120.json").read_text(encoding="utf-8"))


@virtual
@pytest.mark.req("REQ-LOG-003")
async def test_each_of_three_closes_leaves_a_file_whose_last_trade_has_all_eleven_fields(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        report = reporting(here, tmp_path)
        for count in (1, 2, 3):
            await round_trip(here)
            await written(here, report)

            trades = saved(tmp_path)
            assert len(trades) == count
            assert [name for name, fits in FIELDS.items() if not fits(trades[-1][name])] == []


@virtual
@pytest.mark.req("REQ-LOG-003")
async def test_a_file_that_a_crash_left_out_is_made_anew_from_the_store(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await round_trip(here)
        assert not (tmp_path / "days").exists()

        await written(here, reporting(here, tmp_path))

        assert [trade["symbol"] for trade in saved(tmp_path)] == ["SPY"]


@virtual
@pytest.mark.req("REQ-LOG-004")
async def test_the_summary_has_every_field_also_of_a_day_without_trades(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        assert await reporting(here, tmp_path).make(()) == ()

        summary = saved(tmp_path, "daily_summary")
        zeros = (
            *("total_trades", "total_pnl", "daily_pnl", "winners", "losers", "win_rate", "avg_winner"),
            *("avg_loser", "largest_winner", "largest_loser", "avg_duration_min"),
        )
        assert [summary[name] for name in zeros] == [0] * len(zeros)
        assert set(summary["exit_reasons"]) == {reason.value for reason in ALWAYS_COUNTED}
        assert saved(tmp_path) == []
        assert any("left by: nothing" in line for line in here.desk.summary)


@virtual
@pytest.mark.req("PLAN-M4-REPORT")
async def test_the_page_of_the_day_shows_what_the_store_holds(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ")) as here:
        await round_trip(here)
        await here.enter(key="QQQ", filled=60)
        await here.store.save_equity(EquityPoint(here.desk.now(), -12.5, 100_987.65), day=DAY)
        event = NewEvent(here.desk.now(), "account", "INFO", "", "", "", {"TotalCashValue": 98_765.43})
        words = {"seq": 1, "level": "info", "kind": "note", "text": "note by operator: <b>fed at two"}
        note = NewEvent(here.desk.now(), "told", "info", "SPY", "", "", words)
        await here.store.run(lambda conn: append_events(conn, [event, note], boot_id="b"))

        assert await reporting(here, tmp_path).make(("QQQ",)) == ()

        page = (tmp_path / "runs" / "r7" / "report_20261120.html").read_text(encoding="utf-8")
        record = load_day(tmp_path / "cockpit.db", DAY)
        assert (len(record.orders), len(record.fills), len(record.trades)) == (5, 3, 1)
        assert [p.key for p in record.positions] == ["QQQ"]
        assert {o.intent.role for o in record.outstanding} == {Role.ENTRY, Role.STOP}
        for order in record.orders:
            assert page.count(order.intent.ref) == (2 if order in record.outstanding else 1)
        assert all(fill.exec_id in page for fill in record.fills)
        assert "2 orders still work" in page
        assert [(n.at, n.symbol) for n in record.notes] == [(note.at, "SPY")]
        assert "note by operator: &lt;b&gt;fed at two" in page, "words are never markup"
        for figure in ("98,765.43", "100,987.65", "−12.50", "<td>60</td>", "<td>QQQ</td>"):
            assert figure in page
        assert "http" not in page.replace("http-equiv", "")


@virtual
@pytest.mark.req("PLAN-M4-REPORT")
async def test_a_day_on_which_nothing_happened_has_a_page(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        assert await reporting(here, tmp_path).make(()) == ()

    page = (tmp_path / "runs" / "r7" / "report_20261120.html").read_text(encoding="utf-8")
    for nothing in ("no order", "no fill", "no trade", "flat"):
        assert nothing in page


@virtual
@pytest.mark.req("PLAN-M4-REPORT", "REQ-LOG-004")
async def test_an_engine_that_runs_on_over_midnight_leaves_the_files_of_the_day_that_ended(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ")) as here:
        report = reporting(here, tmp_path)
        stored = await here.store.load()
        day = DayBook(here.desk, store=here.store, pnl=DayPnl(), stored=stored, on_end=report.day_ended)
        await day.round()
        await round_trip(here)
        await here.enter(key="QQQ")
        here.desk.clock.skipped = timedelta(days=1)  # type: ignore[attr-defined]

        await day.round()
        assert here.books.ledger.positions.trades() == ()
        (stop,) = here.broker.open(Role.STOP)
        here.broker.fill(stop.intent.ref, stop.intent.quantity)
        await pass_time(0.2)
        await written(here, report)

        assert len(saved(tmp_path)) == saved(tmp_path, "daily_summary")["total_trades"] == 1
        page = (tmp_path / "runs" / "r7" / "report_20261120.html").read_text(encoding="utf-8")
        assert page.count("LONG") == 1
        ended, following = (load_day(tmp_path / "cockpit.db", DAY + timedelta(days=n)) for n in (0, 1))
        assert [p.key for p in ended.positions] == ["QQQ"]
        assert [t.key for t in ended.trades] == ["SPY"]
        assert (following.positions, [t.key for t in following.trades]) == ((), ["QQQ"])


@virtual
async def test_a_page_that_cannot_be_made_is_named_and_keeps_nothing_from_ending(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        (tmp_path / "runs").write_text("a file where the folder should be")

        (problem,) = await reporting(here, tmp_path).make(())

        assert problem.startswith("the report of 2026-11-20 could not be made")
        assert "cockpit report --day 2026-11-20" in problem
        assert saved(tmp_path) == []
        assert here.desk.summary


@virtual
async def test_a_disk_that_refuses_is_told_and_the_next_close_writes_again(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        report = reporting(here, tmp_path)
        (tmp_path / "days").write_text("a file where the folder should be")
        await round_trip(here)
        await written(here, report)
        assert [e.text for e in here.desk.notices.events if "could not be saved" in e.text]

        (tmp_path / "days").unlink()
        await round_trip(here)
        await written(here, report)

        assert len(saved(tmp_path)) == 2
