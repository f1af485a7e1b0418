"""Snapshots: market data at most ten times a second, everything else at once, never before it is durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from engine.runtime.publisher import GATHER_S, Publisher
from tests.runtime.small_core import first_snapshot
from tests.virtual_time import now_s, pass_time, virtual


@dataclass
class Published:
    """A publisher at work and when it published."""

    publisher: Publisher
    settled: asyncio.Event
    at: list[tuple[float, bool]] = field(default_factory=list)


@asynccontextmanager
async def published() -> AsyncIterator[Published]:
    settled = asyncio.Event()
    settled.set()

    async def wait() -> None:
        await settled.wait()

    first = first_snapshot()
    publisher = Publisher(first, build=lambda seq: replace(first, seq=seq), settled=wait)
    told = Published(publisher, settled)
    publisher.subscribe(lambda urgent: told.at.append((now_s(), urgent)))
    task = asyncio.ensure_future(publisher.run())
    await pass_time(0)
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@virtual
@pytest.mark.req("CARD-TESTABLE")
async def test_market_data_alone_publishes_at_most_ten_times_a_second() -> None:
    async with published() as told:
        for _ in range(2000):
            told.publisher.touch()
            await pass_time(0.001)

        assert 18 <= len(told.at) <= 20
        assert not any(urgent for _, urgent in told.at)


@virtual
async def test_while_nothing_moves_there_is_a_sign_of_life_every_second() -> None:
    async with published() as told:
        await pass_time(5.05)

        assert 4 <= len(told.at) <= 5
        assert not any(urgent for _, urgent in told.at)


@virtual
async def test_what_is_urgent_is_published_at_once() -> None:
    async with published() as told:
        await pass_time(0.03)
        asked_s = now_s()
        told.publisher.urge()
        await pass_time(2 * GATHER_S)

        assert told.at == [(pytest.approx(asked_s + GATHER_S), True)]


@virtual
async def test_a_snapshot_waits_until_what_it_shows_is_durable() -> None:
    async with published() as told:
        told.settled.clear()
        told.publisher.urge()
        await pass_time(1)
        assert told.at == []
        before = told.publisher.latest.seq

        told.settled.set()
        await pass_time(0.01)

        assert [urgent for _, urgent in told.at] == [True]
        assert told.publisher.latest.seq == before + 1


@virtual
async def test_who_ended_its_subscription_hears_no_more() -> None:
    async with published() as told:
        heard: list[bool] = []
        end = told.publisher.subscribe(heard.append)
        end()
        end()
        told.publisher.urge()
        await pass_time(0.2)

        assert heard == []
        assert len(told.at) == 1
