"""How many errors are borne before a position is closed, entries pause, or the session ends."""

from __future__ import annotations

from engine.config.sections import Section
from engine.config.values import key


class ErrorsSection(Section):
    """Errors inside the engine, counted per position and per minute (real time)."""

    position_max: int = key(3, ge=1, le=100)
    """Errors while one position is managed at which it is closed (error_force_close)."""
    rate_per_minute: int = key(10, ge=1, le=1000)
    """Errors in a rolling minute that are borne; the next one pauses entries."""
    rate_pause_s: float = key(60.0, unit="s", gt=0, le=3600)
    """How long entries then pause; afterwards the count begins anew."""


class BreakerSection(Section):
    """Consecutive errors of one of the engine's loops (real time). Only a success clears the count."""

    loop_consecutive: int = key(10, ge=1, le=1000)
    """The error that pauses trading; exits and stops go on."""
    pause_s: float = key(60.0, unit="s", gt=0, le=3600)
    """How long trading then pauses."""
    fatal_above: int = key(10, ge=1, le=1000)
    """Errors that are survived; the next one ends the session: positions closed, state saved, exit 1."""
