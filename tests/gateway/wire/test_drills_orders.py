"""Drills of orders and of the account: what befalls the next order, and what others do to the account."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway.wire.test_drills import drill
from tests.gateway.wire.test_trading import bid_of, kinds_of, place
from tests.gateway.wire.world import running


async def test_a_refusal_waits_for_the_order_it_is_meant_for(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        drill(world, do="reject_next", code=201, ref="-stop")
        what_if = await place(client, 1, "SELL", 10, "MKT", ref="x-stop", what_if=True)
        entry = await place(client, 2, "BUY", 10, "MKT", ref="x-entry")
        stop = await place(client, 3, "SELL", 10, "MKT", ref="x-stop")
        again = await place(client, 4, "SELL", 10, "MKT", ref="x-stop")

        assert kinds_of(what_if) == ["openOrder"]
        assert "status:Filled" in kinds_of(entry)
        assert [row[2:4] for row in stop] == [["3", "201"]]
        assert "status:Filled" in kinds_of(again)


async def test_an_order_taken_silently_works_but_is_neither_told_nor_listed_until_later(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        drill(world, do="silent_next", seconds=20)
        assert await place(client, 1, "BUY", 10, "MKT", ref="zombie") == []
        client.send(16, 1)
        client.send(99, 1)
        client.send(7, 3, 5, 0, "", "", "", "", "", "")
        client.send(61, 1)
        while_silent = [row[0] for row in await client.replies()]
        world.pass_time(21)
        later = await client.replies()

        assert while_silent == ["53", "102", "55", "61", "62"]
        assert drill(world, do="report")["positions"] == {"SPY": 10}
        assert kinds_of(later)[0] == "openOrder"
        assert "execution" in kinds_of(later)


@pytest.mark.parametrize(("seconds", "held"), [(20, {"SPY": 10}), (0, {})])
async def test_a_held_order_reaches_the_exchange_late_or_never(
    tmp_path: Path, seconds: float, held: dict[str, int]
) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        drill(world, do="hold_next", seconds=seconds, ref="late")
        assert await place(client, 1, "BUY", 10, "MKT", ref="late") == []
        world.pass_time(19)
        assert drill(world, do="report")["positions"] == {}
        world.pass_time(3)

        assert drill(world, do="report")["positions"] == held


async def test_a_split_order_fills_in_so_many_parts_as_the_market_moves(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        drill(world, do="split_next", parts=4)
        await place(client, 1, "BUY", 100, "LMT", limit=round(await bid_of(world) * 1.02, 2), transmit=False)
        await place(client, 2, "SELL", 100, "STP", stop=round(await bid_of(world) * 0.9, 2), parent=1)
        world.pass_time(30)

        executions = drill(world, do="report")["executions"]
        assert [quantity for *_, quantity, _ in executions] == [25, 25, 25, 25]


@pytest.mark.parametrize("code", [10349, 110])
async def test_a_falsely_refused_order_works_on(tmp_path: Path, code: int) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        drill(world, do="false_cancel", code=code)
        rows = await place(client, 1, "BUY", 10, "LMT", limit=round(await bid_of(world) * 0.9, 2))

        assert rows[-1][2:4] == ["1", str(code)]
        assert [order["status"] for order in drill(world, do="report")["orders"]] == ["Submitted"]


@pytest.mark.parametrize("code", [10147, 10148])
async def test_a_refused_cancel_leaves_the_order_working(tmp_path: Path, code: int) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        await place(client, 1, "BUY", 10, "LMT", limit=round(await bid_of(world) * 0.9, 2))
        drill(world, do="refuse_cancel", code=code)
        client.send(4, 1, 1, "")
        refused = await client.replies()
        assert [row[2:4] for row in refused] == [["1", str(code)]]
        assert len(drill(world, do="report")["orders"]) == 1

        client.send(4, 1, 1, "")
        assert "status:Cancelled" in kinds_of(await client.replies())


async def test_a_fill_from_before_the_cancel_is_told_after_it(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        await place(client, 1, "BUY", 10, "LMT", limit=round(await bid_of(world) * 0.9, 2))
        drill(world, do="late_fill", seconds=3, quantity=4)
        client.send(4, 1, 1, "")
        at_once = kinds_of(await client.replies())
        world.pass_time(3.5)
        later = await client.replies()

        assert at_once == ["status:Cancelled", "error"]
        assert kinds_of(later)[0] == "execution"
        report = drill(world, do="report")
        assert (report["positions"], report["orders"]) == ({"SPY": 4}, [])


async def test_a_stop_fills_when_the_drill_wants_it_at_the_price_it_names(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        await place(client, 1, "BUY", 10, "MKT", ref="a-entry")
        stop = round(await bid_of(world) * 0.9, 2)
        await place(client, 2, "SELL", 10, "STP", stop=stop, ref="a-stop")
        answer = drill(world, do="fill", ref="-stop", price=stop)

        assert answer["ref"] == "a-stop"
        assert "status:Filled" in kinds_of(await client.replies())
        report = drill(world, do="report")
        assert report["positions"] == {}
        assert report["executions"][-1][1:] == ["a-stop", "SELL", 10, stop]


async def test_an_order_of_a_stranger_is_listed_for_everybody_and_moves_the_position(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        client.send(61, 1)
        await client.replies()
        drill(world, do="external_position", symbol="SPY", quantity=10, executed=True)
        far = round(await bid_of(world) * 0.9, 2)
        stop = {"symbol": "SPY", "action": "SELL", "quantity": 10, "type": "STP", "stop": far}
        placed = drill(world, do="external_order", **stop)
        told = await client.replies()
        client.send(16, 1)
        listed = await client.replies()

        assert [row[14] for row in told if row[0] == "61"] == ["10"]
        assert "execution" not in kinds_of(told)
        assert [row[0] for row in listed] == ["5", "3", "53"]
        drill(world, do="external_cancel", order_id=placed["order_id"])
        assert drill(world, do="report")["orders"] == []


async def test_shares_that_move_without_an_order_are_told_and_survive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        client.send(61, 1)
        await client.replies()
        drill(world, do="external_position", symbol="SPY", quantity=30)
        drill(world, do="external_position", symbol="SPY", quantity=-10, price=500.0)
        told = await client.replies()

        assert [row[14] for row in told if row[0] == "61"] == ["30", "20"]
        assert drill(world, do="report")["executions"] == []
    async with running(tmp_path) as again:
        assert drill(again, do="report")["positions"] == {"SPY": 20}


async def test_an_order_can_fill_more_than_was_ordered(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        drill(world, do="overfill_next", quantity=5, ref="greedy")
        await place(client, 1, "BUY", 10, "MKT", ref="modest")
        rows = await place(client, 2, "BUY", 10, "MKT", ref="greedy")

        done = drill(world, do="report")["done"]
        assert [(o["filled"], o["remaining"]) for o in done] == [(10, 0), (15, 0)]
        assert "status:Filled" in kinds_of(rows)
        assert drill(world, do="report")["positions"] == {"SPY": 25}


async def test_what_a_fill_cost_is_told_later_and_left_out_of_lists_until_then(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        drill(world, do="delay_commissions", seconds=20)
        kinds = [row[0] for row in await place(client, 1, "BUY", 10, "MKT")]
        assert "11" in kinds
        assert "59" not in kinds
        client.send(7, 3, 5, 0, "", "", "", "", "", "")
        assert [row[0] for row in await client.replies()] == ["11", "55"]

        world.pass_time(21)
        assert [row[0] for row in await client.replies() if row[0] == "59"] == ["59"]
        client.send(7, 3, 6, 0, "", "", "", "", "", "")
        assert [row[0] for row in await client.replies() if row[0] in {"11", "59"}] == ["11", "59"]


async def test_commissions_that_are_kept_back_are_told_when_the_delay_ends(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        drill(world, do="delay_commissions", seconds=60)
        await place(client, 1, "BUY", 10, "MKT")
        drill(world, do="delay_commissions", seconds=0)

        assert "59" in [row[0] for row in await client.replies()]
