"""What a front end holds of an engine: its handle, whether it may act there, and what it saw last."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from engine.api import BrakeKind, Command, CommandKind, Outcome, Scope, Snapshot

OPEN_TO_WATCHERS: Final = frozenset(
    {
        CommandKind.PAUSE,
        CommandKind.HALT,
        CommandKind.KILL,
        CommandKind.SCAN,
        CommandKind.PLAN,
        CommandKind.JUDGE_ORDER,
        CommandKind.LOOK_BACK,
        CommandKind.NOTE,
        CommandKind.SEEN,
        CommandKind.WATCH,
        CommandKind.TAKE_OVER,
    }
)
"""What a screen that only watches may ask for: the safe direction, questions, a note, and to act itself."""


ONLY_LOOKS: Final = frozenset({CommandKind.WATCH})
"""What a read-only view may ask for: it chooses what it is shown."""


@dataclass(frozen=True, slots=True)
class SeatView:
    """Who acts on the engine, as one screen sees it."""

    acting: bool = True
    """This screen acts; False: it watches."""
    holder_pid: int = 0
    """Process of the screen that acts; 0 while none does."""
    watchers: int = 0
    """Screens that only watch, this one included where it does."""
    read_only: bool = False
    """True for a view that may never act and asks for nothing but to look, not even for a brake."""

    def allows(self, kind: CommandKind) -> bool:
        """Whether this screen may ask for that."""
        return self.acting or kind in (ONLY_LOOKS if self.read_only else OPEN_TO_WATCHERS)


THE_ONLY_SCREEN: Final = SeatView()


@dataclass(frozen=True, slots=True)
class Departure:
    """What the account looked like when a screen of this origin left last."""

    at: datetime
    """Wall time, aware UTC."""
    exchange_at: datetime
    """Exchange time: fills and orders since are later than that."""
    event_seq: int
    """Number of the newest event then; 0 before any."""
    day_usd: float | None
    positions: tuple[tuple[str, int], ...]
    """Symbol and signed quantity of each holding."""
    brakes: tuple[tuple[BrakeKind, Scope], ...]
    alerts: tuple[int, ...]
    """Ids of those that stood."""


class EngineHandle(Protocol):
    """What a front end holds: direct (same process) or over the socket. Thread-safe."""

    def snapshot(self) -> Snapshot:
        """The latest snapshot; never blocks."""
        ...

    def submit(self, command: Command) -> Future[Outcome]:
        """Hand a command to the engine; the future resolves when it has ended."""
        ...

    def subscribe(self, on_urgent: Callable[[], None]) -> Callable[[], None]:
        """Call `on_urgent` (from any thread) for what must be seen at once; returns how to end it."""
        ...

    def seat(self) -> SeatView:
        """Whether this screen acts, and who else is there; never blocks."""
        ...

    def departure(self) -> Departure | None:
        """How things stood when a screen of this origin left last; None where none was here in this run."""
        ...

    @property
    def is_alive(self) -> bool:
        """False once the engine has stopped or the link to it is gone."""
        ...
