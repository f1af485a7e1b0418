"""Exchange time and monotonic time behind one small interface, so that a test can own both.

The exchange clock rules sessions, bars and quote ages; the monotonic clock rules heartbeats, pacing and
deadlines. An embedded exchange has a time and a speed of its own and publishes them in its status file;
with a real gateway the exchange's time is the machine's. Never mix the two.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

_RECHECK_S: Final = 0.25


class Clock(Protocol):
    """Both times of the cockpit."""

    @property
    def speed(self) -> float:
        """Exchange seconds per real second; 0 while the exchange's clock stands still."""
        ...

    def now(self) -> datetime:
        """Exchange time, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds of real time that never go backwards; only differences mean anything."""
        ...


class SystemClock:
    """The machine's time: right for every real gateway."""

    @property
    def speed(self) -> float:
        """A real exchange runs at 1."""
        return 1.0

    def now(self) -> datetime:
        """The wall clock, aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """`time.monotonic`."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class ClockAnchor:
    """Exchange time was `epoch_s` when the monotonic clock showed `monotonic_s`; it runs at `speed`."""

    epoch_s: float
    monotonic_s: float
    speed: float


class GatewayClock:
    """The embedded exchange's time, read from its status file and re-read when that changes.

    Reading the file is a `stat` at most four times a second, a few microseconds; a file that is missing
    or half-written leaves the last good anchor in force.
    """

    def __init__(self, status_path: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = status_path
        self._monotonic = monotonic
        self._anchor: ClockAnchor | None = None
        self._stamp: tuple[int, int] | None = None
        self._checked_s = float("-inf")

    @property
    def speed(self) -> float:
        """Exchange seconds per real second, as last published."""
        anchor = self._current()
        return anchor.speed if anchor is not None else 1.0

    def now(self) -> datetime:
        """Exchange time; the machine's own as long as no gateway has published one."""
        now_s = self._monotonic()
        # Asked half a dozen times on the way of every order: the file is only looked at when it is time.
        anchor = self._anchor if now_s - self._checked_s < _RECHECK_S else self._current()
        if anchor is None:
            return datetime.now(UTC)
        return datetime.fromtimestamp(anchor.epoch_s + (now_s - anchor.monotonic_s) * anchor.speed, UTC)

    def monotonic(self) -> float:
        """Real seconds."""
        return self._monotonic()

    def _current(self) -> ClockAnchor | None:
        now_s = self._monotonic()
        if now_s - self._checked_s >= _RECHECK_S:
            self._checked_s = now_s
            self._reread()
        return self._anchor

    def _reread(self) -> None:
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp == self._stamp:
                return
            anchor = read_anchor(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return
        self._anchor, self._stamp = anchor, stamp


def read_anchor(status: Any) -> ClockAnchor:
    """The clock part of a gateway's status document. Raises ValueError where it has none."""
    try:
        return ClockAnchor(float(status["epoch"]), float(status["monotonic_anchor"]), float(status["speed"]))
    except (KeyError, TypeError) as err:
        raise ValueError(f"the gateway's status has no usable clock: {err}") from err


class ToldClock:
    """An exchange's time as it told it once, to the second; taken to run at 1.

    For an embedded exchange of which only host and port are known: its status file is elsewhere.
    """

    def __init__(self, told: datetime, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._told = told
        self._monotonic = monotonic
        self._since_s = monotonic()

    @property
    def speed(self) -> float:
        """The wire does not tell a speed."""
        return 1.0

    def now(self) -> datetime:
        """Exchange time."""
        return self._told + timedelta(seconds=self._monotonic() - self._since_s)

    def monotonic(self) -> float:
        """Real seconds."""
        return self._monotonic()


class VirtualClock:
    """A clock that moves only when told to: for tests, and for anything that replays."""

    def __init__(self, start: datetime, *, speed: float = 1.0) -> None:
        self._now = start
        self._monotonic_s = 0.0
        self._speed = speed

    @property
    def speed(self) -> float:
        """Exchange seconds per real second."""
        return self._speed

    def now(self) -> datetime:
        """Exchange time."""
        return self._now

    def monotonic(self) -> float:
        """Real seconds since the clock was made."""
        return self._monotonic_s

    def advance(self, real_s: float) -> None:
        """Let real time pass; exchange time passes `speed` times as much."""
        self._monotonic_s += real_s
        self._now += timedelta(seconds=real_s * self._speed)
