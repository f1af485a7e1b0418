"""What a strategy means to do with a position once it has it: the metadata the broker does not keep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Levels that came with the entry. None where the strategy has no such thing. Prices per unit."""

    pivot: float | None = None
    """The level whose break was the reason to enter; attempts are counted per pivot and side."""
    target1: float | None = None
    target2: float | None = None
    moves_to_breakeven: bool = False
    """True where the first partial moves the stop of what is left to the entry price."""


NO_PLAN = Plan()
"""For entries without levels, and for positions whose metadata is lost."""
