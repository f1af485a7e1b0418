"""When the gateway itself is wrong: one line in the log names the place, the others trade on."""

from __future__ import annotations

import logging
import traceback
from typing import Final

log = logging.getLogger(__name__)

SAME_AGAIN_S: Final = 60.0
"""Wall seconds during which an error that repeats itself is not told again."""


def place_of(error: BaseException) -> str:
    """The error with the file, line and function it came from, without control characters."""
    text = f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        last = frames[-1]
        text = f"{text} (in {last.name}, {last.filename.rpartition('/')[2]} line {last.lineno})"
    return "".join(letter if letter.isprintable() else " " for letter in text)[:500]


def note(what: str, error: BaseException) -> None:
    """Log where it happened; the whole trace only for who turned on debug messages."""
    log.error("%s: %s", what, place_of(error))
    log.debug("trace of it", exc_info=error)


class Repeats:
    """Keeps an error that comes back every turn from filling the log."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def note(self, what: str, error: BaseException, *, mono_s: float) -> None:
        """Log it unless the same one was logged within the last minute (monotonic seconds)."""
        text = place_of(error)
        if mono_s - self._told.get(text, -SAME_AGAIN_S) >= SAME_AGAIN_S:
            self._told = {text: mono_s}
            note(what, error)
