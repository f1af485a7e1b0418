"""Comparing the account: unknown is not empty, absence is not rejection, and a difference must last."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from engine.broker.port import BrokerPosition, Execution, OrderClaim
from engine.domain.order import OrderState, Role
from engine.domain.reasons import Reason
from engine.ledger.changes import NoteCode
from engine.ledger.events import Registered
from engine.ledger.ledger import Ledger
from engine.runtime.inbox import tell_changes
from engine.runtime.process.late_log import LateLog
from engine.runtime.reconcile.account import AccountDesk
from tests.builders import TEN, intent
from tests.execution.recovering import recovering
from tests.execution.rig import Rig, rig
from tests.virtual_time import now_s, pass_time, virtual


def _desk(here: Rig) -> AccountDesk:
    return recovering(here).account


def _stranger(here: Rig, quantity: str, key: str = "TSLA") -> BrokerPosition:
    return BrokerPosition("DU1", 4711, key, Decimal(quantity), 200.0, key, "STK")


def _rotten(order_id: int) -> OrderClaim:
    nan = Decimal("NaN")
    return OrderClaim("", order_id, 0, 1, "Submitted", nan, nan, 0.0, "broker")


@virtual
@pytest.mark.req("RECOVERY-GATE")
async def test_an_account_that_agrees_is_settled_at_once(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        began_s = now_s()

        assert await _desk(here).compare()

        assert now_s() == began_s
        assert (here.desk.differences, here.desk.strange_orders) == ((), ())


@virtual
async def test_an_incomplete_picture_changes_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        before = (here.books.positions(), here.books.orders())
        here.broker.state_error = "positions: no answer within 10 s"

        for _ in range(3):
            assert not await _desk(here).compare()

        assert (here.books.positions(), here.books.orders()) == before
        assert here.desk.differences == ()
        (text,) = here.alerts("incomplete_picture")
        assert "no answer within 10 s" in text
        here.broker.state_error = ""
        assert await _desk(here).compare()
        assert here.alerts("incomplete_picture") == []


@virtual
@pytest.mark.req("RECOVERY-GATE")
async def test_a_position_nobody_knows_is_an_orphan_until_it_is_gone(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.foreign_positions = [_stranger(here, "25"), _stranger(here, "5", "NVDA")]
        account = _desk(here)

        assert await account.compare()

        assert {d.key for d in here.desk.differences} <= {"TSLA", "NVDA"}
        assert here.alerts("orphan") != []
        assert "books know nothing" in account.said
        here.broker.foreign_positions = []
        assert await account.compare()
        assert (here.desk.differences, here.alerts("orphan"), account.said) == ((), [], "")


@virtual
async def test_a_fraction_is_tolerated(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.foreign_positions = [_stranger(here, "0.1")]

        assert await _desk(here).compare()

        assert here.desk.differences == ()


@virtual
async def test_a_fill_that_crosses_the_answer_is_no_orphan(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        here.broker.state_delay_s = 0.5
        comparing = asyncio.ensure_future(_desk(here).compare())
        await pass_time(0.2)
        here.broker.fill(entry.ref, 100)  # after the picture was taken, before it arrived

        assert await comparing

        assert here.desk.differences == ()
        assert here.alerts("orphan") == []
        assert here.broker.log.count("state") == 2


@virtual
async def test_an_order_at_the_broker_that_nobody_knows_is_shown(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(filled=0)
        known = here.broker.listed(here.broker.open()[0])
        here.broker.foreign_orders = [known._replace(claim=known.claim._replace(order_ref="", perm_id=5))]

        await _desk(here).compare()

        assert [o.claim.perm_id for o in here.desk.strange_orders] == [5]
        assert "order 5" in here.alerts("strange_order")[0]


@virtual
async def test_an_order_missing_twice_is_of_unknown_fate_and_counted(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        here.broker.hidden = {entry.ref}

        assert await _desk(here).compare()

        assert here.state_of(Role.ENTRY) == [OrderState.UNKNOWN]
        assert here.last(Role.ENTRY).remaining == 100
        block = here.desk.symbol_block("SPY")
        assert block is not None
        assert block.reason is Reason.UNKNOWN_ORDER


@virtual
async def test_an_order_that_is_only_late_in_the_list_is_not_lost(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        here.broker.hidden = {entry.ref}
        comparing = asyncio.ensure_future(_desk(here).compare())
        await pass_time(1)
        here.broker.hidden = set()

        assert await comparing
        assert here.state_of(Role.ENTRY) == [OrderState.WORKING]


@virtual
async def test_an_order_sent_while_the_broker_is_asked_is_not_lost(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.broker.state_delay_s = 0.5
        comparing = asyncio.ensure_future(_desk(here).compare())
        await pass_time(0.1)
        await here.enter(filled=0)

        assert await comparing
        assert here.state_of(Role.ENTRY) == [OrderState.WORKING]


@virtual
async def test_what_happened_while_the_line_was_down_is_booked_once(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        heard, here.broker.emit = here.broker.emit, lambda _: None
        here.broker.fill(entry.ref, 100)
        here.broker.emit = heard
        assert here.books.quantity("SPY") == 0

        await _desk(here).compare()
        await _desk(here).compare()

        assert here.books.quantity("SPY") == 100
        assert here.state_of(Role.ENTRY) == [OrderState.FILLED]
        assert here.desk.differences == ()
        assert await here.rows("SELECT count(*) FROM fill") == [(1,)]


@virtual
async def test_an_entry_that_an_earlier_run_never_sent_is_dropped_and_an_exit_is_parked(
    tmp_path: Path,
) -> None:
    ledger = Ledger()
    ledger.apply(Registered((intent(), intent(role=Role.EXIT, ref="ck-0000-SPY-exit")), TEN))
    async with rig(tmp_path, ledger=ledger) as here:
        await here.store.record_intents([o.intent for o in here.books.orders()], at=TEN)

        await _desk(here).compare()

        assert here.state_of(Role.ENTRY) == [OrderState.ABANDONED]
        # On a full disk an exit goes out although its record still says pending.
        assert here.state_of(Role.EXIT) == [OrderState.UNKNOWN]


@virtual
async def test_an_order_just_registered_is_not_taken_for_one_of_an_earlier_run(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        account = _desk(here)
        await here.books.register(here.bracket())

        await account.compare()

        assert here.state_of(Role.ENTRY) == [OrderState.PENDING]


# --- the inbox ----------------------------------------------------------------------------------


@virtual
async def test_an_event_that_cannot_be_read_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        asked: list[str] = []
        here.inbox.on_foreign = lambda: asked.append("compare")
        order_id = here.broker.held(entry.ref).order_id

        here.broker.emit(_rotten(order_id))
        here.broker.fill(entry.ref, 100)
        await pass_time(0.1)

        assert here.books.quantity("SPY") == 100
        assert asked == ["compare"]


@virtual
async def test_a_foreign_execution_asks_for_a_comparison_and_is_not_booked(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter()
        asked: list[str] = []
        here.inbox.on_foreign = lambda: asked.append("compare")
        mine = here.broker.executions[0]
        fill = mine.fill
        foreign = Execution(
            type(fill)("0002.01", "", 5, "TSLA", 4711, fill.side, 10, fill.price, fill.at),
            0,
            7,
            liquidation=False,
            live=True,
        )

        here.broker.emit(foreign)
        here.broker.emit(foreign._replace(live=False))
        await pass_time(0.1)

        assert asked == ["compare"]
        assert here.books.position("TSLA") is None
        assert here.books.order(entry.ref) is not None


@virtual
async def test_the_same_execution_twice_is_booked_once(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.emit(here.broker.executions[0])
        await pass_time(0.1)

        assert here.books.quantity("SPY") == 100


@virtual
async def test_what_the_ledger_remarks_on_reaches_the_event_line(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.books.on_changes(partial(tell_changes, here.desk, LateLog()))
        entry = await here.enter()
        here.broker.hidden = {here.last(Role.STOP).intent.ref}
        await _desk(here).compare()

        kinds = {(e.kind, e.level.value) for e in here.desk.notices.events}
        assert ("fill", "info") in kinds
        assert ("order", "critical") in kinds
        assert not any(entry.ref in e.text and "working" in e.text for e in here.desk.notices.events)


@virtual
async def test_an_order_that_ends_while_the_account_is_asked_for_is_not_called_working_after_its_end(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        stop = here.last(Role.STOP).intent.ref
        soon: list[str] = []
        notes: list[NoteCode] = []
        here.books.on_changes(lambda changes: notes.extend(n.code for n in changes.notes))
        here.inbox.on_foreign = lambda: soon.append("asked again")
        here.broker.state_delay_s = 1.0
        comparing = asyncio.ensure_future(_desk(here).compare())
        await pass_time(0.5)
        here.broker.end(stop)

        assert await comparing
        assert here.state_of(Role.STOP) == [OrderState.CANCELLED]
        assert NoteCode.CONTRADICTION not in notes
        assert soon
