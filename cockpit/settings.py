"""What the screens are told about looks and keys; the caller fills it from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from cockpit.drill_process import Drills
from engine.api import Level


class ColorMode(StrEnum):
    """How much colour the terminal gets."""

    AUTO = "auto"
    """What the terminal says it can, and NO_COLOR where it is set."""
    ANSI = "ansi"
    """Only the terminal's own sixteen colours."""
    NONE = "none"
    """No colour; signs and words carry everything."""


@dataclass(frozen=True, slots=True)
class UiSettings:
    """Looks and keys of one cockpit."""

    theme: str = "cockpit-safe"
    refresh_s: float = 0.25
    """Seconds between two looks at the engine's snapshot; urgent events wake the screen at once."""
    keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Action id → key (or keys, comma separated) that replaces its default."""
    color: ColorMode = ColorMode.AUTO
    bell: Level | None = None
    """Least severe alert that rings the terminal's bell; None never rings."""
    freeze_gc: bool = True
    """Freeze the garbage collector after the first paint: a full collection would stop the engine thread."""
    history: Path | None = None
    """Where lines of the `:` line are kept; None forgets them with the screen."""
    drills: Drills | None = None
    """What runs drills for the screen; None where none can be started from it."""
