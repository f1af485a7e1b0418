"""Handshake, garbage, ownership of client ids, and limits, over a real socket."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine.gateway.codec import frame, message
from engine.gateway.model import Limits
from engine.gateway.session import MAX_UNREAD_BYTES
from tests.gateway.wire.world import ES, SPY, running
from tests.waiting import eventually_async

GREETING = b"API\0"


@pytest.mark.parametrize(
    ("asked", "version"),
    [("v157..157", "157"), ("v100..225", "178"), ("v157..176 +PACEAPI", "176"), ("v178", "178")],
)
async def test_the_highest_common_version_is_served(tmp_path: Path, asked: str, version: str) -> None:
    async with running(tmp_path) as world:
        client = await world.raw()
        client.write_raw(GREETING + frame(asked.encode()))
        reply = await client.next()

    assert reply[0] == version
    assert len(reply) == 2


async def test_a_client_too_old_is_told_so_and_closed(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        client = await world.raw()
        client.write_raw(GREETING + frame(b"v100..151"))
        await client.next()
        error = await client.next()

        assert error[:4] == ["4", "2", "-1", "503"]
        assert "157" in error[4]
        assert await client.is_closed()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        GREETING + frame(b"hello"),
        GREETING + b"\xff\xff\xff\xff",
        GREETING + frame(b"v157..178") + frame(b"not ended"),
        GREETING + frame(b"v157..178") + message(1, 2, 3),
        GREETING + frame(b"v157..178") + message(71, 2, "x", ""),
        GREETING + frame(b"v157..178") + message(71, 2, 1, "") + b"\0\0\0\0",
    ],
    ids=["http", "no version", "huge frame", "no NUL", "no startApi", "bad client id", "empty frame"],
)
async def test_garbage_costs_only_its_own_connection(
    tmp_path: Path, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as world:
        other = await world.client(5)
        rogue = await world.raw()
        rogue.write_raw(garbage)

        assert await rogue.is_closed()
        assert "connection closed" in caplog.text
        other.send(49, 1)
        assert (await other.until(49))[0] == "49"


async def test_arbitrary_bytes_never_stop_the_gateway(tmp_path: Path) -> None:
    source = random.Random(20261120)
    async with running(tmp_path, limits=Limits(messages_per_second=10**6)) as world:
        for attempt in range(60):
            rogue = await world.raw()
            start = GREETING + frame(b"v157..178") + message(71, 2, 50 + attempt, "")
            rogue.write_raw(start[: source.randrange(len(start) + 1)] if attempt % 3 == 0 else start)
            for _ in range(40):
                fields = [
                    source.choice(["", "0", "-1", "9e99", "x", "1.5", "SPY", "\u20ac", "2147483647"])
                    for _ in range(source.randrange(60))
                ]
                rogue.write_raw(message(source.randrange(110), *fields))
            rogue.write_raw(source.randbytes(source.randrange(200)))
            await rogue.close()
            world.pass_time(0.01)
        honest = await world.client(1)
        honest.send(49, 1)

        assert (await honest.until(49))[0] == "49"
        await eventually_async(lambda: list(world.venue.sessions) in ([], [1]))


async def test_every_handler_answers_short_and_wrong_messages_without_closing(tmp_path: Path) -> None:
    from engine.gateway.dispatch import HANDLERS

    async with running(tmp_path, limits=Limits(messages_per_second=10**6)) as world:
        client = await world.client()
        for kind in sorted(HANDLERS):
            for fields in ([], ["x"] * 5, ["1"] * 120, [""] * 120, ["1", "1", "9" * 400] * 30):
                client.send(kind, *fields)
        client.send(9, 8, 777, *SPY, 0, "", "", "")

        assert (await client.until(52))[2] == "777"


async def test_a_bad_field_is_error_320_on_its_request(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        client.send(1, 11, 33, *SPY, "perhaps", "", 0, 0, "")

        assert (await client.until(4))[2:4] == ["33", "320"]
        client.send(250, "?")
        assert (await client.until(4))[3] == "505"


async def test_a_duplicate_client_id_is_refused_and_the_first_lives_on(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        first = await world.client(9)
        second = await world.raw()
        second.write_raw(GREETING + frame(b"v157..178") + message(71, 2, 9, ""))
        error = await second.until(4)

        assert error[2:4] == ["-1", "326"]
        assert await second.is_closed()
        first.send(49, 1)
        assert (await first.until(49))[0] == "49"


async def test_lines_depth_and_tick_by_tick_are_limited_over_all_clients(tmp_path: Path) -> None:
    limits = Limits(data_lines=2, depth_lines=1, tick_by_tick_lines=1)
    async with running(tmp_path, limits=limits) as world:
        one, two = await world.client(1), await world.client(2)
        one.send(1, 11, 1, *SPY, 0, "", 0, 0, "")
        one.send(10, 5, 2, *SPY, 5, 0, "")
        one.send(97, 3, *SPY, "Last", 0, 0)
        await one.replies()
        two.send(1, 11, 1, *ES, 0, "", 0, 0, "")
        two.send(1, 11, 2, *SPY, 0, "", 0, 0, "")
        two.send(10, 5, 3, *ES, 5, 0, "")
        two.send(97, 4, *SPY, "BidAsk", 0, 0)
        refused = {
            row[2]: row[3]
            for row in await two.replies()
            if row[0] == "4" and len(row[3]) > 2 and row[2] != "-1"
        }

        assert refused == {"2": "101", "3": "309", "4": "10190"}
        one.send(2, 2, 1)
        await one.replies()
        two.send(1, 11, 5, *SPY, 0, "", 0, 0, "")
        assert "4" not in {row[0] for row in await two.replies()}


async def test_more_than_fifty_messages_a_second_are_error_100_and_then_the_end(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        client = await world.client()
        for _ in range(3):
            for _ in range(60):
                client.send(8, 1, 1)
            told = await client.until(4)
            assert told[3] == "100"
            assert "max=50" in told[4]
            world.clock.now_s += 1.0

        assert await client.is_closed()


async def test_a_client_that_does_not_read_is_dropped_and_holds_up_nobody(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        lazy, honest = await world.client(1), await world.client(2)
        lazy._writer.transport.pause_reading()
        session = world.venue.sessions[1]
        blob = message(46, 6, 1, 45, "x" * 65_000)
        for _ in range(40 + MAX_UNREAD_BYTES // len(blob) * 2):
            if session is not world.venue.sessions.get(1):
                break
            session.send(blob)
            session.flush()
        await eventually_async(lambda: 1 not in world.venue.sessions, why="the lazy client is dropped")
        honest.send(49, 1)

        assert (await honest.until(49))[0] == "49"
