"""A cancel that was lost with the line: the stop it was for covers on, and nothing is closed in a panic."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.broker.port import LinkState
from engine.domain.order import OrderState, Role
from engine.ledger.events import CancelRequested
from tests.execution.recovering import recovering
from tests.execution.rig import Rig, rig
from tests.runtime.test_engine import running
from tests.virtual_time import pass_time, virtual


async def asked_to_end(here: Rig, role: Role) -> None:
    """Its cancel is asked for, and lost on its way."""
    ref = here.last(role).intent.ref
    here.broker.link = LinkState.DOWN
    await here.books.post(CancelRequested(ref, here.desk.now()))
    assert here.last(role).state is OrderState.CANCEL_PENDING
    here.broker.link = LinkState.UP


@virtual
@pytest.mark.req("RECOVERY-GATE")
async def test_a_stop_whose_cancel_was_lost_with_the_line_works_again_in_the_books(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        await asked_to_end(here, Role.STOP)

        assert await recovering(here).account.compare(new_line=True)

        assert here.last(Role.STOP).state is OrderState.WORKING
        assert "lost with the line" in here.last(Role.STOP).message


@virtual
async def test_a_cancel_on_the_line_of_now_has_its_answer_still_to_come(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        await asked_to_end(here, Role.STOP)

        assert await recovering(here).account.compare()

        assert here.last(Role.STOP).state is OrderState.CANCEL_PENDING


@virtual
async def test_an_entry_stays_one_that_is_to_go(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(filled=0)
        await asked_to_end(here, Role.ENTRY)

        assert await recovering(here).account.compare(new_line=True)

        assert here.last(Role.ENTRY).state is OrderState.CANCEL_PENDING


@virtual
async def test_a_stop_that_did_end_meanwhile_ends_in_the_books(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        await asked_to_end(here, Role.STOP)
        here.broker.end(here.last(Role.STOP).intent.ref)

        assert await recovering(here).account.compare(new_line=True)

        assert here.last(Role.STOP).state is OrderState.CANCELLED


@virtual
async def test_a_line_that_comes_back_finds_the_stop_and_closes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.here.enter()
        await asked_to_end(it.here, Role.STOP)

        it.here.broker.lose()
        await pass_time(40)

        assert it.here.last(Role.STOP).state is OrderState.WORKING
        assert (it.here.broker.positions["SPY"], it.here.stops_at_broker()) == (100, 100)
        assert it.here.alerts("naked") == it.here.alerts("forced_close") == []
