"""The drill socket's commands, as clients hear them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.gateway.admin import AdminSocket
from tests.gateway.wire.world import ES, SPY, World, running


def drill(world: World, **command: Any) -> dict[str, Any]:
    return AdminSocket(world.server).obey(json.dumps(command).encode())


@pytest.mark.parametrize("code", [1100, 1101, 1102, 2103, 2104, 2110])
async def test_a_code_of_the_connection_reaches_every_client(tmp_path: Path, code: int) -> None:
    async with running(tmp_path) as world:
        clients = [await world.client(1), await world.client(2)]
        assert drill(world, do="error", code=code) == {"ok": True}

        for client in clients:
            (row,) = await client.replies()
            assert row[2:4] == ["-1", str(code)]


@pytest.mark.parametrize("code", [317, 354, 10167, 10197, 10349])
async def test_a_code_of_one_request_names_it(tmp_path: Path, code: int) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        assert drill(world, do="error", code=code, id=7, text="so it is") == {"ok": True}
        (row,) = await client.replies()

        assert row[2:5] == ["7", str(code), "so it is"]


@pytest.mark.parametrize(("code", "lines"), [(1101, 0), (1102, 3)])
async def test_after_1101_data_must_be_asked_for_again_and_after_1102_it_goes_on(
    tmp_path: Path, code: int, lines: int
) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        client.send(1, 11, 1, *SPY, 0, "", 0, 0, "")
        client.send(10, 5, 2, *ES, 5, 0, "")
        client.send(50, 3, 3, *SPY, 5, "TRADES", 0, "")
        client.send(20, 4, *SPY, 0, "", "1 min", "600 S", 0, "TRADES", 2, 1, "")
        client.send(61, 1)
        await client.replies()
        drill(world, do="error", code=code)
        await client.replies()
        world.pass_time(6)
        heard = {row[0] for row in await client.replies()}

        assert world.venue.lines_in_use() == lines
        assert (heard & {"1", "2", "12", "50", "90"} != set()) == bool(lines)
        assert world.venue.sessions[1].subscriptions.positions


@pytest.mark.parametrize("kind", [2, 3, 4])
async def test_level_1_says_which_kind_of_data_it_gets(tmp_path: Path, kind: int) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        assert drill(world, do="data_type", type=kind) == {"ok": True}
        client.send(1, 11, 1, *SPY, 0, "", 0, 0, "")
        rows = await client.replies()

        assert [row[2:] for row in rows if row[0] == "58"] == [["1", str(kind)]]


@pytest.mark.parametrize(
    "line",
    [b"not json", b"[]", b"{}", b'{"do": "levitate"}', b'{"do": "error"}', b'{"do": "data_type", "type": 9}'],
)
async def test_a_wrong_command_is_answered_with_the_reason(tmp_path: Path, line: bytes) -> None:
    async with running(tmp_path) as world:
        answer = AdminSocket(world.server).obey(line)

        assert answer["ok"] is False
        assert answer["error"]
