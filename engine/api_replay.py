"""What a front end may ask of a past session that is shown again: its clock, and nothing else."""

from __future__ import annotations

from typing import Protocol

from engine.api_handle import EngineHandle

SPEEDS: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""How many seconds of the session pass in one."""


class ReplayHandle(EngineHandle, Protocol):
    """An engine handle on the past. Every command is refused; only the time can be moved."""

    @property
    def standing(self) -> str:
        """Playing, paused or at the end, and how fast, in a few characters."""
        ...

    def toggle(self) -> None:
        """Play or pause."""
        ...

    def faster(self, steps: int) -> None:
        """Change the speed by so many steps of `SPEEDS`; negative is slower."""
        ...

    def step(self, lines: int) -> None:
        """Pause, and go on (or back, negative) to the next thing that happened."""
        ...

    def next_alert(self) -> bool:
        """Pause at the next alert; False where none follows."""
        ...

    def next_trade(self) -> bool:
        """Pause at the next execution; False where none follows."""
        ...
