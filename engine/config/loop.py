"""The section about the engine's regular round."""

from __future__ import annotations

from engine.config.sections import Section
from engine.config.values import key


class LoopSection(Section):
    """The engine's regular round. What is urgent (fills, kills, brakes) never waits for it."""

    poll_interval_s: float = key(1.0, unit="s", ge=0.1, le=1)
    """Longest pause between two rounds: how often positions, orders and clocks are looked at where nothing
    happens. More than a second would leave a position without its stop for too long."""
    jitter_pct: float = key(10.0, unit="%", ge=0, le=10)
    """How much shorter the pause between two rounds may be, drawn anew each time; 0 = never,
    which --live does not accept."""
