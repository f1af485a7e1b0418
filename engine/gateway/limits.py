"""What a client may ask for per second and per ten minutes, counted on the wall clock as IBKR counts."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final

_WINDOW_S: Final = 1.0
_STRIKES_TO_DROP: Final = 3
_STRIKE_MEMORY_S: Final = 10.0
_HISTORY_WINDOW_S: Final = 600.0
_IDENTICAL_S: Final = 15.0
_BURST_WINDOW_S: Final = 2.0
_BURST_MOST: Final = 5


class Admission(Enum):
    """What becomes of one message."""

    OK = "ok"
    REFUSED_AND_TOLD = "refused, error 100 is due"
    REFUSED = "refused, already told in this second"
    DROP = "the client keeps on; close its connection"


class MessageRate:
    """Sliding one-second window over one client's messages."""

    def __init__(self, most_per_second: int) -> None:
        self._most = most_per_second
        self._recent: deque[float] = deque()
        self._strikes: deque[float] = deque()

    def admit(self, mono_s: float) -> Admission:
        """Count a message that arrived at `mono_s` (monotonic seconds)."""
        while self._recent and mono_s - self._recent[0] >= _WINDOW_S:
            self._recent.popleft()
        if len(self._recent) < self._most:
            self._recent.append(mono_s)
            return Admission.OK
        if self._strikes and mono_s - self._strikes[-1] < _WINDOW_S:
            return Admission.REFUSED
        while self._strikes and mono_s - self._strikes[0] > _STRIKE_MEMORY_S:
            self._strikes.popleft()
        self._strikes.append(mono_s)
        return Admission.DROP if len(self._strikes) >= _STRIKES_TO_DROP else Admission.REFUSED_AND_TOLD


class HistoryPacing:
    """IBKR's pacing of small-bar history (30 s and less); the reason text, or empty where allowed."""

    def __init__(self, most_per_10_minutes: int) -> None:
        self._most = most_per_10_minutes
        self._recent: deque[tuple[float, str, str]] = deque()

    def refusal(self, mono_s: float, *, request: str, line: str) -> str:
        """Count a request; `request` is its full text, `line` names contract, exchange and kind."""
        while self._recent and mono_s - self._recent[0][0] >= _HISTORY_WINDOW_S:
            self._recent.popleft()
        if len(self._recent) >= self._most:
            return f"Historical data request pacing violation: more than {self._most} in 10 minutes"
        if any(mono_s - at < _IDENTICAL_S and request == asked for at, asked, _ in self._recent):
            return "Historical data request pacing violation: identical request within 15 seconds"
        burst = sum(1 for at, _, asked in self._recent if mono_s - at < _BURST_WINDOW_S and asked == line)
        if burst >= _BURST_MOST:
            return "Historical data request pacing violation: more than 5 for one contract in 2 seconds"
        self._recent.append((mono_s, request, line))
        return ""
