"""Orders go out durable first and once; positions close without doubling, and are never left naked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.api import BrakeKind, Scope
from engine.broker.port import LinkState
from engine.domain.order import OrderState, Role
from engine.domain.reasons import Reason
from engine.execution.executor import CloseStatus
from engine.execution.kill import Reach
from engine.risk.refusal import OrderRefusedError
from engine.runtime.brakes import BrakeDesk
from tests.builders import OPEN_DAY, TEN, future
from tests.execution.rig import Rig, rig
from tests.virtual_time import now_s, pass_time, virtual

STATES = "SELECT role, state FROM intent ORDER BY rowid"


async def pull(here: Rig, kind: BrakeKind) -> None:
    await BrakeDesk(here.desk, store=here.store, new_id=here.refs.new_id).pull(
        kind, Scope(), reason="test", who="test"
    )


async def fill_the_disk(here: Rig) -> None:
    await here.store.run(lambda c: c.execute("PRAGMA max_page_count = 1"))


@virtual
async def test_intent_and_sending_are_durable_before_a_byte_leaves(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        seen: list[asyncio.Task[list[tuple[object, ...]]]] = []
        here.broker.on_place = lambda: seen.append(asyncio.ensure_future(here.rows(STATES)))

        await here.enter()

        assert await seen[0] == [("entry", "sending"), ("stop", "sending")]
        assert here.state_of(Role.ENTRY) == [OrderState.FILLED]
        assert here.stops_at_broker() == 100


@virtual
async def test_a_full_disk_keeps_an_entry_at_home(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await fill_the_disk(here)
        note = "x" * 100_000
        entry, stop = here.bracket()
        sent = await here.executor.enter((replace(entry, note=note), stop), here.spy)

        assert not sent
        assert here.broker.sent == []
        assert here.state_of(Role.ENTRY) == [OrderState.ABANDONED]
        assert here.desk.entry_block() is not None


@virtual
async def test_an_exit_goes_out_on_a_full_disk_and_is_stored_when_it_is_back(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        await fill_the_disk(here)
        for n in range(60):  # eat what room is left in the file
            await here.books.never_sent([f"nobody-{n}"], "x" * 4000)

        result = await here.close()

        assert result.status is CloseStatus.FLAT
        assert here.broker.positions["SPY"] == 0
        await here.store.read(lambda c: c.execute("PRAGMA max_page_count = 1000000"))
        assert await here.store.retry()
        assert await here.rows("SELECT state FROM intent WHERE role = 'exit'") == [("filled",)]


@virtual
async def test_an_order_that_never_left_our_queue_is_abandoned(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.link = LinkState.DOWN

        assert not await here.executor.enter(here.bracket(), here.spy)

        assert here.state_of(Role.ENTRY) + here.state_of(Role.STOP) == [OrderState.ABANDONED] * 2
        assert here.books.open_orders() == ()


@virtual
async def test_a_send_that_breaks_half_way_is_unknown_and_never_abandoned(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.breaks_with = ValueError("bad price")

        with pytest.raises(ValueError, match="bad price"):
            await here.executor.enter(here.bracket(), here.spy)

        assert here.state_of(Role.ENTRY) + here.state_of(Role.STOP) == [OrderState.UNKNOWN] * 2


@virtual
async def test_a_brake_between_gate_and_send_keeps_the_entry_at_home(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        going = asyncio.ensure_future(here.executor.enter(here.bracket(), here.spy))
        await asyncio.sleep(0)
        await pull(here, BrakeKind.PAUSE)

        assert not await going
        assert here.broker.sent == []
        assert here.state_of(Role.ENTRY) == [OrderState.ABANDONED]


@virtual
async def test_a_halt_while_the_entry_waits_in_the_queue_cancels_it_after_it_left(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.queue = asyncio.Event()
        going = asyncio.ensure_future(here.executor.enter(here.bracket(), here.spy))
        await pass_time(0.1)
        await pull(here, BrakeKind.HALT)
        halting = asyncio.ensure_future(here.kill_switch.cancel_risk(Reach()))
        await pass_time(0.5)
        assert "cancel entry" not in here.broker.log  # it would overtake the order and cancel nothing

        here.broker.queue.set()

        assert await halting == ()
        await going
        assert here.broker.open() == []
        assert here.state_of(Role.ENTRY) == [OrderState.CANCELLED]


@virtual
async def test_a_cancel_of_an_entry_that_is_still_being_stored_waits_until_it_is_out(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        pair = here.bracket()
        going = asyncio.ensure_future(here.executor.enter(pair, here.spy))
        await asyncio.sleep(0)
        assert here.books.order(pair[0].ref) is not None  # counted, not out

        assert await here.executor.cancel(pair[0].ref)

        assert await going
        assert here.broker.open() == []
        assert here.state_of(Role.ENTRY) == here.state_of(Role.STOP) == [OrderState.CANCELLED]


@virtual
async def test_a_halt_does_not_wait_longer_than_its_time_for_a_queue_that_stands(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.queue = asyncio.Event()
        going = asyncio.ensure_future(here.executor.enter(here.bracket(), here.spy))
        await pass_time(0.1)
        began_s = now_s()

        left = await here.kill_switch.cancel_risk(Reach())

        assert left == (here.last(Role.ENTRY).intent.ref,)
        assert now_s() - began_s < 14
        here.broker.queue.set()
        await going


@virtual
async def test_a_cancel_answered_at_once_leaves_no_warning(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)

        assert await here.executor.cancel(entry.ref)

        assert here.state_of(Role.ENTRY) == here.state_of(Role.STOP) == [OrderState.CANCELLED]
        codes = await here.rows("SELECT count(*) FROM event WHERE text LIKE '%not marked%'")
        assert codes == [(0,)]


@virtual
async def test_a_close_cancels_the_stop_first_and_leaves_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()

        result = await here.close()

        assert result.status is CloseStatus.FLAT
        assert (here.broker.positions["SPY"], here.broker.open()) == (0, [])
        assert here.state_of(Role.STOP) == [OrderState.CANCELLED]


@virtual
async def test_nothing_is_closed_while_the_cancel_of_the_stop_is_not_confirmed(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.deaf_to_cancels_of = {Role.STOP}

        result = await here.close()

        assert result.status is CloseStatus.NOT_FLAT
        assert "cancel not confirmed" in result.text
        assert len(here.broker.sent) == 2
        assert here.stops_at_broker() == 100


@virtual
async def test_a_stop_that_fills_while_we_close_is_not_doubled_by_an_exit(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter()
        here.broker.deaf_to_cancels_of = {Role.STOP}
        closing = asyncio.ensure_future(here.close())
        await pass_time(0.5)
        here.broker.fill(here.last(Role.STOP).intent.ref, 100, "99")

        result = await closing

        assert result.status is CloseStatus.FLAT
        assert here.broker.positions["SPY"] == 0
        assert here.broker.sent == [entry.ref, here.last(Role.STOP).intent.ref]


@virtual
async def test_a_stop_that_fills_partly_while_we_close_leaves_only_the_rest_to_the_exit(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.fill(here.last(Role.STOP).intent.ref, 30, "99")
        await pass_time(0.1)

        result = await here.close()

        assert result.status is CloseStatus.FLAT
        assert here.last(Role.EXIT).intent.quantity == 70
        assert here.broker.positions["SPY"] == 0


@virtual
async def test_a_close_also_ends_the_working_rest_of_the_entry(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(filled=40)

        result = await here.close()

        assert result.status is CloseStatus.FLAT
        assert here.last(Role.EXIT).intent.quantity == 40
        assert (here.broker.positions["SPY"], here.broker.open()) == (0, [])


@virtual
async def test_two_closes_at_once_send_one_exit(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()

        results = await asyncio.gather(here.close(), here.close(role=Role.FLATTEN))

        assert [r.status for r in results] == [CloseStatus.FLAT, CloseStatus.NOTHING]
        assert len(here.state_of(Role.EXIT) + here.state_of(Role.FLATTEN)) == 1


@virtual
async def test_a_refused_exit_is_said_and_the_stop_comes_back(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.refuse = {Role.EXIT}

        result = await here.close()
        protected = await here.executor.protect("SPY", here.spy)

        assert result.status is CloseStatus.NOT_FLAT
        assert "rejected" in result.text
        assert protected
        await pass_time(0.1)
        assert here.stops_at_broker() == 100
        assert here.last(Role.STOP).intent.stop_price == 99.0


@virtual
async def test_a_line_lost_while_closing_leaves_the_exit_at_home(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        closing = asyncio.ensure_future(here.close())
        await pass_time(0)
        here.broker.lose()

        result = await closing

        assert result.status is CloseStatus.NOT_FLAT
        assert here.broker.positions["SPY"] == 100
        assert not any(s in (OrderState.SENDING, OrderState.PENDING) for s in here.state_of(Role.EXIT))


@virtual
async def test_stops_follow_a_partial_entry_when_its_rest_is_cancelled(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=40)
        assert here.executor.protection_steps("SPY", here.spy) == ()  # the rest may still fill
        await here.executor.cancel(entry.ref)

        assert await here.executor.protect("SPY", here.spy)

        await pass_time(0.1)
        assert here.stops_at_broker() == 40
        assert here.last(Role.STOP).intent.quantity == 40


@virtual
async def test_a_refused_change_of_a_stop_is_not_believed(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=40)
        await here.executor.cancel(entry.ref)
        here.broker.refuse_changes = True

        await here.executor.protect("SPY", here.spy)
        await pass_time(0.1)

        assert here.stops_at_broker() == 100
        assert here.last(Role.STOP).intent.quantity == 100  # the broker's word, not our wish
        assert here.executor.protection_steps("SPY", here.spy) != ()


@virtual
async def test_a_protection_that_waited_for_a_close_is_planned_anew(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.end(here.last(Role.STOP).intent.ref)  # naked
        await pass_time(0.1)
        here.broker.unfilled = {Role.ENTRY, Role.EXIT}
        closing = asyncio.ensure_future(here.close())
        waiting = [asyncio.ensure_future(here.executor.protect("SPY", here.spy)) for _ in range(2)]
        await pass_time(0.5)
        here.broker.fill(here.last(Role.EXIT).intent.ref, 60)
        await closing
        here.broker.end(here.last(Role.EXIT).intent.ref)
        await asyncio.gather(*waiting)
        await here.executor.protect("SPY", here.spy)
        await here.executor.protect("SPY", here.spy)
        await pass_time(0.1)

        assert here.broker.positions["SPY"] == 40
        assert here.stops_at_broker() == 40


@virtual
async def test_a_shut_market_keeps_position_and_stop(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        await pass_time((OPEN_DAY.close - TEN + timedelta(minutes=1)).total_seconds())

        result = await here.close()

        assert result.status is CloseStatus.NOT_FLAT
        assert here.stops_at_broker() == 100


@virtual
async def test_a_future_can_be_closed_outside_its_regular_session(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        night = future("SPY", liquid_hours=(), min_tick=0.01, price_steps=())
        here.desk.instruments["SPY"] = night
        await here.enter()

        result = await here.executor.close("SPY", night, role=Role.EXIT, reason=Reason.SIGNAL)

        assert result.status is CloseStatus.FLAT


@virtual
async def test_a_pause_while_the_entry_waits_in_the_queue_takes_it_back(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.queue = asyncio.Event()
        going = asyncio.ensure_future(here.executor.enter(here.bracket(), here.spy))
        await pass_time(0.1)
        await pull(here, BrakeKind.PAUSE)

        here.broker.queue.set()

        assert await going
        assert here.state_of(Role.ENTRY) == [OrderState.CANCELLED]
        assert here.broker.open() == []


@pytest.mark.req("PLAN-M4-LIFECYCLE")
@virtual
async def test_an_order_between_two_price_steps_is_neither_written_down_nor_sent(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry, stop = here.bracket()

        with pytest.raises(OrderRefusedError, match=r"the next one is 100.01 \(min_increment\)"):
            await here.executor.enter((replace(entry, limit_price=100.013), stop), here.spy)

        assert here.broker.sent == []
        assert await here.rows("SELECT * FROM intent") == []
