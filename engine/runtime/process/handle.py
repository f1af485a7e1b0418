"""The direct link: a front end in the same process as the engine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from engine.api import Command, CommandKind, Outcome, Snapshot
from engine.api_handle import Departure, SeatView
from engine.runtime.feed import SnapshotFeed
from engine.runtime.process.seat import Seat, refusal
from engine.runtime.process.thread import EngineThread


class DirectHandle:
    """An EngineHandle over the engine's thread; every method is safe from any thread."""

    def __init__(self, thread: EngineThread, feed: SnapshotFeed, *, seat: Seat | None = None) -> None:
        """`seat` binds it to the rule that one screen acts; without one it belongs to the process itself."""
        self._thread = thread
        self._feed = feed
        self._seat = seat

    @property
    def is_alive(self) -> bool:
        """False once the engine has ended."""
        return self._thread.is_alive

    def snapshot(self) -> Snapshot:
        """The latest snapshot; never blocks."""
        return self._feed.latest

    def submit(self, command: Command) -> Future[Outcome]:
        """Hand a command over; the future resolves when it has ended."""
        no = refusal(command, self.seat())
        if no is not None:
            future: Future[Outcome] = Future()
            future.set_result(no)
            return future
        if command.kind is CommandKind.TAKE_OVER and self._seat is not None:
            self._seat.take_over(self)
        return self._thread.submit(command)

    def subscribe(self, on_urgent: Callable[[], None]) -> Callable[[], None]:
        """Call `on_urgent`, from any thread, whenever something must be seen at once."""

        def on_change(urgent: bool) -> None:
            if urgent:
                on_urgent()

        ends = [self._feed.subscribe(on_change)]
        if self._seat is not None:
            ends.append(self._seat.subscribe(on_urgent))

        def end() -> None:
            for one in ends:
                one()

        return end

    def seat(self) -> SeatView:
        """Whether this screen acts."""
        return SeatView() if self._seat is None else self._seat.view(self)

    def departure(self) -> Departure | None:
        """None: this screen opened the engine, so it never left it before."""
        return None
