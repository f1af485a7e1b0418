"""The direct link: a front end in the same process as the engine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from engine.api import Command, Outcome, Snapshot
from engine.runtime.feed import SnapshotFeed
from engine.runtime.process.thread import EngineThread


class DirectHandle:
    """An EngineHandle over the engine's thread; every method is safe from any thread."""

    def __init__(self, thread: EngineThread, feed: SnapshotFeed) -> None:
        self._thread = thread
        self._feed = feed

    @property
    def is_alive(self) -> bool:
        """False once the engine has ended."""
        return self._thread.is_alive

    def snapshot(self) -> Snapshot:
        """The latest snapshot; never blocks."""
        return self._feed.latest

    def submit(self, command: Command) -> Future[Outcome]:
        """Hand a command over; the future resolves when it has ended."""
        return self._thread.submit(command)

    def subscribe(self, on_urgent: Callable[[], None]) -> Callable[[], None]:
        """Call `on_urgent` on the engine's thread whenever something must be seen at once."""

        def on_change(urgent: bool) -> None:
            if urgent:
                on_urgent()

        return self._feed.subscribe(on_change)
