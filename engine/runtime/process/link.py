"""The socket link: a front end in another process than the engine.

The same EngineHandle as the direct link. A thread of its own reads the socket, so that a terminal that
stalls the screen does not make this client a slow one for the engine.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self

from engine.api import API_VERSION, Command, EngineState, Outcome, OutcomeStatus, Snapshot
from engine.api_handle import Departure, SeatView
from engine.domain.reasons import Reason
from engine.runtime.process import wire
from engine.runtime.process.departures import origin_of
from engine.runtime.process.errors import FailedError, NotRunningError, RefusedError
from engine.runtime.process.listeners import Listeners
from engine.runtime.process.signals import leave_signals_to_main

ANSWER_S: Final = 5.0

Role = Literal["screen", "watcher", "viewer", "command"]
"""A `watcher` is a screen that leaves a free seat free; a `viewer` never acts; a `command` is no screen."""


class SocketHandle:
    """An EngineHandle over the control socket; every method is safe from any thread."""

    def __init__(self, connection: socket.socket, *, hello: _Hello, rest: bytes) -> None:
        self._connection = connection
        self._latest = hello.first
        self._seat = hello.seat
        self._left_before = hello.left
        self._rest = rest
        self._alive = True
        self._left = False
        self._exit_code: int | None = None
        self._listeners: Listeners[Callable[[], None]] = Listeners()
        self._waiting: dict[str, Future[Outcome]] = {}
        """command id -> who waits for its outcome"""
        self._lock = threading.Lock()
        self._heard = threading.Event()
        self._reader = threading.Thread(target=self._read, name="engine-link", daemon=True)

    @classmethod
    def connect(cls, path: Path, *, role: Role, timeout_s: float = ANSWER_S) -> Self:
        """Open the link and wait for the first snapshot.

        Raises NotRunningError where nothing listens, RefusedError where the engine says no,
        FailedError where it does not answer within `timeout_s`.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        try:
            connection.connect(os.fspath(path))
            # In one piece: an engine that refuses the hello closes before a second one could be sent.
            hello = wire.encode(
                "hello", api=API_VERSION, role=role, pid=os.getpid(), origin=origin_of(os.environ)
            )
            connection.sendall(hello + wire.encode("snapshot" if role == "command" else "watch"))
            heard, rest = _hear_first(connection)
        except (FileNotFoundError, ConnectionRefusedError) as err:
            connection.close()
            raise NotRunningError(f"no engine listens at {path}.") from err
        except (OSError, wire.WireError) as err:
            connection.close()
            raise FailedError(f"the engine at {path} does not answer ({err or 'timed out'}).") from err
        except RefusedError:
            connection.close()
            raise
        handle = cls(connection, hello=heard, rest=rest)
        connection.settimeout(None)
        handle._reader.start()
        return handle

    @property
    def is_alive(self) -> bool:
        """False once the engine has stopped or the link is gone."""
        return self._alive and self._latest.engine_state is not EngineState.STOPPED

    @property
    def exit_code(self) -> int | None:
        """The engine's exit code; None as long as it has not ended, or where the link broke before."""
        return self._exit_code

    def wait_for_end(self, timeout_s: float) -> bool:
        """Wait until the engine has gone; True if it has."""
        self._reader.join(timeout_s)
        return not self._reader.is_alive()

    def snapshot(self) -> Snapshot:
        """The latest snapshot; never blocks."""
        return self._latest

    def seat(self) -> SeatView:
        """Whether this screen acts; a program that only gives a command may."""
        return self._seat

    def departure(self) -> Departure | None:
        """How things stood when a screen of this origin left last."""
        return self._left_before

    def submit(self, command: Command) -> Future[Outcome]:
        """Send a command; the future resolves with the engine's answer, or FAILED if the link is lost."""
        future: Future[Outcome] = Future()
        with self._lock:
            if not self._alive:
                future.set_result(_lost(command.command_id))
                return future
            self._waiting[command.command_id] = future
            try:
                self._connection.sendall(wire.encode("command", data=wire.dump(command)))
            except OSError:
                self._waiting.pop(command.command_id, None)
                future.set_result(_lost(command.command_id))
        return future

    def answers(self, within_s: float) -> bool:
        """Whether the engine's loop shows a sign of life: a snapshot that was asked for now comes in time."""
        self._heard.clear()
        with contextlib.suppress(OSError):
            self._connection.sendall(wire.encode("snapshot"))
            return self._heard.wait(within_s) and self._alive
        return False

    def subscribe(self, on_urgent: Callable[[], None]) -> Callable[[], None]:
        """Call `on_urgent` from the link's thread on each change that reached us."""
        return self._listeners.add(on_urgent)

    def close(self, *, asked: bool = True) -> None:
        """Leave; `asked` is False where the terminal was lost, so that the engine knows."""
        self._left = True
        with contextlib.suppress(OSError):
            if asked:
                self._connection.sendall(wire.encode("bye"))
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.join(ANSWER_S)
        self._connection.close()

    def _read(self) -> None:
        leave_signals_to_main()
        try:
            for line in _lines(self._connection, self._rest):
                self._take(wire.decode(line))
        except (OSError, wire.WireError):
            pass  # the link is over either way; `finally` tells everyone who waits
        finally:
            self._end()

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "snapshot":
            before, self._latest = self._latest, wire.load_snapshot(message.get("data"))
            self._heard.set()
            if _is_urgent(before, self._latest):
                self._notify()
        elif message["type"] == "seat":
            self._seat = wire.load_seat(message.get("data"))
            self._notify()
        elif message["type"] == "outcome":
            outcome = wire.load_outcome(message.get("data"))
            with self._lock:
                future = self._waiting.pop(outcome.command_id, None)
            if future is not None:
                future.set_result(outcome)
        elif message["type"] == "ended":
            self._exit_code = int(message.get("code", 1))

    def _end(self) -> None:
        with self._lock:
            self._alive = False
            self._heard.set()
            waiting, self._waiting = self._waiting, {}
        for command_id, future in waiting.items():
            future.set_result(_lost(command_id))
        if not self._left:
            self._notify()

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()


def _is_urgent(before: Snapshot, after: Snapshot) -> bool:
    """Whether something other than market data changed."""
    return (
        before.engine_state is not after.engine_state
        or before.brakes != after.brakes
        or before.alerts != after.alerts
        or before.events[-1:] != after.events[-1:]
        or before.connected is not after.connected
    )


class _Hello(NamedTuple):
    """What the engine says before anything else."""

    first: Snapshot
    seat: SeatView
    left: Departure | None


def _hear_first(connection: socket.socket) -> tuple[_Hello, bytes]:
    buffer = bytearray()
    seat, left = SeatView(), None
    while True:
        while (end := buffer.find(b"\n")) >= 0:
            message = wire.decode(bytes(buffer[:end]))
            del buffer[: end + 1]
            if message["type"] == "refused":
                raise RefusedError(str(message.get("text", "the engine refused the link")))
            if message["type"] == "seat":
                seat = wire.load_seat(message.get("data"))
            if message["type"] == "left":
                left = wire.load_departure(message.get("data"))
            if message["type"] == "snapshot":
                return _Hello(wire.load_snapshot(message.get("data")), seat, left), bytes(buffer)
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionResetError("it closed the connection")
        buffer += chunk


def _lines(connection: socket.socket, rest: bytes) -> Any:
    buffer = bytearray(rest)
    while True:
        while (end := buffer.find(b"\n")) >= 0:
            yield bytes(buffer[:end])
            del buffer[: end + 1]
        if len(buffer) > wire.MAX_LINE_BYTES:
            raise wire.WireError("a line without an end")
        chunk = connection.recv(65536)
        if not chunk:
            return
        buffer += chunk


def _lost(command_id: str) -> Outcome:
    return Outcome(
        command_id,
        OutcomeStatus.FAILED,
        Reason.LINK_DOWN,
        "the link to the engine is gone; whether this was carried out is not known: `cockpit status`.",
    )
