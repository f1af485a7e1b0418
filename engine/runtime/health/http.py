"""A small HTTP endpoint on 127.0.0.1 for whoever watches the engine from outside: it only reads.

/live: the engine's loop turns. /ready: entries may happen now. /healthz: every check. /metrics: Prometheus.
Off unless `health.http_port` is set; nothing of it is imported before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Final, NamedTuple

from engine.api import EngineState, Level, Snapshot

HOST: Final = "127.0.0.1"
_PATIENCE_S: Final = 2.0
_MOST_BYTES: Final = 4096
_MOST_CLIENTS: Final = 8
_WORDS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    501: "Not Implemented",
}
_TROUBLE: Final = (Level.ERROR, Level.CRITICAL)


class Reply(NamedTuple):
    """What is answered."""

    status: int
    body: str
    kind: str = "application/json"


class HealthEndpoint:
    """Serves the newest snapshot; made on the engine's loop."""

    def __init__(self, *, port: int, spawn: Callable[[str, Callable[[], object]], None]) -> None:
        """`port` 0: it never listens."""
        self.snapshot: Callable[[], Snapshot] | None = None
        """What there is to say; set when there is something."""
        self._port = port
        self._spawn = spawn
        self._is_begun = False
        self._server: asyncio.Server | None = None
        self._clients = 0

    async def keep_running(self) -> None:
        """A step of the regular round: begins to listen at the first one, in a task of its own."""
        if self._port and not self._is_begun:
            self._is_begun = True
            self._spawn("health endpoint", self.run)

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._serve, HOST, self._port, limit=_MOST_BYTES)
        try:
            await self._server.serve_forever()
        finally:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if self._clients <= _MOST_CLIENTS:
                async with asyncio.timeout(_PATIENCE_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    await self._answer(head, writer)
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # not one of ours, or gone: nobody waits for an answer
        finally:
            self._clients -= 1
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        words = head.split(b"\r\n", 1)[0].decode("ascii", "replace").split(" ")
        method, path = (words[0], words[1]) if len(words) == 3 else ("", "")
        if method not in ("GET", "HEAD"):
            reply = Reply(405 if method else 400, "{}")
        elif self.snapshot is None:
            reply = Reply(503, json.dumps({"state": "starting"}))
        elif path == "/metrics":
            reply = await asyncio.to_thread(_metrics, self.snapshot())
        else:
            reply = answer(path, self.snapshot())
        body = reply.body.encode()
        status = f"HTTP/1.1 {reply.status} {_WORDS.get(reply.status, 'Service Unavailable')}\r\n"
        fields = f"Content-Type: {reply.kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write((status + fields).encode() + (b"" if method == "HEAD" else body))
        await writer.drain()


def answer(path: str, snapshot: Snapshot) -> Reply:
    """What one path says of one snapshot. Pure."""
    match path:
        case "/live":
            alive = snapshot.engine_state is not EngineState.STOPPED
            return Reply(200 if alive else 503, json.dumps({"state": snapshot.engine_state.value}))
        case "/ready":
            body = {"ready": snapshot.entries_allowed, "why": snapshot.entries_text}
            return Reply(200 if snapshot.entries_allowed else 503, json.dumps(body))
        case "/healthz":
            rows = [
                {"name": r.name, "level": r.level.value, "text": r.text, "value": r.value, "limit": r.limit}
                for r in snapshot.health
            ]
            well = bool(rows) and not any(r.level in _TROUBLE or r.blocks for r in snapshot.health)
            return Reply(200 if well else 503, json.dumps({"healthy": well, "checks": rows}))
        case _:
            return Reply(404, json.dumps({"paths": ["/live", "/ready", "/healthz", "/metrics"]}))


def _metrics(snapshot: Snapshot) -> Reply:
    try:
        from engine.runtime.health.metrics import exposition
    except ImportError:
        return Reply(501, json.dumps({"error": "install the cockpit with its extra 'metrics'"}))
    return Reply(200, exposition(snapshot), "text/plain; version=0.0.4; charset=utf-8")
