"""The regular round: stops come back, entries are given up once, a full disk or a kill file is minded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.api import Level, Mode
from engine.broker.port import LinkState
from engine.config.sections import StrategySection
from engine.config.values import UnfilledPolicy
from engine.domain.instrument import SessionHours
from engine.domain.order import OrderState, OrderType, Role
from engine.domain.reasons import Reason
from engine.ledger.events import FateUnknown, StopMoved
from engine.runtime.day import DayBook
from engine.runtime.daypnl import DayPnl
from engine.runtime.upkeep import Upkeep
from tests.builders import TEN, quote, stock
from tests.execution.rig import LoopClock, Rig, rig
from tests.virtual_time import pass_time, virtual


@dataclass
class Kept:
    """A rig with its upkeep at work."""

    here: Rig
    upkeep: Upkeep
    kill_file: Path
    killed: list[str] = field(default_factory=list)
    breaks: list[Exception] = field(default_factory=list)
    """What acting on the kill file raises."""


@asynccontextmanager
async def kept(folder: Path, *, mode: Mode = Mode.PAPER) -> AsyncIterator[Kept]:
    async with rig(folder, mode=mode) as here:
        stored = await here.store.load()
        killed: list[str] = []
        breaks: list[Exception] = []

        async def on_kill_file(reason: str) -> None:
            if breaks:
                raise breaks[0]
            killed.append(reason)

        upkeep = Upkeep(
            here.desk,
            executor=here.executor,
            store=here.store,
            day=DayBook(here.desk, store=here.store, pnl=DayPnl(), stored=stored),
            kill_file=folder / "KILL",
            on_kill_file=on_kill_file,
            spawn=here.spawn,
            heartbeat=dict,
        )
        here.books.on_changes(upkeep.on_changes)
        await upkeep.begin()
        task = asyncio.ensure_future(upkeep.run())
        try:
            yield Kept(here, upkeep, folder / "KILL", killed, breaks)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


# --- stops --------------------------------------------------------------------------------------


@virtual
async def test_a_stop_that_vanishes_is_replaced_within_two_seconds(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        await pass_time(2)

        assert it.here.stops_at_broker() == 100
        assert it.here.alerts("naked") == []


@virtual
async def test_when_an_entry_ends_partly_filled_its_stop_shrinks_within_two_seconds(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        entry = await it.here.enter(filled=40)
        it.here.broker.end(entry.ref)
        await pass_time(2)

        assert it.here.stops_at_broker() == 40


@virtual
async def test_a_refused_stop_is_tried_with_growing_pauses_and_alarms(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        it.here.broker.refuse = {Role.STOP, Role.FLATTEN}
        await it.here.enter()
        await pass_time(6)

        assert it.here.alerts("naked") != []
        assert it.here.desk.may_enter("ma", "SPY") is Reason.UNACKNOWLEDGED_ALERT
        await pass_time(300)
        assert len(it.here.state_of(Role.STOP)) < 20

        it.here.broker.refuse = set()
        await pass_time(31)
        assert it.here.broker.positions["SPY"] == it.here.stops_at_broker()
        assert it.here.alerts("naked") == []


@virtual
@pytest.mark.req("REQ-POS-005")
async def test_a_position_that_gets_no_stop_within_ten_seconds_is_closed(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        it.here.broker.refuse = {Role.STOP}
        await it.here.enter()
        await pass_time(9)
        assert it.here.state_of(Role.FLATTEN) == []
        await pass_time(3)

        assert it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]
        assert it.here.last(Role.FLATTEN).intent.reason == "unprotected"
        assert (it.here.broker.positions["SPY"], it.here.broker.open()) == (0, [])
        told = [e.text for e in it.here.desk.notices.events if e.level is Level.CRITICAL]
        assert any("no working stop for 10 s" in text for text in told)


@virtual
async def test_time_without_a_line_is_no_time_in_which_a_stop_could_be_placed(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        it.here.broker.refuse = {Role.STOP}
        await pass_time(6)
        it.here.broker.lose()
        await pass_time(60)
        it.here.broker.link = it.here.desk.link = LinkState.UP
        await pass_time(6)
        assert it.here.state_of(Role.FLATTEN) == []

        await pass_time(8)
        assert it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]


@virtual
async def test_a_position_whose_stop_is_of_unknown_fate_is_told_and_not_closed_blindly(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        stop = it.here.last(Role.STOP).intent.ref
        await it.here.books.post(FateUnknown(stop, "nobody knows", it.here.desk.now()))
        await pass_time(60)

        assert it.here.state_of(Role.FLATTEN) == []
        assert stop in it.here.alerts("unknown_order")[0]


@virtual
async def test_a_look_at_all_stops_says_what_stands_and_what_was_put_right(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        assert await it.upkeep.verify_stops() == (("SPY: stop 100 at 99.0",), ())
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        await pass_time(0.015)

        assert await it.upkeep.verify_stops() == (("SPY: stop 100 at 99.0, put right now",), ())
        await pass_time(0.02)
        assert it.here.stops_at_broker() == 100


@virtual
async def test_a_stop_cancelled_from_outside_comes_back_where_it_was_meant_last(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        await it.here.books.post(StopMoved("SPY", 99.5, "operator", it.here.desk.now()))
        await pass_time(2)
        first = it.here.last(Role.STOP).intent.ref
        assert it.here.broker.held(first).intent.stop_price == 99.5
        it.here.broker.end(first)
        await pass_time(2)

        (again,) = it.here.broker.open(Role.STOP)
        assert again.intent.ref != first
        assert (again.intent.stop_price, again.remaining) == (99.5, 100)


# --- the second net -----------------------------------------------------------------------------


def _price(it: Kept, price: float) -> None:
    at = it.here.desk.now()
    it.here.desk.quotes.on_quote(quote("SPY", price - 0.01, price + 0.01, at))


async def _price_for(it: Kept, price: float, seconds: int) -> None:
    for _ in range(seconds):
        _price(it, price)
        await pass_time(1)


@virtual
@pytest.mark.req("REQ-POS-005")
async def test_a_stop_that_does_not_fire_is_cancelled_and_the_position_closed_once(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        await _price_for(it, 99.5, 10)
        assert it.here.state_of(Role.FLATTEN) == []
        await _price_for(it, 98.5, 8)

        assert it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]
        assert it.here.last(Role.FLATTEN).intent.reason == "stop"
        assert it.here.state_of(Role.STOP) == [OrderState.CANCELLED]
        assert it.here.broker.positions["SPY"] == 0
        assert it.here.alerts("stop_not_filled") == []


@virtual
@pytest.mark.req("REQ-POS-005")
async def test_whoever_fires_first_the_position_ends_at_zero(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.deaf_to_cancels_of = {Role.STOP}
        await _price_for(it, 98.5, 5)
        it.here.broker.fill(it.here.last(Role.STOP).intent.ref, 100, "98.5")
        await _price_for(it, 98.5, 20)

        assert it.here.broker.positions["SPY"] == 0
        assert it.here.state_of(Role.FLATTEN) == []


@virtual
async def test_a_short_dip_or_an_old_price_closes_nothing(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        for _ in range(5):
            await _price_for(it, 98.5, 2)
            await _price_for(it, 99.5, 1)
        _price(it, 98.5)
        await pass_time(1)
        it.here.desk.quotes.on_data_type("SPY", 3)
        await _price_for(it, 98.5, 10)

        assert it.here.state_of(Role.FLATTEN) == []


@virtual
async def test_a_refused_exit_gets_its_stop_back_by_itself(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.refuse = {Role.EXIT}
        await it.here.close()
        await pass_time(2)

        assert it.here.stops_at_broker() == 100


@virtual
async def test_a_dry_run_with_a_naked_position_sends_nothing(tmp_path: Path) -> None:
    async with kept(tmp_path, mode=Mode.DRY_RUN) as it:
        await it.here.enter()
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        sent = list(it.here.broker.sent)
        await pass_time(60)

        assert it.here.broker.sent == sent


@virtual
async def test_stops_are_settled_before_the_engine_leaves(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        await pass_time(0.015)

        assert await it.upkeep.settle_stops() == ()
        await pass_time(0.02)
        assert it.here.stops_at_broker() == 100


# --- age ----------------------------------------------------------------------------------------


async def _let_hours_pass(it: Kept, hours: float) -> None:
    assert isinstance(it.here.desk.clock, LoopClock)
    it.here.desk.clock.skipped += timedelta(hours=hours)
    await pass_time(2)


def _all_day(it: Kept, hours: float = 9) -> None:
    """A session long enough to grow old in."""
    session = SessionHours(TEN - timedelta(minutes=30), TEN + timedelta(hours=hours))
    it.here.desk.instruments["SPY"] = stock(liquid_hours=(session,), trading_hours=(session,))


def _told(it: Kept, level: Level) -> int:
    return sum(1 for e in it.here.desk.notices.events if e.level is level and "open for" in e.text)


@virtual
@pytest.mark.req("REQ-POS-004")
async def test_an_old_position_is_warned_of_then_alerted_then_closed_each_once(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        _all_day(it)
        await it.here.enter()
        await _let_hours_pass(it, 1.99)
        assert _told(it, Level.WARNING) == 0
        await _let_hours_pass(it, 0.02)
        await pass_time(60)
        assert (_told(it, Level.WARNING), it.here.alerts("position_age")) == (1, [])
        await _let_hours_pass(it, 2)
        await pass_time(60)
        assert (_told(it, Level.ERROR), len(it.here.alerts("position_age"))) == (1, 1)
        assert it.here.state_of(Role.FLATTEN) == []
        await _let_hours_pass(it, 2)

        assert it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]
        assert (it.here.broker.positions["SPY"], it.here.broker.open()) == (0, [])
        assert [t.reason for t in it.here.books.ledger.positions.trades()] == ["max_age"]
        await pass_time(2)
        assert it.here.alerts("position_age") == []


@virtual
@pytest.mark.req("REQ-POS-004")
async def test_a_partial_starts_the_clock_anew(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        _all_day(it, 12)
        await it.here.enter()
        await _let_hours_pass(it, 3.98)
        await it.here.reduce()
        await _let_hours_pass(it, 1.9)
        assert (_told(it, Level.WARNING), _told(it, Level.ERROR)) == (1, 0)
        await _let_hours_pass(it, 0.2)
        assert _told(it, Level.WARNING) == 2
        await _let_hours_pass(it, 3.8)
        assert it.here.state_of(Role.FLATTEN) == []
        await _let_hours_pass(it, 0.2)
        assert it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]


@virtual
async def test_only_open_session_counts_and_a_shut_market_closes_nothing(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()  # its session ends six hours after ten
        await _let_hours_pass(it, 7)

        assert _told(it, Level.ERROR) == 1
        assert it.here.state_of(Role.FLATTEN) == []


@virtual
@pytest.mark.parametrize(
    ("of_strategy", "closed"),
    [({"max_age_h": 0.0}, False), ({"holds_overnight": True}, False), ({"max_age_h": 3.0}, True)],
    ids=["never", "overnight", "three hours"],
)
async def test_a_strategy_may_have_a_limit_of_its_own(
    tmp_path: Path, of_strategy: dict[str, Any], closed: bool
) -> None:
    async with kept(tmp_path) as it:
        _all_day(it)
        section = StrategySection(kind="momentum", symbols=("SPY",), **of_strategy)
        it.here.desk.config = it.here.desk.config.model_copy(update={"strategies": {"ma": section}})
        await it.here.enter()
        await _let_hours_pass(it, 3.1 if closed else 8)

        assert (it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]) is closed


# --- orders that keep us waiting ----------------------------------------------------------------


@virtual
async def test_an_entry_that_does_not_fill_is_cancelled_once(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter(filled=0)
        await pass_time(29)
        assert it.here.state_of(Role.ENTRY) == [OrderState.WORKING]
        await pass_time(30)

        assert it.here.state_of(Role.ENTRY) == it.here.state_of(Role.STOP) == [OrderState.CANCELLED]
        assert it.here.broker.log.count("cancel entry") == 1


def _convert_unfilled(it: Kept) -> None:
    execution = it.here.desk.config.execution.model_copy(update={"unfilled_policy": UnfilledPolicy.MARKET})
    it.here.desk.config = it.here.desk.config.model_copy(update={"execution": execution})


@virtual
@pytest.mark.req("PLAN-M4-UNFILLED")
async def test_the_unfilled_rest_of_an_entry_goes_at_market_after_its_cancel_is_proven(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as it:
        _convert_unfilled(it)
        first = await it.here.enter(filled=40)
        await pass_time(35)

        second = it.here.last(Role.ENTRY).intent
        assert it.here.state_of(Role.ENTRY)[0] is OrderState.CANCELLED
        assert (second.order_type, second.quantity, second.plan) == (OrderType.MARKET, 60, first.plan)
        it.here.broker.fill(second.ref, 60)
        await pass_time(3)
        assert it.here.books.quantity("SPY") == it.here.stops_at_broker() == 100


@virtual
@pytest.mark.req("PLAN-M4-UNFILLED")
async def test_a_fill_that_races_the_cancel_is_not_doubled(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        _convert_unfilled(it)
        it.here.broker.deaf_to_cancels_of = {Role.ENTRY}
        entry = await it.here.enter(filled=0)
        await pass_time(31)
        it.here.broker.fill(entry.ref, 100)
        await pass_time(30)

        assert len(it.here.state_of(Role.ENTRY)) == 1
        assert it.here.broker.positions["SPY"] == it.here.stops_at_broker() == 100


@virtual
async def test_no_rest_goes_at_market_while_a_brake_is_on(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        _convert_unfilled(it)
        await it.here.enter(filled=0)
        it.here.desk.draining = True
        await pass_time(35)

        assert len(it.here.broker.sent) == 2
        assert it.here.state_of(Role.ENTRY) == [OrderState.CANCELLED, OrderState.ABANDONED]


@virtual
async def test_a_cancel_nobody_confirms_is_asked_for_again_every_ten_seconds(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        it.here.broker.deaf_to_cancels_of = {Role.ENTRY}
        await it.here.enter(filled=0)
        await pass_time(65)

        assert 3 <= it.here.broker.log.count("cancel entry") <= 5
        it.here.broker.deaf_to_cancels_of = set()
        await pass_time(15)
        assert it.here.state_of(Role.ENTRY) == [OrderState.CANCELLED]


@virtual
async def test_an_order_nobody_says_a_word_about_becomes_unknown_and_blocks_its_symbol(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as it:
        it.here.broker.mute = True
        entry = await it.here.enter(filled=0)
        await pass_time(15)

        assert it.here.state_of(Role.ENTRY) == [OrderState.UNKNOWN]
        assert entry.ref in it.here.alerts("unknown_order")[0]
        assert it.here.desk.may_enter("ma", "SPY") is Reason.UNACKNOWLEDGED_ALERT
        assert it.here.desk.may_enter("ma", "QQQ") is None
        assert it.here.broker.sent.count(entry.ref) == 1

        it.here.broker.mute = False
        it.here.broker.end(entry.ref)
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        await pass_time(2)
        assert it.here.alerts("unknown_order") == []


@virtual
async def test_an_order_that_works_after_its_end_is_cancelled(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        entry = await it.here.enter(filled=0)
        it.here.broker.end(entry.ref)
        await pass_time(1)
        zombie = it.here.broker.held(entry.ref)
        zombie.status = "Submitted"
        it.here.broker.emit(it.here.broker.listed(zombie).claim)
        await pass_time(1)

        assert zombie.status == "Cancelled"


@virtual
async def test_a_second_order_under_one_reference_is_cancelled_and_the_first_stays(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        broker, stop = it.here.broker, it.here.broker.held(it.here.last(Role.STOP).intent.ref)
        twin = replace(stop, order_id=stop.order_id + 500, perm_id=stop.perm_id + 500)
        broker.orders[twin.order_id] = twin  # what a change in bad weather can leave behind
        broker.emit(broker.listed(twin).claim)
        await pass_time(2)

        assert (twin.status, stop.status) == ("Cancelled", "Submitted")
        assert it.here.state_of(Role.STOP) == [OrderState.WORKING]
        assert it.here.stops_at_broker() == 100
        assert "second order" in it.here.alerts("duplicate_order")[0]


@virtual
async def test_while_the_line_is_down_nothing_is_sent_or_cancelled(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter(filled=0)
        it.here.broker.lose()
        log = list(it.here.broker.log)
        await pass_time(120)

        assert it.here.broker.log == log
        assert it.here.desk.link is LinkState.DOWN


# --- the disk -----------------------------------------------------------------------------------


@virtual
async def test_a_full_disk_blocks_entries_and_ends_with_its_cause(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        await it.here.store.run(lambda c: c.execute("PRAGMA max_page_count = 1"))
        for n in range(60):
            await it.here.books.never_sent([f"nobody-{n}"], "x" * 4000)
        await pass_time(60)  # two points of the curve were due meanwhile

        assert it.here.alerts("not_stored") != []
        block = it.here.desk.entry_block()
        assert block is not None
        assert block.reason is Reason.STORE_DOWN
        await it.here.store.read(lambda c: c.execute("PRAGMA max_page_count = 1000000"))
        await pass_time(3)
        assert it.here.alerts("not_stored") == []
        assert it.here.desk.entry_block() is None


@virtual
async def test_an_alert_of_the_disk_ends_also_where_another_write_found_it_back(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        it.here.desk.notices.raise_alert(Level.CRITICAL, "not_stored", "NOT STORED")
        await pass_time(2)

        assert it.here.alerts("not_stored") == []


@virtual
async def test_a_step_that_breaks_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.breaks.append(RuntimeError("no such table"))
        it.kill_file.write_text("stop")
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        await pass_time(2.5)

        assert "no such table" in it.here.alerts("upkeep_kill_file")[0]
        assert it.here.stops_at_broker() == 100
        it.breaks.clear()
        await pass_time(2)
        assert it.killed == ["stop"]
        assert it.here.alerts("upkeep_kill_file") == []


# --- the kill file ------------------------------------------------------------------------------


@virtual
@pytest.mark.req("CARD-KILL")
async def test_the_text_of_the_kill_file_is_the_reason_and_it_is_taken(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        it.kill_file.write_text("  from a cron job\n")
        await pass_time(5)

        assert it.killed == ["from a cron job"]
        assert not it.kill_file.exists()
        assert len(list(tmp_path.glob("KILL.taken-*"))) == 1


@virtual
async def test_a_kill_file_found_at_boot_acts_before_anything_can_be_sent(tmp_path: Path) -> None:
    (tmp_path / "KILL").write_text("")
    async with kept(tmp_path) as it:
        assert it.killed == ["file KILL"]


@virtual
async def test_a_kill_file_that_cannot_be_renamed_kills_once_and_not_every_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError("read-only file system")

    monkeypatch.setattr(Path, "rename", refuses)
    async with kept(tmp_path) as it:
        it.kill_file.write_text("stop")
        await pass_time(30)

        assert it.killed == ["stop"]


# --- the day ------------------------------------------------------------------------------------


@virtual
async def test_at_midnight_in_new_york_a_new_day_begins_with_what_is_held(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        assert await it.here.rows("SELECT count(*) FROM anchor") == [(1,)]
        assert isinstance(it.here.desk.clock, LoopClock)
        it.here.desk.clock.skipped = timedelta(hours=14)
        await pass_time(5)

        assert it.here.books.quantity("SPY") == 100
        assert it.here.books.ledger.positions.fills() == ()
        assert [o.intent.role for o in it.here.books.orders()] == [Role.STOP]
        days = [e.text for e in it.here.desk.notices.events if "trading day" in e.text]
        assert [text[:22] for text in days] == ["trading day 2026-11-20", "trading day 2026-11-21"]
