"""The control of every wire figure: a loopback echo between two processes, in the same run."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import time
from contextlib import AbstractContextManager
from types import TracebackType

MESSAGE = b"." * 80
"""As long as a 5-second bar on the wire."""


class _Echo(asyncio.Protocol):
    """Sends back what comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(data)


def _serve(listener: socket.socket) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(_Echo, sock=listener)
        async with server:
            await server.serve_forever()

    asyncio.run(forever())


class EchoProcess(AbstractContextManager["EchoProcess"]):
    """An asyncio echo server in a process of its own."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_serve, args=(self._listener,), daemon=True)

    def __enter__(self) -> EchoProcess:
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()
        self._process.close()
        self._listener.close()


class EchoClient(asyncio.Protocol):
    """Asks the echo and notes how long each answer took."""

    def __init__(self) -> None:
        self.times_s: list[float] = []
        self._answered: asyncio.Future[None] | None = None
        self._missing = 0
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def connect(cls, port: int) -> EchoClient:
        """A client of the echo at `port`."""
        _, client = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the line."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """The answer, stamped where it arrives and not where somebody wakes up to read it."""
        self._missing -= len(data)
        if self._missing <= 0 and self._answered is not None:
            self.times_s.append(time.monotonic() - self._began)
            self._answered.set_result(None)
            self._answered = None

    async def ask(self) -> float:
        """One round trip in seconds."""
        assert self._transport is not None
        answered = self._answered = asyncio.get_running_loop().create_future()
        self._missing = len(MESSAGE)
        self._began = time.monotonic()
        self._transport.write(MESSAGE)
        await answered
        return self.times_s[-1]

    def close(self) -> None:
        """End the line."""
        if self._transport is not None:
            self._transport.close()
