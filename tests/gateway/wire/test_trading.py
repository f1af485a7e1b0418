"""Orders over the wire: what is told, in which order, and to whom."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.gateway.codec import Field
from engine.gateway.faults import OrderFault, OrderFaultKind
from engine.gateway.journal import JournalError
from tests.gateway.wire.world import ES, SPY, RawClient, World, running
from tests.waiting import eventually_async

_UNSET = ""


def place_fields(
    order_id: int,
    action: str,
    quantity: Field,
    kind: str,
    *,
    limit: Field = "",
    stop: Field = "",
    tif: str = "DAY",
    account: str = "",
    ref: str = "",
    transmit: bool = True,
    parent: int = 0,
    what_if: bool = False,
) -> list[Field]:
    """placeOrder of SPY at version 178, its columns in groups as the protocol has them."""
    return [
        3, order_id, *SPY, "", "",
        action, quantity, kind, limit, stop, tif, "", account, "", 0, ref, transmit, parent,
        0, 0, 0, 0, 0, 0,
        "", "", "", "", "", "", "",
        "", 0, "", -1, 0, "", "", 0, "", "", 0, 0, "", 0, "", "", "", "", "",
        0, "", "", "", "", 0, "", "", "", "", "", "",
        "", "", "", "",
        0, "", "", 0, 0, "", "", what_if, "", 0, 0, 0,
        0,
        "", "", "", "", "", "", 0, "", "", "", "", "", "", "", "", 0, 0, "", "",
        "", "", 0, "", "",
    ]  # fmt: skip


async def place(client: RawClient, *arguments: Field, **options: Field) -> list[list[str]]:
    """Send an order and gather what comes back at once."""
    client.send(*place_fields(*arguments, **options))  # type: ignore[arg-type]  # passed through
    return await client.replies()


def kinds_of(rows: list[list[str]]) -> list[str]:
    names = {
        "3": "status",
        "5": "openOrder",
        "11": "execution",
        "59": "commission",
        "4": "error",
        "61": "position",
    }
    return [names[row[0]] + (":" + row[2] if row[0] == "3" else "") for row in rows if row[0] in names]


async def bid_of(world: World) -> float:
    (con_id,) = (key for key, value in world.venue.contracts.items() if value.symbol == "SPY")
    quote = world.venue.market.quote(con_id)
    assert quote is not None
    return quote.bid


@pytest.mark.req("PLAN-M3-BROKER")
async def test_a_market_order_is_told_in_the_order_a_real_tws_tells_it(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        client.send(61, 1)
        await client.until(62)

        rows = await place(client, 1, "BUY", 10, "MKT", ref="mine")

        told = kinds_of(rows)
        first_execution = told.index("execution")
        assert told[:2] == ["openOrder", "status:PreSubmitted"]
        assert first_execution < told.index("status:Filled") < told.index("commission")
        assert told.count("commission") == told.count("execution")
        assert told[-1] == "position"
        execution = next(row for row in rows if row[0] == "11")
        report = next(row for row in rows if row[0] == "59")
        assert len(report) == 8
        assert report[2] == execution[14]
        assert "mine" in execution
        assert next(row for row in rows if row[0] == "61")[14:] == ["10", report_cost(rows)]


def report_cost(rows: list[list[str]]) -> str:
    return next(row for row in rows if row[0] == "61")[15]


async def test_a_cancel_is_a_status_and_then_error_202(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        far = round(await bid_of(world) * 0.9, 2)
        placed = await place(client, 1, "BUY", 10, "LMT", limit=far)
        assert kinds_of(placed)[-1] == "status:Submitted"

        client.send(4, 1, 1, "")
        rows = await client.replies()

        assert kinds_of(rows) == ["status:Cancelled", "error"]
        assert rows[-1][2:4] == ["1", "202"]


async def test_only_the_owner_hears_of_an_order_and_may_cancel_it(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        owner, other, master = await world.client(1), await world.client(2), await world.client(0)
        master.send(15, 1, 1)
        await master.replies()
        far = round(await bid_of(world) * 0.9, 2)

        await place(owner, 7, "BUY", 10, "LMT", limit=far)
        other.send(4, 1, 7, "")
        refused = await other.replies()
        other.send(5, 1)
        other.send(16, 1)
        listed = await other.replies()
        world.server.turn()
        heard = await master.replies()

        assert [row[2:4] for row in refused] == [["7", "10147"]]
        assert [row[0] for row in listed] == ["53", "5", "3", "53"]
        assert "openOrder" in kinds_of(heard)
        other.send(58, 1)
        await other.replies()
        world.server.turn()
        assert "status:Cancelled" in kinds_of(await owner.replies())


@pytest.mark.parametrize(
    ("arguments", "options", "code"),
    [
        ((1, "BUY", 10, "VWAP"), {}, "387"),
        ((1, "HOLD", 10, "MKT"), {}, "321"),
        ((1, "BUY", 1.5, "MKT"), {}, "10243"),
        ((1, "BUY", 10, "LMT"), {}, "321"),
        ((1, "BUY", 10, "STP"), {}, "321"),
        ((1, "BUY", 10, "MKT"), {"tif": "FOK"}, "321"),
        ((1, "BUY", 10, "LMT"), {"limit": 600.001}, "110"),
        ((1, "BUY", 10, "MKT"), {"account": "DU0000000"}, "321"),
        ((1, "BUY", 10_000_000, "MKT"), {}, "201"),
    ],
)
async def test_an_order_that_cannot_be_is_refused_with_its_code(
    tmp_path: Path, arguments: tuple[Field, ...], options: dict[str, Field], code: str
) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        rows = await place(client, *arguments, **options)

        errors = [row for row in rows if row[0] == "4"]
        assert [row[2:4] for row in errors] == [["1", code]]
        assert len(errors[0][4]) > 20
        assert world.venue.exchange.open_orders() == []


async def test_a_what_if_tells_margins_and_places_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        rows = await place(client, 1, "BUY", 100, "MKT", what_if=True)

        assert [row[0] for row in rows] == ["5"]
        assert len(rows[0]) == 135
        assert world.venue.exchange.open_orders() == []


async def test_untransmitted_orders_wait_for_the_last_child(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        bid = await bid_of(world)
        held = await place(client, 1, "BUY", 10, "LMT", limit=round(bid * 1.01, 2), transmit=False)
        assert "execution" not in kinds_of(held)

        rows = await place(client, 2, "SELL", 10, "STP", stop=round(bid * 0.9, 2), parent=1)

        assert "status:Filled" in kinds_of(rows)
        client.send(5, 1)
        listed = await client.replies()
        assert [row[1] for row in listed if row[0] == "3"] == ["2"]


@pytest.mark.req("PLAN-M3-BROKER")
async def test_an_order_outlives_its_client_and_the_gateway(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        far = round(await bid_of(world) * 0.9, 2)
        await place(client, 3, "BUY", 10, "LMT", limit=far, tif="GTC", ref="kept")
        await place(client, 4, "BUY", 5, "MKT")
    async with running(tmp_path) as world:
        client = await world.client()
        client.send(5, 1)
        orders = await client.replies()
        client.send(7, 3, 9, 0, "", "", "", "", "", "")
        fills = await client.replies()
        client.send(8, 1, 1)
        (next_id,) = await client.replies()

        assert [row[1] for row in orders if row[0] == "3"] == ["3"]
        assert any("kept" in row for row in orders if row[0] == "5")
        assert [row[0] for row in fills] == ["11", "59", "55"]
        assert int(next_id[2]) == 5


async def test_drills_reject_delay_and_roll_ids_back(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        faults = world.venue.faults
        faults.orders[OrderFaultKind.REJECT] = OrderFault(1, code=201, text="Order rejected - reason:drill")
        assert [row[2:4] for row in await place(client, 1, "BUY", 10, "MKT")] == [["1", "201"]]
        assert "status:Filled" in kinds_of(await place(client, 2, "BUY", 10, "MKT"))

        faults.order_delay_s = 3.0
        assert await place(client, 3, "BUY", 10, "MKT") == []
        world.pass_time(3.5)
        assert "status:Filled" in kinds_of(await client.replies())

        faults.order_id_rollback = 2
        client.send(8, 1, 1)
        assert (await client.replies())[0] == ["9", "1", "2"]


async def test_a_frozen_gateway_answers_nothing_and_then_everything(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        connection = next(iter(world.server.connections))
        world.venue.faults.frozen_until = world.clock.now_s + 4.0
        client.send(49, 1)
        await _received(connection)
        world.pass_time(3.0)
        assert connection.pending_bytes > 0

        world.pass_time(1.5)
        assert (await client.until(49))[0] == "49"


async def _received(connection: object) -> None:
    await eventually_async(lambda: connection.pending_bytes > 0)  # type: ignore[attr-defined]  # a Connection


async def test_a_future_that_left_the_list_is_still_told_and_then_settled(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        fields = place_fields(1, "BUY", 1, "MKT")
        fields[2:14] = ES
        client.send(*fields)
        assert "execution" in kinds_of(await client.replies())
    async with running(tmp_path, session_date="2026-12-21") as world:
        assert all(contract.local_symbol != "ESZ6" for contract in world.venue.contracts.values())
        client = await world.client()
        client.send(61, 1)
        (held, end) = await client.replies()
        world.pass_time(4)
        settled = [row for row in await client.replies() if row[0] == "61"]

        assert (held[12], held[14], end[0]) == ("ESZ6", "1", "62")
        assert [row[14] for row in settled] == ["0"]


async def test_a_full_disk_ends_the_gateway_before_it_acknowledges_anything(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.pass_time(2)
        client = await world.client()
        with Path("/dev/full").open("wb") as full:
            os.dup2(full.fileno(), world.gateway.journal._file.fileno())
        client.send(*place_fields(1, "BUY", 10, "MKT"))
        with pytest.raises(JournalError, match="cannot be written"):
            await eventually_async(world.server.turn)
        await world.server.close()

        assert await client.rest() == []
