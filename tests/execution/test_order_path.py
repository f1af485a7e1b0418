"""The steps of an order in their order, and what late, corrected or false words about it lead to."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.order import OrderState, Role
from engine.execution.executor import CloseStatus
from tests.execution.rig import rig
from tests.virtual_time import pass_time, virtual


@virtual
@pytest.mark.req("PS60-PATH-1")
async def test_an_entry_goes_from_intent_to_stop_in_this_order(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        stored: list[tuple[object, ...]] = []
        # Read by another connection at the moment its bytes leave: what is told there is durable.
        path = here.store.path
        here.broker.on_place = lambda: stored.extend(_states(path))
        trace: list[str] = []
        here.books.on_changes(
            lambda changes: trace.extend(f"{e.source} {e.status}" for e in changes.order_events)
        )

        entry = await here.enter()

        assert stored == [("entry", "sending"), ("stop", "sending")]
        about_both = [line for line in trace if line != "broker Filled"]
        assert about_both == [
            "engine pending", "engine pending", "engine sending", "engine sending",
            "broker Submitted", "broker Submitted", "broker execution",
        ]  # fmt: skip
        assert here.broker.sent[0] == entry.ref
        assert here.books.quantity("SPY") == here.stops_at_broker() == 100


def _states(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        return list(conn.execute("SELECT role, state FROM intent ORDER BY rowid"))


@virtual
async def test_a_fill_after_the_cancel_is_booked_and_protected_again(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        assert await here.executor.cancel(entry.ref)
        held = here.broker.held(entry.ref)
        held.status = "Submitted"  # the cancel had lost the race, and nobody had said so
        here.broker.fill(entry.ref, 100)
        await pass_time(0.1)

        assert here.books.quantity("SPY") == 100
        assert await here.executor.protect("SPY", here.spy)
        await pass_time(0.1)
        assert here.stops_at_broker() == 100
        assert here.last(Role.STOP).intent.stop_price == 99.0


@virtual
async def test_a_corrected_execution_replaces_and_the_stop_follows(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        (told,) = here.broker.executions
        smaller = replace(told.fill, exec_id="0001.0001.02", quantity=90)
        here.broker.positions["SPY"] = 90
        here.broker.emit(told._replace(fill=smaller))
        await pass_time(0.1)

        assert here.books.quantity("SPY") == 90
        assert await here.executor.protect("SPY", here.spy)
        assert here.stops_at_broker() == 90


@virtual
async def test_a_cancelled_that_only_the_library_says_stays_a_claim(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        stop = here.broker.held(here.last(Role.STOP).intent.ref)
        said = here.broker.listed(stop).claim
        here.broker.emit(said._replace(status="Cancelled", source="library", message="code 10349"))
        await pass_time(0.1)

        assert here.state_of(Role.STOP) == [OrderState.WORKING]
        assert here.executor.protection_steps("SPY", here.spy) == ()  # a second stop could flip it


@virtual
async def test_an_exit_waits_for_executions_that_the_cancelled_stop_still_owes(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        stop = here.broker.held(here.last(Role.STOP).intent.ref)
        stop.filled = 40  # counted in its last status; the execution comes later
        leaving = asyncio.ensure_future(here.close())
        await pass_time(1)
        assert here.state_of(Role.STOP) == [OrderState.CANCELLED]
        assert here.state_of(Role.EXIT) == []

        stop.filled = 0
        here.broker.fill(stop.intent.ref, 40)

        assert (await leaving).status is CloseStatus.FLAT
        assert here.last(Role.EXIT).intent.quantity == 60
        assert here.broker.positions["SPY"] == 0
