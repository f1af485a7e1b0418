"""The acting seat: several programs may ask an engine things, one screen acts on it."""

from __future__ import annotations

import threading


class Seat:
    """Held by at most one screen; safe from any thread."""

    def __init__(self) -> None:
        self._holder: object | None = None
        self._pid = 0
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """Process of the screen that acts; 0 while nobody does."""
        return self._pid

    def take(self, holder: object, *, pid: int) -> bool:
        """Sit down; False where somebody else sits."""
        with self._lock:
            if self._holder is not None and self._holder is not holder:
                return False
            self._holder, self._pid = holder, pid
            return True

    def leave(self, holder: object) -> None:
        """Get up; nothing happens where `holder` does not sit."""
        with self._lock:
            if self._holder is holder:
                self._holder, self._pid = None, 0
