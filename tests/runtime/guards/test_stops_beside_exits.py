"""A stop beside an exit of which nobody knows what became: never both, never neither."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.domain.order import OrderState, Role
from engine.execution.executor import CloseStatus
from engine.ledger.events import Resolved
from tests.runtime.kept import Kept, kept
from tests.virtual_time import pass_time, virtual


async def _exit_in_silence(it: Kept, role: Role = Role.EXIT) -> None:
    """Close a position of 100 with an exit that the broker takes and says nothing about."""
    await it.here.enter()
    it.here.broker.mute = True
    closing = asyncio.ensure_future(it.here.close(role=role))
    await pass_time(1)
    it.here.broker.mute = False
    assert (await closing).status is CloseStatus.NOT_FLAT


@pytest.mark.req("REQ-POS-005")
@pytest.mark.parametrize("role", [Role.EXIT, Role.FLATTEN])
@virtual
async def test_a_position_whose_exit_is_not_answered_has_a_stop_within_ten_seconds(
    tmp_path: Path, role: Role
) -> None:
    async with kept(tmp_path) as it:
        began_s = it.here.desk.clock.monotonic()
        await _exit_in_silence(it, role)
        await it.here.books.watch.until(lambda: it.here.stops_at_broker() == 100, timeout_s=30)

        assert it.here.desk.clock.monotonic() - began_s < 10
        assert it.here.last(Role.STOP).intent.oca_group == it.here.last(role).intent.ref


@virtual
async def test_a_late_fill_of_the_exit_ends_the_stop_beside_it(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await _exit_in_silence(it)
        await pass_time(20)
        assert it.here.state_of(Role.EXIT) == [OrderState.UNKNOWN]
        it.here.broker.fill(it.here.last(Role.EXIT).intent.ref, 100)
        await pass_time(2)

        assert it.here.broker.positions == {"SPY": 0}
        assert (it.here.stops_at_broker(), it.here.books.quantity("SPY")) == (0, 0)
        assert it.here.alerts("unknown_order") == []


@virtual
async def test_the_stop_beside_an_exit_ends_it_when_it_fires_first(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await _exit_in_silence(it)
        await pass_time(20)
        it.here.broker.fill(it.here.last(Role.STOP).intent.ref, 100)
        await pass_time(2)

        assert it.here.broker.open() == []
        assert it.here.broker.positions == {"SPY": 0}
        assert it.here.state_of(Role.EXIT) == [OrderState.CANCELLED]


@virtual
async def test_the_alert_of_the_exit_says_that_a_stop_covers_its_position(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await _exit_in_silence(it)
        await pass_time(20)

        (text,) = it.here.alerts("unknown_order")
        assert "a stop covers its position meanwhile" in text
        assert it.here.alerts("naked") == []


@virtual
async def test_a_second_close_leaves_the_stop_while_the_first_exit_is_of_unknown_fate(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await _exit_in_silence(it)
        await pass_time(20)
        it.here.broker.deaf_to_cancels_of = {Role.EXIT}
        sent = list(it.here.broker.sent)
        result = await it.here.close(role=Role.FLATTEN)

        assert result.status is CloseStatus.NOT_FLAT
        assert it.here.stops_at_broker() == 100
        assert it.here.broker.sent == sent


@virtual
async def test_when_the_exit_is_proven_never_sent_its_stop_stays_and_the_next_close_works(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as it:
        await _exit_in_silence(it)
        await pass_time(20)
        lost = it.here.last(Role.EXIT).intent.ref
        del it.here.broker.orders[it.here.broker.held(lost).order_id]
        await it.here.books.post(Resolved(lost, OrderState.ABANDONED, "never arrived", it.here.desk.now()))
        await pass_time(5)
        assert len(it.here.broker.open(Role.STOP)) == 1

        assert (await it.here.close()).status is CloseStatus.FLAT
        assert it.here.broker.open() == []


@virtual
async def test_an_exit_that_fills_in_part_and_hangs_is_taken_back_and_sent_anew(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.unfilled.add(Role.EXIT)
        closing = asyncio.ensure_future(it.here.close())
        await pass_time(1)
        it.here.broker.fill(it.here.last(Role.EXIT).intent.ref, 40)
        await closing
        await pass_time(20)

        assert it.here.broker.positions == {"SPY": 0}
        assert it.here.state_of(Role.EXIT) == [OrderState.CANCELLED]
        assert it.here.alerts("naked") == []
