"""How the operator left the screen: what the launcher must do next."""

from __future__ import annotations

from enum import StrEnum


class Exit(StrEnum):
    """Result of `CockpitApp.run()`. The app itself only leaves; carrying it out is the launcher's."""

    DETACH = "detach"
    """The engine trades on without a screen."""
    STOP_FLATTEN = "stop_flatten"
    """Stop the engine; close the positions first."""
    STOP_KEEP = "stop_keep"
    """Stop the engine; positions stay, their stops stay at the broker."""
    STOP_DEFAULT = "stop_default"
    """Stop the engine by `shutdown.on_signal` (ctrl+c twice)."""
    ENGINE_STOPPED = "engine_stopped"
    """The engine had ended, or the link to it was gone, before the operator left."""
    TERMINAL_LOST = "terminal_lost"
    """Nobody can see the screen any more; the engine trades on."""
    UI_FAILED = "ui_failed"
    """The screen broke (`CockpitApp.failure` says how); the engine trades on."""
