"""The section about the engine's regular round."""

from __future__ import annotations

from engine.config.sections import Section
from engine.config.values import key


class LoopSection(Section):
    """The engine's regular round. What is urgent (fills, kills, brakes) never waits for it."""

    jitter_pct: float = key(10.0, unit="%", ge=0, le=10)
    """How much shorter than a second the pause between two rounds may be, drawn anew each time; 0 = never,
    which --live does not accept."""
