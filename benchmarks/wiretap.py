"""Sits on the wire between engine and gateway: stamps what passes, holds frames back, sends its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

Fields = list[bytes]
See = Callable[[Fields], bool]
"""Gets the fields of a frame as it passes; False keeps it from passing."""

PLACE, CANCEL = b"3", b"4"
MARKET_PRICE, ERROR, REAL_TIME_BAR = b"1", b"4", b"50"
_GREETING = b"API\0"


def frame(fields: Iterable[object]) -> bytes:
    """One message as the TWS API frames it."""
    payload = b"".join((f if isinstance(f, bytes) else str(f).encode()) + b"\0" for f in fields)
    return len(payload).to_bytes(4, "big") + payload


class _Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are whole now, length and all."""
        held, at, whole = self._held + data, 0, []
        while len(held) - at >= 4:
            end = at + 4 + int.from_bytes(held[at : at + 4], "big")
            if end > len(held):
                break
            whole.append(held[at:end])
            at = end
        self._held = held[at:]
        return whole


class _EngineSide(asyncio.Protocol):
    """The line to the engine: what it sends is seen where it arrives, as the echo's answers are stamped."""

    def __init__(self, tap: Wiretap) -> None:
        self._tap = tap
        self._frames = _Frames()
        self._early = b""
        """What came before the gateway was reached."""
        self._seen = 0
        self.transport: asyncio.Transport | None = None
        self.gateway: asyncio.StreamWriter | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It connected: reach the gateway."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._tap.serve(self)

    def reached(self, gateway: asyncio.StreamWriter) -> None:
        """The gateway is there; what came meanwhile goes on to it, the greeting first."""
        self.gateway = gateway
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def data_received(self, data: bytes) -> None:
        """Frames, or a part of one; the first is the handshake, which has no message number."""
        if self.gateway is None:
            self._early += data
            return
        if not self._seen and data.startswith(_GREETING):
            self.gateway.write(_GREETING)
            data = data[len(_GREETING) :]
        for whole in self._frames.feed(data):
            self._seen += 1
            if self._seen == 1 or self._tap.up(whole[4:-1].split(b"\0")):
                self.gateway.write(whole)

    def connection_lost(self, error: Exception | None) -> None:
        """It hung up: so do we at the gateway."""
        if self.gateway is not None:
            self.gateway.close()


class Wiretap:
    """A proxy for one connection at a time, in the loop of whoever measures."""

    def __init__(self, *, upstream: Callable[[], tuple[str, int]], up: See, down: See) -> None:
        """`upstream` names the gateway when a client comes; `up` sees its frames, `down` the gateway's."""
        self._upstream = upstream
        self.up = up
        self._down = down
        self._client: asyncio.Transport | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Wiretap:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _EngineSide(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def send(self, data: bytes) -> None:
        """Send frames to the engine as if the gateway had. Nothing happens where none is connected."""
        if self._client is not None:
            self._client.write(data)

    def serve(self, engine: _EngineSide) -> None:
        """Pass on between this connection and a new one to the gateway, until either ends."""
        task = asyncio.get_running_loop().create_task(self._pass_on(engine))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, engine: _EngineSide) -> None:
        assert engine.transport is not None
        gateway_in, gateway_out = await asyncio.open_connection(*self._upstream())
        self._client = engine.transport
        try:
            engine.reached(gateway_out)
            frames, seen = _Frames(), 0
            with contextlib.suppress(ConnectionError):  # either side may hang up at any time
                while data := await gateway_in.read(65536):
                    for whole in frames.feed(data):
                        seen += 1
                        if seen == 1 or self._down(whole[4:-1].split(b"\0")):
                            engine.transport.write(whole)
        finally:
            self._client = None
            engine.transport.close()
            gateway_out.close()
            with contextlib.suppress(ConnectionError):
                await gateway_out.wait_closed()
