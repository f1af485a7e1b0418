"""The acting seat: many screens may look at an engine, one of them acts; taking it over is explicit."""

from __future__ import annotations

import threading
from collections.abc import Callable

from engine.api import Command, Outcome, OutcomeStatus
from engine.api_handle import SeatView
from engine.domain.reasons import Reason
from engine.runtime.process.listeners import Listeners


class Seat:
    """Who acts, and who watches; safe from any thread. Programs that only give one command need no seat."""

    def __init__(self) -> None:
        self._screens: dict[object, int] = {}
        """screen -> its process, in the order of coming"""
        self._read_only: set[object] = set()
        self._holder: object | None = None
        self._lock = threading.Lock()
        self._listeners: Listeners[Callable[[], None]] = Listeners()

    @property
    def pid(self) -> int:
        """Process of the screen that acts; 0 while nobody does."""
        with self._lock:
            return self._holder_pid()

    def join(self, screen: object, *, pid: int, sits: bool = True, read_only: bool = False) -> bool:
        """Come in; True where the seat was free and it acts now, False where it watches.

        Args:
            screen: names it from now on.
            pid: its process.
            sits: False comes to watch, also where the seat is free.
            read_only: True for one that never acts.
        """
        with self._lock:
            self._screens[screen] = pid
            if read_only:
                self._read_only.add(screen)
            elif sits and self._holder is None:
                self._holder = screen
            acts = self._holder is screen
        self._tell()
        return acts

    def take_over(self, screen: object) -> bool:
        """Act from now on; whoever did watches. False for one that may not, or is not here."""
        with self._lock:
            if screen not in self._screens or screen in self._read_only:
                return False
            self._holder = screen
        self._tell()
        return True

    def leave(self, screen: object) -> bool:
        """Go; True where it acted. The seat stays free until somebody takes it or comes in."""
        with self._lock:
            acted = self._holder is screen
            if acted:
                self._holder = None
            self._screens.pop(screen, None)
            self._read_only.discard(screen)
        self._tell()
        return acted

    def view(self, screen: object) -> SeatView:
        """How things stand for this screen."""
        with self._lock:
            return SeatView(
                acting=self._holder is screen,
                holder_pid=self._holder_pid(),
                watchers=len(self._screens) - (self._holder is not None),
                read_only=screen in self._read_only,
            )

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change`, from any thread, when somebody came, went or took over; returns how to end it."""
        return self._listeners.add(on_change)

    def _holder_pid(self) -> int:
        return 0 if self._holder is None else self._screens[self._holder]

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


def refusal(command: Command, view: SeatView) -> Outcome | None:
    """The engine's no to a screen that may not ask for that; None where it may. Pure."""
    if view.allows(command.kind):
        return None
    if view.read_only:
        text = f"{command.kind.value}: this view is read-only and sends nothing"
    else:
        who = f"the screen of process {view.holder_pid} acts" if view.holder_pid else "no screen acts"
        text = f"{command.kind.value}: this screen only watches ({who}); take over first"
    return Outcome(command.command_id, OutcomeStatus.REFUSED, Reason.NOT_ACTING_CLIENT, text)
