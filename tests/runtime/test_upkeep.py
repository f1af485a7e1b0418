"""The regular round: entries are given up once, a full disk or a kill file is minded, days begin."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.api import Level
from engine.broker.port import LinkState
from engine.config.values import UnfilledPolicy
from engine.domain.order import OrderState, OrderType, Role
from engine.domain.reasons import Reason
from engine.ledger.events import CancelRequested
from tests.execution.rig import LoopClock
from tests.runtime.kept import Kept, kept
from tests.virtual_time import pass_time, virtual

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
async def test_the_cancel_of_a_stop_that_got_no_answer_is_asked_for_again(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter(filled=0)
        stop = it.here.last(Role.STOP).intent.ref
        await it.here.books.post(CancelRequested(stop, it.here.desk.now()))
        await pass_time(8)
        assert it.here.broker.log.count("cancel stop") == 0

        await pass_time(4)
        assert it.here.broker.log.count("cancel stop") == 1
        assert it.here.broker.held(stop).status == "Cancelled"


@virtual
async def test_the_cancel_of_an_order_that_works_after_its_end_is_asked_for_until_it_is_confirmed(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as it:
        entry = await it.here.enter(filled=0)
        it.here.broker.end(entry.ref)
        await pass_time(1)
        it.here.broker.deaf_to_cancels_of = {Role.ENTRY}
        zombie = it.here.broker.held(entry.ref)
        zombie.status = "Submitted"
        it.here.broker.emit(it.here.broker.listed(zombie).claim)
        await pass_time(25)
        assert it.here.broker.log.count("cancel entry") == 3
        assert entry.ref in it.here.alerts("surfaced_order")[0]
        assert it.here.desk.may_enter("ma", "SPY") is Reason.SURFACED_ORDER
        (alert,) = it.here.desk.notices.alerts
        it.here.desk.notices.acknowledge(alert.alert_id)
        assert it.here.desk.may_enter("ma", "SPY") is Reason.SURFACED_ORDER, "seen, but it works all the same"
        assert it.here.desk.may_enter("ma", "TSLA") is None

        it.here.broker.deaf_to_cancels_of = set()
        await pass_time(10)
        assert (zombie.status, it.here.alerts("surfaced_order")) == ("Cancelled", [])
        assert it.here.desk.may_enter("ma", "SPY") is None
        asked = it.here.broker.log.count("cancel entry")
        await pass_time(30)
        assert it.here.broker.log.count("cancel entry") == asked


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
@pytest.mark.req("REQ-K1")
async def test_a_kill_file_that_cannot_be_looked_at_is_a_reason_to_stop(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        it.kill_file.symlink_to(it.kill_file)
        await pass_time(3)

        (reason,) = it.killed
        assert "could not be looked at" in reason


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
