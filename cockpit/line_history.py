"""What was typed into the `:` line: the newest lines, kept beside the state for the next evening."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

KEPT: Final = 200
LONGEST: Final = 300
UNKEPT: Final = ("--account",)
"""A line with one of these is not kept: what is typed to prove who one is must not be there to repeat."""

_log = logging.getLogger("cockpit")


class LineHistory:
    """Lines, oldest first, each once. Without a file it lasts as long as the screen."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lines: list[str] | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """Oldest first; read at the first look."""
        if self._lines is None:
            self._lines = self._read()
        return tuple(self._lines)

    def add(self, line: str) -> None:
        """Keep a line that was done. A file that cannot be written costs the memory, not the deed."""
        bare = " ".join("".join(char if char.isprintable() else " " for char in line).split())
        if not bare or len(bare) > LONGEST or any(word in bare for word in UNKEPT):
            return
        self._lines = [*(old for old in self.lines if old != bare), bare][-KEPT:]
        if self._path is None:
            return
        from engine.config.atomic import write_atomically

        try:
            write_atomically(self._path, "\n".join(self._lines) + "\n")
        except OSError as err:
            _log.warning("line.history: the lines are kept until this screen closes (%s)", err)

    def _read(self) -> list[str]:
        if self._path is None:
            return []
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as err:
            _log.warning("line.history: older lines are not offered (%s)", err)
            return []
        return [line for line in text.splitlines() if line.isprintable() and len(line) <= LONGEST][-KEPT:]
