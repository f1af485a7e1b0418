"""What outlives the process besides bookings, as one part: checkpoints, backups, the last save."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.runtime.checkpoint import Checkpoints, LastState
from engine.runtime.desk import Desk
from engine.runtime.housekeeping import Housekeeping, tell_opening
from engine.runtime.trading import Running
from engine.store.store import Store


@dataclass(frozen=True, slots=True)
class Left:
    """What the run before left besides bookings, and how its rows were found."""

    last: LastState = field(default_factory=LastState)
    rederived: tuple[str, ...] = ()
    """Keys whose stored position was not what the bookings add up to."""
    keeps_backups: bool = True
    """False where the store is no file that could be copied."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Steps of the engine's regular round, and the last save."""

    checkpoints: Checkpoints
    housekeeping: Housekeeping

    @classmethod
    def make(
        cls,
        desk: Desk,
        *,
        store: Store,
        running: Sequence[Running],
        left: Left,
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> Memory:
        """Continue what the run before left, and tell what was wrong with it."""
        tell_opening(desk, store.opening, left.rederived)
        return cls(
            Checkpoints(desk, store=store, running=running, last=left.last),
            Housekeeping(desk, store=store, spawn=spawn, keeps_backups=left.keeps_backups),
        )

    def chores(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What is to be done every second or so, by name."""
        return {"checkpoint": self.checkpoints.round, "backup": self.housekeeping.round}
