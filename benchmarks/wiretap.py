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


class Wiretap:
    """A proxy for one connection at a time, in the loop of whoever measures."""

    def __init__(self, *, upstream: Callable[[], tuple[str, int]], up: See, down: See) -> None:
        """`upstream` names the gateway when a client comes; `up` sees its frames, `down` the gateway's."""
        self._upstream = upstream
        self._up = up
        self._down = down
        self._client: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Wiretap:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        gateway_in, gateway_out = await asyncio.open_connection(*self._upstream())
        gateway_out.write(await reader.readexactly(len(_GREETING)))
        self._client = writer
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on(reader, gateway_out, self._up, skip=1))
                group.create_task(_pass_on(gateway_in, writer, self._down, skip=1))
        except* ConnectionError:
            pass  # either side may hang up at any time; the other learns it below
        finally:
            self._client = None
            for side in (gateway_out, writer):
                side.close()
                with contextlib.suppress(ConnectionError):
                    await side.wait_closed()


async def _pass_on(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, see: See, *, skip: int
) -> None:
    """Until the source ends. The first `skip` frames are the handshake, which has no message number."""
    frames, seen = _Frames(), 0
    while data := await source.read(65536):
        for whole in frames.feed(data):
            seen += 1
            if seen <= skip or see(whole[4:-1].split(b"\0")):
                target.write(whole)
    raise ConnectionResetError("the other side has gone")
