"""Where the process dies: right before or right after the k-th commit or send."""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple


class Point(NamedTuple):
    """One place to die. `number` counts from the start of the run, or of the life after the last death."""

    kind: str
    """`commit` or `send`."""
    number: int
    after: bool


class Fate:
    """Counts commits and sends, and says when it is over. Points come true one after the other."""

    def __init__(self, points: tuple[Point, ...] = ()) -> None:
        self._points = deque(points)
        self._counts: Counter[str] = Counter()
        self.totals: Counter[str] = Counter()
        """Commits and sends of the whole run, lives together."""
        self.in_storm: Counter[str] = Counter()
        """The same, until the faults ended."""
        self._now = False

    def arm(self, kind: str, number: int, *, after: bool) -> None:
        """Die at the `number`-th commit or send from here, or from the last point armed before."""
        if not self._points:
            self._counts.clear()
        self._points.append(Point(kind, number, after))

    def disarm(self) -> None:
        """Nothing dies any more."""
        self.in_storm = Counter(self.totals)
        self._points.clear()
        self._now = False

    def count(self, kind: str) -> int:
        """How many there were since the last point."""
        return self._counts[kind]

    def dies_before(self, kind: str) -> bool:
        """A commit or a send is about to happen: does the process end first?"""
        self._counts[kind] += 1
        self.totals[kind] += 1
        if not self._points or self._points[0][:2] != (kind, self._counts[kind]):
            return False
        self._now = self._points[0].after
        if self._now:
            return False
        self._reached()
        return True

    def dies_after(self) -> bool:
        """It happened: does the process end now?"""
        if self._now:
            self._reached()
            return True
        return False

    def _reached(self) -> None:
        self._points.popleft()
        self._counts.clear()
        self._now = False
