"""A scripted TWS: a TCP server whose every answer a test decides, for what no good gateway ever does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from types import TracebackType

Fields = Iterable[object]
Answer = Callable[[list[str]], list[Fields]]

START_API, CURRENT_TIME, ACCOUNT_UPDATES, PLACE, CANCEL = "71", "49", "6", "3", "4"
POSITIONS, ALL_OPEN, COMPLETED, EXECUTIONS = "61", "16", "99", "7"
DETAILS, MARKET_RULE, MARKET_DATA, REAL_TIME_BARS, DEPTH, HISTORY = "9", "91", "1", "50", "10", "20"


def frame(fields: Fields) -> bytes:
    """One message as TWS frames it."""
    payload = "".join(f"{field}\0" for field in fields).encode()
    return len(payload).to_bytes(4, "big") + payload


class ScriptedPeer:
    """Answers the handshake and the usual questions; `answers` replaces single ones, `silent` drops them."""

    def __init__(
        self,
        *,
        version: int = 178,
        account: str = "DU1",
        next_id: int = 1,
        kind: str = "",
        greeting: bytes | None = None,
    ) -> None:
        self.version = version
        self.account = account
        self.next_id = next_id
        self.greeting = greeting
        self.received: list[list[str]] = []
        self.silent: set[str] = set()
        self.answers: dict[str, Answer] = {
            START_API: lambda _: [(15, 1, self.account), (9, 1, self.next_id)],
            CURRENT_TIME: lambda _: [(49, 1, 1_790_000_000)],
            ACCOUNT_UPDATES: lambda _: [
                *([(6, 2, "GatewayKind", kind, "", account)] if kind else []),
                (6, 2, "NetLiquidation", "1000", "USD", account),
                (54, 1, account),
            ],
            POSITIONS: lambda _: [(62, 1)],
            ALL_OPEN: lambda _: [(53, 1)],
            COMPLETED: lambda _: [(102,)],
            EXECUTIONS: lambda asked: [(55, 1, asked[2])],
        }
        self.port = 0
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._reading = asyncio.Event()
        self._reading.set()

    async def __aenter__(self) -> ScriptedPeer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**16)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await self._server.wait_closed()

    def say(self, *messages: Fields) -> None:
        """Send messages unasked, in one packet."""
        self._writers[-1].write(b"".join(frame(fields) for fields in messages))

    def say_raw(self, data: bytes) -> None:
        """Send bytes unasked."""
        self._writers[-1].write(data)

    def drop(self) -> None:
        """Close every connection."""
        self._reading.set()
        for writer in self._writers:
            writer.close()

    def stop_reading(self) -> None:
        """Leave everything in the socket from now on, as a stopped process does."""
        self._reading.clear()

    def asked(self, message_id: str) -> list[list[str]]:
        """Every message of one kind received so far."""
        return [fields for fields in self.received if fields[0] == message_id]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        if self.greeting is not None:
            writer.write(self.greeting)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            assert await reader.readexactly(4) == b"API\0"
            most = int((await self._frame(reader)).decode().split(" ")[0].rpartition("..")[2])
            self.version = min(self.version, most)
            if self.greeting is None:
                writer.write(frame((self.version, "20261120 10:00:00 US/Eastern")))
            while True:
                await self._reading.wait()
                self._on_message((await self._frame(reader)).decode().split("\0")[:-1])
        writer.close()

    async def _frame(self, reader: asyncio.StreamReader) -> bytes:
        return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))

    def _on_message(self, fields: list[str]) -> None:
        self.received.append(fields)
        answer = self.answers.get(fields[0])
        if answer is not None and fields[0] not in self.silent:
            self.say(*answer(fields))
