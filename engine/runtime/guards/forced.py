"""Tells people that the engine closes a position by itself, whichever guard decided so."""

from __future__ import annotations

from typing import Final

from engine.api import Level
from engine.runtime.desk import Desk

ALERT: Final = "forced_close"


def tell_forced(desk: Desk, key: str, why: str) -> None:
    """Raise the alert that stands until a person has seen it; repeated for the same reason, it is counted."""
    desk.notices.raise_alert(Level.ERROR, ALERT, f"{key}: closed by the engine: {why}", symbol=key)
