"""What the standard descriptors lead to: light, for the process that only waits in the terminal."""

from __future__ import annotations

import os


def screen_descriptor() -> int | None:
    """The descriptor to draw on: standard output, else standard error; None without a terminal or keys."""
    if not _is_tty(0):
        return None
    return next((descriptor for descriptor in (1, 2) if _is_tty(descriptor)), None)


def colours() -> str:
    """What the environment says about colours, in words."""
    if os.environ.get("NO_COLOR"):
        return "none (NO_COLOR is set)"
    if os.environ.get("COLORTERM", "") in {"truecolor", "24bit"}:
        return "16 million"
    return "256" if "256color" in os.environ.get("TERM", "") else "16"


def _is_tty(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False
