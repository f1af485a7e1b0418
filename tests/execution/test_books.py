"""Nothing is told before it is durable, and what waits is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from engine.domain.managed import InvalidPositionError
from engine.domain.order import Order, OrderIntent, OrderState, Role
from engine.execution.books import JournalDownError
from engine.ledger.events import Source, StatusClaimed, StopMoved
from tests.builders import TEN
from tests.execution.rig import rig
from tests.virtual_time import pass_time, virtual


def _cancelled(ref: str) -> StatusClaimed:
    return StatusClaimed(ref, 0, 0, "Cancelled", 0, 0.0, Source.BROKER, TEN)


@virtual
async def test_listeners_hear_of_a_change_when_another_connection_can_read_it(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        written: list[int] = []
        here.books.on_changes(lambda _: written.append(here.store.metrics().writes))
        before = here.store.metrics().writes

        await here.books.post(_cancelled(entry.ref))

        assert written == [before + 1]


@virtual
async def test_the_gate_sees_a_change_at_once_and_settled_waits_for_the_disk(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        posting = asyncio.ensure_future(here.books.post(_cancelled(entry.ref)))
        await asyncio.sleep(0)

        assert here.state_of(Role.ENTRY) == [OrderState.CANCELLED]
        settling = asyncio.ensure_future(here.books.settled())
        await asyncio.sleep(0)
        assert not settling.done()

        await settling
        assert await here.rows("SELECT state FROM intent WHERE role = 'entry'") == [("cancelled",)]
        await posting


@virtual
async def test_a_cancelled_caller_does_not_lose_a_record(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        posting = asyncio.ensure_future(here.books.post(_cancelled(entry.ref)))
        await asyncio.sleep(0)

        posting.cancel()
        await asyncio.gather(posting, return_exceptions=True)
        await pass_time(0.1)

        assert await here.rows("SELECT state FROM intent WHERE role = 'entry'") == [("cancelled",)]


@virtual
async def test_an_event_the_ledger_cannot_take_does_not_cost_those_before_it(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry = await here.enter(filled=0)
        told: list[int] = []
        here.books.on_changes(lambda changes: told.append(len(changes.orders)))

        with pytest.raises(ValueError, match="cannot be moved"):
            await here.books.post(_cancelled(entry.ref), StopMoved("SPY", float("nan"), "trail", TEN))

        assert told == [1]
        assert await here.rows("SELECT state FROM intent WHERE role = 'entry'") == [("cancelled",)]


@virtual
async def test_sending_counts_from_the_turn_the_disk_gets_it_and_is_told_once_it_is_durable(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        entry, _ = pair = here.bracket()
        await here.books.register(pair)
        await pass_time(0.1)
        told: list[Order] = []
        here.books.on_changes(lambda changes: told.extend(changes.orders))
        asked: list[str] = []

        marking = asyncio.ensure_future(
            here.books.mark_sending(((entry.ref, 7),), meanwhile=lambda: asked.append("meanwhile"))
        )
        await asyncio.sleep(0)
        assert here.state_of(Role.ENTRY) == [OrderState.SENDING]
        assert (marking.done(), told) == (False, [])

        await marking
        assert asked == ["meanwhile"]
        assert await here.rows("SELECT state FROM intent WHERE role = 'entry'") == [("sending",)]
        await pass_time(0.1)
        assert [order.state for order in told] == [OrderState.SENDING]


@virtual
async def test_an_entry_is_with_the_disk_first_and_counts_on_the_same_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path) as here:
        steps: list[str] = []
        record = here.store.record_intents

        async def recorded(intents: Iterable[OrderIntent], *, at: datetime, keep: bool = False) -> bool:
            steps.append("disk")
            return await record(intents, at=at, keep=keep)

        monkeypatch.setattr(here.store, "record_intents", recorded)
        here.books.on_event = lambda *_: steps.append("ledger")

        registering = asyncio.ensure_future(here.books.register(here.bracket()))
        await asyncio.sleep(0)

        assert steps == ["disk", "ledger"]
        assert here.state_of(Role.ENTRY) == [OrderState.PENDING]
        await registering


@virtual
async def test_an_entry_that_can_never_become_a_position_is_not_written_down(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        entry, stop = here.bracket()

        with pytest.raises(InvalidPositionError, match="entry_price is nan"):
            await here.books.register((replace(entry, limit_price=float("nan")), stop))

        assert here.books.orders() == ()
        assert await here.rows("SELECT ref FROM intent") == []


@virtual
async def test_what_a_closed_store_refuses_is_known_and_told_as_never_sent(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        pair = here.bracket()
        here.store._closed = True
        with pytest.raises(JournalDownError):
            await here.books.register(pair)
        here.store._closed = False

        await here.books.never_sent([intent.ref for intent in pair], "store_down")

        assert here.state_of(Role.ENTRY) == [OrderState.ABANDONED]


@virtual
async def test_a_mark_that_the_ledger_cannot_take_leaves_the_disk_free_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path) as here:
        first, second = pair = here.bracket()
        await here.books.register(pair)
        with monkeypatch.context() as planted:
            planted.setattr(here.books.recent, "note", _broken)
            with pytest.raises(RuntimeError, match="cannot be noted"):
                await here.books.mark_sending(((first.ref, 7),))

        await here.books.mark_sending(((second.ref, 8),))
        assert await here.rows("SELECT state FROM intent") == [("sending",), ("sending",)]


def _broken(_: object) -> None:
    raise RuntimeError("cannot be noted")
