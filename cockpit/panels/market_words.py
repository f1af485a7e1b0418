"""What the panels of one market say alike: how old their figures are, and that there are none yet."""

from __future__ import annotations

from cockpit import format as fmt
from cockpit.frame import STALE_S, Frame


def age_words(age_s: float | None, *, frame: Frame) -> str:
    """Age of a figure of the engine, which gets older while the engine is silent."""
    if age_s is None:
        return "nothing yet"
    age_s += frame.age_s
    return f"~ stale, {fmt.age(age_s)}" if age_s > STALE_S else fmt.age(age_s)


def waiting(frame: Frame) -> str:
    """Instead of a market."""
    if not frame.snapshot.positions and not frame.snapshot.selection.universe:
        return " no market to look at yet"
    return " waits for the engine to show it"
