"""A running engine thread around the small core, for tests of everything that talks to one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from engine.api import Command, CommandKind, EngineState, Mode
from engine.runtime.feed import SnapshotFeed, booting_snapshot
from engine.runtime.process.control import ControlServer
from engine.runtime.process.departures import Departures
from engine.runtime.process.handle import DirectHandle
from engine.runtime.process.seat import Seat
from engine.runtime.process.thread import EngineThread
from tests.runtime.small_core import SmallCore
from tests.waiting import eventually


@dataclass
class Running:
    """One engine thread with its parts."""

    thread: EngineThread
    feed: SnapshotFeed
    handle: DirectHandle
    seat: Seat = field(default_factory=Seat)
    socket: Path = Path()
    cores: list[SmallCore] = field(default_factory=list)

    @property
    def core(self) -> SmallCore:
        """The core once it exists."""
        return self.cores[0]


def command(kind: CommandKind, **values: object) -> Command:
    """A command with an id of its own."""
    return Command(uuid4().hex, kind, **values)  # type: ignore[arg-type]


def boot_feed() -> SnapshotFeed:
    """What is shown before there is an engine."""
    return SnapshotFeed(booting_snapshot(mode=Mode.PAPER, gateway="embedded", run_id="r", version="0"))


@contextmanager
def engine(
    *,
    socket: Path | None = None,
    slow_client_s: float = 5.0,
    wait: bool = True,
    exit_code: int = 0,
    dies_of: Exception | None = None,
) -> Iterator[Running]:
    """An engine thread around a SmallCore, ended at the end."""
    cores: list[SmallCore] = []

    async def prepare() -> SmallCore:
        cores.append(SmallCore(exit_code=exit_code, dies_of=dies_of))
        return cores[0]

    feed = boot_feed()
    thread = EngineThread(prepare, feed=feed)
    running = Running(thread, feed, DirectHandle(thread, feed), cores=cores)
    if socket is not None:
        running.socket = socket
        server = ControlServer(
            socket,
            feed=feed,
            execute=thread.execute,
            seat=running.seat,
            departures=Departures(),
            version="0",
            exit_code=lambda: thread.exit_code,
            slow_client_s=slow_client_s,
        )
        thread.attend(server)
    thread.start()
    try:
        if wait:
            eventually(lambda: feed.latest.engine_state is EngineState.READY, why="the core to run")
        yield running
    finally:
        thread.submit(command(CommandKind.STOP))
        assert thread.join(10.0), "the engine thread did not end"
