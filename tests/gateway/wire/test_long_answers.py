"""Months of bars take seconds to make: the market, and every other client, must not notice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.wire.world import ES, SPY, RawClient, World, running

MONTHS_OF_DAYS = ("", "1 day", "4 M", 0, "TRADES", 2)


class Meter:
    """Counts the portions of history that are made, and lets the clock run a little with each."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.portions = 0
        market: Any = world.venue.market
        real = market.bars_gradually

        def metered(*arguments: Any, **wanted: Any) -> Generator[None, None, list]:
            portions = real(*arguments, **wanted)
            while True:
                try:
                    next(portions)
                except StopIteration as made:
                    return made.value
                self.portions += 1
                world.clock.now_s += 0.001
                yield

        monkeypatch.setattr(market, "bars_gradually", metered)


async def ask(client: RawClient, *, keep_up: int = 0) -> list[list[str]]:
    client.send(20, 6, *ES, 0, *MONTHS_OF_DAYS, keep_up, "")
    return await client.replies()


async def test_months_of_bars_are_made_between_turns_and_equal_those_made_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path / "once") as world:
        client = await world.client()
        (at_once,) = await ask(client)
    async with running(tmp_path / "slowly") as world:
        client = await world.client()
        meter = Meter(world, monkeypatch)
        assert await ask(client) == []
        first = meter.portions
        assert 0 < first <= 5

        turns, most = 0, 0
        while world.venue.sessions[1].subscriptions.jobs:
            before = meter.portions
            world.server.turn()
            most, turns = max(most, meter.portions - before), turns + 1
        rows = await client.replies()

        assert most <= 5
        assert turns > 10
        assert rows == [at_once]
        assert int(at_once[4]) > 80


async def test_another_client_is_answered_while_a_long_answer_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as world:
        slow, quick = await world.client(1), await world.client(2)
        Meter(world, monkeypatch)
        assert await ask(slow) == []
        quick.send(20, 7, *SPY, 0, "", "1 min", "600 S", 0, "TRADES", 2, 0, "")

        assert [row[0] for row in await quick.replies()] == ["17"]
        assert await slow.replies() == []


async def test_a_long_answer_can_be_cancelled_and_never_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        Meter(world, monkeypatch)
        assert await ask(client) == []
        client.send(25, 1, 6)
        assert await client.replies() == []
        for _ in range(100):
            world.server.turn()

        assert await client.replies() == []


async def test_a_client_that_leaves_takes_its_unfinished_answer_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as world:
        client, other = await world.client(1), await world.client(2)
        meter = Meter(world, monkeypatch)
        assert await ask(client) == []
        await client.close()
        while 1 in world.venue.sessions:
            await other.replies()
        made = meter.portions
        world.server.turn()

        assert meter.portions == made


async def test_a_request_id_in_use_by_an_unfinished_answer_is_refused_with_322(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        Meter(world, monkeypatch)
        assert await ask(client) == []
        (row,) = await ask(client)

        assert row[:4] == ["4", "2", "6", "322"]


async def test_living_history_misses_no_slot_that_passed_while_its_answer_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        Meter(world, monkeypatch)
        client.send(20, 6, *ES, 0, "", "1 min", "10 D", 0, "TRADES", 2, 1, "")
        assert await client.replies() == []
        world.clock.now_s += 12
        world.server.turn()
        assert world.venue.sessions[1].subscriptions.jobs
        world.pass_time(56)
        rows = await client.replies()

        assert rows[0][0] == "17"
        updates = [row for row in rows[1:] if row[0] == "90"]
        stamps = [int(row[3]) for row in updates]
        start = world.venue.reached // 60 * 60
        assert stamps[-1] == start
        (con_id,) = (c.con_id for c in world.venue.contracts.values() if c.local_symbol == "ESZ6")
        (truth,) = world.venue.market.bars(con_id, end=start, count=1, seconds=60, what="TRADES", rth=False)
        last = [row for row in updates if int(row[3]) == truth.start][-1]
        told = dict(zip(("count", "open", "close", "high", "low"), (last[2], *last[4:8]), strict=True))
        assert float(told["open"]) == truth.open, dt.datetime.fromtimestamp(truth.start, dt.UTC)
        assert float(told["close"]) == truth.close
        assert int(told["count"]) == truth.count


async def test_in_lockstep_the_whole_answer_comes_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, lockstep=True) as world:
        client = await world.client()
        Meter(world, monkeypatch)
        client.send(20, 6, *ES, 0, *MONTHS_OF_DAYS, 0, "")

        assert (await client.next())[0] == "17"
