"""Screens that are imported once the first frame is drawn: together they take a tenth of it."""

from __future__ import annotations

import importlib
from typing import Final

LATER: Final = (
    "alerts",
    "asked_dialog",
    "drills",
    "health",
    "kill",
    "leave",
    "line",
    "market",
    "model",
    "orders",
    "page",
    "pages",
    "recovery",
    "risk",
    "setups",
)


def import_later() -> None:
    """Import them, so that later no key waits for a file that an update replaced."""
    for name in LATER:
        importlib.import_module(f"cockpit.screens.{name}")
