"""Drills of the line: what is late, missing, doubled or cut, as clients hear it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway.wire.test_drills import drill
from tests.gateway.wire.test_trading import bid_of, kinds_of, place
from tests.gateway.wire.world import running
from tests.waiting import eventually_async


async def test_a_cut_line_stays_cut_until_its_time_is_over(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        assert drill(world, do="drop", seconds=5) == {"ok": True}
        assert await client.is_closed()
        turned_away = await world.raw()
        assert await turned_away.is_closed()

        world.clock.now_s += 6
        assert await world.client(2)


async def test_with_a_delay_answers_come_late_complete_and_in_order(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        drill(world, do="delay", seconds=4)
        client.send(8, 1, 1)
        client.send(49, 1)
        held = next(iter(world.venue.sessions.values()))._late
        await eventually_async(lambda: held, why="the requests arrived")
        world.pass_time(3)
        assert held, "it was told too early"
        world.pass_time(1.5)

        assert [(await client.until(kind))[0] for kind in (9, 49)] == ["9", "49"]


async def test_an_end_marker_is_withheld_as_often_as_asked_and_the_list_itself_is_not(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        drill(world, do="withhold", markers=["openOrderEnd", "execDetailsEnd"], count=1)
        for _ in range(2):
            client.send(16, 1)
            client.send(7, 3, 5, 0, "", "", "", "", "", "")
            client.send(61, 1)
        rows = [row[0] for row in await client.replies()]

        assert rows == ["62", "53", "55", "62"]


async def test_every_end_marker_can_be_withheld_until_the_drill_is_cleared(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        drill(world, do="withhold")
        asked: tuple[tuple[object, ...], ...] = (
            (16, 1), (99, 1), (61, 1), (7, 3, 5, 0, "", "", "", "", "", ""),
            (6, 2, 1, ""), (76, 1, 9, "", "", 0), (62, 1, 8, "All", "NetLiquidation"),
        )  # fmt: skip
        ends = {"53", "102", "62", "55", "54", "74", "64"}
        for fields in asked:
            client.send(*fields)  # type: ignore[arg-type]  # numbers and texts
        assert not ends & {row[0] for row in await client.replies()}

        drill(world, do="clear")
        for fields in asked:
            client.send(*fields)  # type: ignore[arg-type]  # numbers and texts
        assert ends <= {row[0] for row in await client.replies()}


async def test_messages_about_orders_are_doubled_and_executions_keep_their_id(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        drill(world, do="duplicate", count=100)
        rows = await place(client, 1, "BUY", 10, "LMT", limit=round(await bid_of(world) * 1.01, 2))

        for kind in ("11", "59", "5"):
            told = [tuple(row) for row in rows if row[0] == kind]
            assert len(told) == 2 * len(set(told)) > 0
        assert world.venue.faults.duplicates > 0


async def test_held_news_of_orders_is_told_when_the_delay_ends(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        drill(world, do="delay_orders", seconds=60)
        assert await place(client, 1, "BUY", 10, "MKT") == []
        drill(world, do="delay_orders", seconds=0)

        assert "status:Filled" in kinds_of(await client.replies())


@pytest.mark.parametrize(
    "command",
    [
        {"do": "drop", "seconds": -1},
        {"do": "delay", "seconds": "nan"},
        {"do": "withhold", "markers": ["theEnd"]},
        {"do": "split_next", "parts": 0},
        {"do": "external_position", "symbol": "SPY", "quantity": 0},
        {"do": "external_position", "symbol": "NOSUCH", "quantity": 5},
        {"do": "fill", "ref": "nobody's"},
    ],
)
async def test_arguments_that_cannot_be_are_refused_and_change_nothing(
    tmp_path: Path, command: dict[str, object]
) -> None:
    async with running(tmp_path) as world:
        answer = drill(world, **command)

        assert answer["ok"] is False
        assert not world.venue.faults.withheld
        assert world.venue.faults.away_until == 0.0
        assert drill(world, do="report")["positions"] == {}


async def test_a_halt_of_a_listed_contract_is_kept_for_every_line(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        assert drill(world, do="halt", symbol="SPY", kind=1) == {"ok": True}
        spy = next(c for c in world.venue.contracts.values() if c.symbol == "SPY")
        assert world.venue.faults.halted == {spy.con_id: 1}
        assert not drill(world, do="halt", symbol="SPY", kind=7)["ok"]
        drill(world, do="halt", symbol="SPY", kind=0)
        assert world.venue.faults.halted == {spy.con_id: 0}


async def test_muted_prices_stand_still_for_a_while_and_answers_go_on(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        assert drill(world, do="mute", seconds=5) == {"ok": True}
        assert world.venue.faults.is_muted(world.venue.monotonic())
        client = await world.client()
        client.send(49, 1)
        assert (await client.until(49))[0] == "49"

        world.clock.now_s += 6
        assert not world.venue.faults.is_muted(world.venue.monotonic())
