"""What the runtime's shell (thread, socket, signals) needs of an engine, and nothing more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.api import Command, Outcome, Snapshot


class SnapshotSource(Protocol):
    """Where the latest snapshot is published. Reading is safe from any thread."""

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot; rebound, never mutated."""
        ...

    def subscribe(self, on_change: Callable[[bool], None]) -> Callable[[], None]:
        """Call `on_change(urgent)` on the engine loop after each publication; returns how to end it."""
        ...


class EngineCore(Protocol):
    """One engine, living on one event loop from `run()` to its return."""

    @property
    def source(self) -> SnapshotSource:
        """Its snapshots."""
        ...

    async def run(self) -> int:
        """Boot, trade, drain; returns the process exit code when it has stopped."""
        ...

    async def execute(self, command: Command) -> Outcome:
        """Carry out one operator command; never raises for bad input, answers REFUSED or FAILED."""
        ...
