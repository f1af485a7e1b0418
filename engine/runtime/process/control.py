"""The control socket: front ends and commands from other terminals, served on the engine loop.

JSON lines over a unix socket that only this user can reach (mode 0600 in a 0700 folder, and the peer's
uid is asked of the kernel). It must never hold the engine up: what a client has not read yet is never
added to, and a client that reads nothing for some seconds is dropped.

    client: hello {api, role, pid}      server: welcome {api, pid, version} | refused {code, text}
            (role: command, screen, watcher (a screen that takes no free seat), viewer (read-only);
             a screen also names its origin, and gets what `left` then, where it was here before)
                                        server: seat {data}, to screens, whenever it changes
    client: snapshot                    server: snapshot {data}
    client: watch                       server: snapshot {data}, again and again
    client: command {data}              server: outcome {data}
                                        server: ended {code}, after the last snapshot
    client: bye                         (a screen that leaves without it has lost its terminal)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from engine.api import API_VERSION, Command, CommandKind, Outcome
from engine.domain.reasons import Reason
from engine.runtime.feed import SnapshotFeed
from engine.runtime.process import wire
from engine.runtime.process.departures import MOST_ORIGIN_CHARS, Departures
from engine.runtime.process.errors import FailedError
from engine.runtime.process.paths import PRIVATE_FILE
from engine.runtime.process.seat import Seat, refusal

MAX_REQUEST_BYTES: Final = 64 * 1024
STREAM_STEP_S: Final = 0.1
SLOW_CLIENT_S: Final = 5.0
HELLO_S: Final = 5.0
FAREWELL_S: Final = 0.5
MAX_CLIENTS: Final = 16
SCREENS: Final = frozenset({"screen", "watcher", "viewer"})
"""Roles that follow the engine; all others ask for one thing and go."""

_log = logging.getLogger("cockpit.control")


class ControlServer:
    """Serves one socket; lives on the engine loop from `start` to `stop`."""

    def __init__(
        self,
        path: Path,
        *,
        feed: SnapshotFeed,
        execute: Callable[[Command], Awaitable[Outcome]],
        seat: Seat,
        departures: Departures,
        version: str,
        exit_code: Callable[[], int],
        slow_client_s: float = SLOW_CLIENT_S,
    ) -> None:
        self._path = path
        self._feed = feed
        self._execute = execute
        self._seat = seat
        self._departures = departures
        self._version = version
        self._exit_code = exit_code
        self._slow_client_s = slow_client_s
        self._server: asyncio.Server | None = None
        self._sessions: dict[asyncio.Task[None], _Session] = {}

    async def start(self) -> None:
        """Listen. Raises FailedError where the socket cannot be made."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # The lock of the state folder is ours, so a socket of that name is a dead engine's.
            self._path.unlink(missing_ok=True)
            listener.bind(os.fspath(self._path))
            self._path.chmod(PRIVATE_FILE)
            self._server = await asyncio.start_unix_server(
                self._accept, sock=listener, limit=MAX_REQUEST_BYTES
            )
        except OSError as err:
            listener.close()
            raise FailedError(f"the control socket {self._path} cannot be opened ({err.strerror}).") from err

    async def stop(self) -> None:
        """End every session and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for session in self._sessions.values():
            session.say_farewell(self._exit_code())
        await self._drained()
        for task in self._sessions:
            task.cancel()
        if self._sessions:
            await asyncio.wait(set(self._sessions), timeout=1.0)
        self._path.unlink(missing_ok=True)

    async def _drained(self) -> None:
        """Give the last words a moment to leave; a client that does not read does not hold up the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                while any(  # noqa: ASYNC110
                    session.has_unsent for session in self._sessions.values()
                ):
                    await asyncio.sleep(0.01)  # a transport has no event for "all sent"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._sessions) >= MAX_CLIENTS or not _is_same_user(writer):
            writer.transport.abort()
            return
        session = self._sessions[task] = _Session(self, reader, writer)
        try:
            await session.serve()
        except (ConnectionError, TimeoutError, wire.WireError, ValueError) as err:
            _log.info("control client %s dropped: %s", session.peer, err)
        except asyncio.CancelledError:
            _log.debug("control client %s closed at the engine's end", session.peer)
        finally:
            self._sessions.pop(task, None)
            session.close()

    def welcome(self) -> dict[str, object]:
        """What a client learns first."""
        return {"api": API_VERSION, "pid": os.getpid(), "version": self._version}

    @property
    def feed(self) -> SnapshotFeed:
        """Where snapshots come from."""
        return self._feed

    @property
    def seat(self) -> Seat:
        """Who acts."""
        return self._seat

    @property
    def departures(self) -> Departures:
        """Who was here before."""
        return self._departures

    @property
    def slow_client_s(self) -> float:
        """How long a client may read nothing."""
        return self._slow_client_s

    async def execute(self, command: Command) -> Outcome:
        """Carry out one command."""
        return await self._execute(command)


class _Session:
    """One client, from its hello to its end."""

    def __init__(
        self, server: ControlServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._tasks: set[asyncio.Task[None]] = set()
        self._role = ""
        self._origin = ""
        self._end_seat: Callable[[], None] = lambda: None
        self.peer = "before its hello"
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()

    async def serve(self) -> None:
        """Answer until the client leaves."""
        if not await self._greet():
            return
        left_asking = False
        try:
            while line := await self._reader.readline():
                message = wire.decode(line)
                if message["type"] == "bye":
                    left_asking = True
                    break
                self._answer(message)
        finally:
            if self._is_screen:
                await self._go(asked=left_asking)

    @property
    def _is_screen(self) -> bool:
        return self._role in SCREENS

    async def _go(self, *, asked: bool) -> None:
        """A screen has left: the seat is free at once, and only losing the one that acted is a loss."""
        self._end_seat()
        self._server.departures.note(self._origin, self._server.feed.latest)
        if self._server.seat.leave(self):
            await self._tell_detached(asked=asked)

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait for the client to read."""
        return bool(self._writer.transport.get_write_buffer_size())

    def say_farewell(self, code: int) -> None:
        """The engine has ended: its last snapshot and its exit code."""
        if not self.has_unsent:
            self._send_snapshot()
        self._send("ended", code=code)

    def close(self) -> None:
        """Stop what runs for this client; unsent bytes are dropped."""
        for task in self._tasks:
            task.cancel()
        self._writer.transport.abort()

    async def _greet(self) -> bool:
        async with asyncio.timeout(HELLO_S):
            hello = wire.decode(await self._reader.readline() or b"{}")
        pid = hello.get("pid")
        self.peer = f"pid {pid}"
        if hello["type"] != "hello" or hello.get("api") != API_VERSION:
            await self._refuse(
                Reason.WRONG_TARGET,
                f"this engine speaks version {API_VERSION} of the control protocol, you {hello.get('api')}; "
                "use the cockpit of the same version.",
            )
            return False
        self._role = str(hello.get("role"))
        self._send("welcome", **self._server.welcome())
        if self._is_screen:
            self._origin = str(hello.get("origin", ""))[:MOST_ORIGIN_CHARS]
            self._come_in(pid if isinstance(pid, int) else 0)
        return True

    def _come_in(self, pid: int) -> None:
        """A screen takes the seat where it is free, else it watches; and hears how it left."""
        left = self._server.departures.of(self._origin)
        if left is not None:
            self._send("left", data=wire.dump(left))
        loop, seat = asyncio.get_running_loop(), self._server.seat

        def on_change() -> None:
            loop.call_soon_threadsafe(self._send_seat)

        self._end_seat = seat.subscribe(on_change)
        seat.join(self, pid=pid, sits=self._role == "screen", read_only=self._role == "viewer")
        self._send_seat()
        if self._role != "viewer":
            self._spawn(self._tell_seen(), name=f"{self.peer} is seen")

    def _send_seat(self) -> None:
        self._send("seat", data=wire.dump(self._server.seat.view(self)))

    async def _refuse(self, code: Reason, text: str) -> None:
        self._send("refused", code=code, text=text)
        async with asyncio.timeout(self._server.slow_client_s):
            await self._writer.drain()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def _answer(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "snapshot":
            self._send_snapshot()
        elif kind == "watch":
            self._spawn(self._stream(), name=f"stream to {self.peer}")
        elif kind == "command":
            command = wire.load_command(message.get("data"))
            self._spawn(self._command(command), name=f"command {command.kind}")
        else:
            raise wire.WireError(f"unknown message {kind[:40]!r}")

    async def _command(self, command: Command) -> None:
        if command.kind is CommandKind.WATCH:
            # One look per screen, whatever it calls itself.
            command = replace(command, who=f"{self._role} {self.peer}")
        else:
            _log.info("command %s from %s: %s", command.kind, self.peer, command.reason or command.target)
        outcome = refusal(command, self._server.seat.view(self)) if self._is_screen else None
        if outcome is None:
            if command.kind is CommandKind.TAKE_OVER:
                self._server.seat.take_over(self)
            outcome = await self._server.execute(command)
        self._send("outcome", data=wire.dump(outcome))

    async def _stream(self) -> None:
        end = self._server.feed.subscribe(self._on_change)
        loop = asyncio.get_running_loop()
        read_s = loop.time()
        try:
            while True:
                now_s = loop.time()
                self._urgent.clear()
                if not self.has_unsent:
                    read_s = now_s
                    self._changed.clear()
                    self._send_snapshot()
                elif now_s - read_s > self._server.slow_client_s:
                    _log.warning("control client %s reads nothing; dropped", self.peer)
                    self._writer.transport.abort()
                    return
                await self._pause()
        finally:
            end()

    async def _pause(self) -> None:
        """Until something changed: at most ten times a second, an urgent change at once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STREAM_STEP_S):
                await self._urgent.wait()
                return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._changed.wait()

    def _on_change(self, urgent: bool) -> None:
        self._changed.set()
        if urgent:
            self._urgent.set()

    async def _tell_seen(self) -> None:
        """Somebody opened a screen: a sign of life."""
        await self._server.execute(Command(uuid.uuid4().hex, CommandKind.SEEN, who="screen"))

    async def _tell_detached(self, *, asked: bool) -> None:
        command = Command(
            uuid.uuid4().hex, CommandKind.DETACHED, target="asked" if asked else "lost", who="screen"
        )
        await self._server.execute(command)

    def _spawn(self, work: Awaitable[None], *, name: str) -> None:
        task = asyncio.ensure_future(work)
        if isinstance(task, asyncio.Task):
            task.set_name(name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send_snapshot(self) -> None:
        self._send("snapshot", data=wire.dump(self._server.feed.latest))

    def _send(self, kind: str, **fields: object) -> None:
        if not self._writer.is_closing():
            self._writer.write(wire.encode(kind, **fields))


def _is_same_user(writer: asyncio.StreamWriter) -> bool:
    """Ask the kernel who is at the other end; only our own user is let in."""
    peer = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == os.getuid())
