"""A whole gateway inside the test's own loop, on a clock the test moves, and a raw client to talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from engine.gateway.assembly import Gateway, build
from engine.gateway.codec import Field, FrameSplitter, frame, message, split_fields
from engine.gateway.model import GatewaySettings
from engine.gateway.server import GatewayServer

DAY = dt.date(2026, 11, 20)
SPY: tuple[Field, ...] = (0, "SPY", "STK", "", 0, "", "", "SMART", "", "USD", "", "")
ES: tuple[Field, ...] = (0, "", "FUT", "", 0, "", "", "CME", "", "USD", "ESZ6", "")


class ManualMonotonic:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class World:
    """The gateway, its server and its clock."""

    def __init__(self, gateway: Gateway, server: GatewayServer, clock: ManualMonotonic, port: int) -> None:
        self.gateway = gateway
        self.venue = gateway.venue
        self.server = server
        self.clock = clock
        self.port = port
        self._clients: list[RawClient] = []

    async def raw(self) -> RawClient:
        """A socket to the gateway on which nothing was said yet."""
        client = RawClient(*await asyncio.open_connection("127.0.0.1", self.port))
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """End every connection, the clients' sides too."""
        self.server.drop_all()
        for client in self._clients:
            await client.close()
        await self.server.close()
        self.gateway.journal.close()

    def pass_time(self, seconds: float) -> None:
        """Let time pass and the gateway take its turns."""
        for _ in range(max(1, round(seconds / 0.5))):
            self.clock.now_s += seconds / max(1, round(seconds / 0.5))
            self.server.turn()

    async def client(self, client_id: int = 1, *, version: int = 178) -> RawClient:
        """A client past startApi, its greeting already read."""
        client = await self.raw()
        client.write_raw(b"API\0" + frame(f"v100..{version}".encode()))
        await client.next()
        client.send(71, 2, client_id, "")
        while (await client.until(4))[3] != "2158":
            continue
        return client


class RawClient:
    """Sends and receives frames; knows nothing of what they mean."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._splitter = FrameSplitter()

    def write_raw(self, data: bytes) -> None:
        self._writer.write(data)

    def send(self, *fields: Field) -> None:
        self._writer.write(message(*fields))

    async def next(self) -> list[str]:
        """The next message's fields; raises EOFError where the gateway closed the connection."""
        while (payload := self._splitter.next_payload()) is None:
            async with asyncio.timeout(60):
                data = await self._reader.read(65536)
            if not data:
                raise EOFError
            self._splitter.feed(data)
        return split_fields(payload)

    async def until(self, kind: int) -> list[str]:
        """The next message of a kind; those before it are passed over."""
        while True:
            fields = await self.next()
            if fields[0] == str(kind):
                return fields

    async def replies(self) -> list[list[str]]:
        """Everything the gateway has said, up to an answer that is asked for now."""
        self.send(49, 1)
        gathered = []
        while (fields := await self.next())[0] != "49":
            gathered.append(fields)
        return gathered

    async def rest(self) -> list[list[str]]:
        """Everything said until the gateway closes the connection; fails where it does not."""
        gathered = []
        try:
            while True:
                gathered.append(await self.next())
        except (EOFError, ConnectionError):
            return gathered

    async def is_closed(self) -> bool:
        """Whether the gateway has closed this connection, whatever it said before."""
        await self.rest()
        return True

    async def close(self) -> None:
        """End the connection; closed twice is closed."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


def settings_for(folder: Path, **changes: object) -> GatewaySettings:
    """Settings of a fixed session and seed."""
    base = GatewaySettings(state_dir=str(folder), seed=7, session_date=DAY.isoformat())
    return replace(base, **changes)  # type: ignore[arg-type]  # names and types are the caller's


@asynccontextmanager
async def running(folder: Path, **changes: object) -> AsyncIterator[World]:
    """A listening gateway whose pump is turned by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = ManualMonotonic()
    gateway = build(settings_for(folder, **changes), monotonic=clock, today=DAY)
    server = GatewayServer(gateway.venue)
    port = await server.listen(0)
    world = World(gateway, server, clock, port)
    try:
        yield world
    finally:
        await world.close()
