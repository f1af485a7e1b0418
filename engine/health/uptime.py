"""How long the engine was up while its market was open, and how far apart its failures were. Pure.

A session counts from the engine's first moment in it. It was meant to run to the close, unless the last run
in it was stopped on purpose. What lies between two runs is downtime where the earlier one did not end on
purpose; a line that was lost is downtime and a failure as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from itertools import groupby, pairwise
from typing import NamedTuple


class SpanEnd(StrEnum):
    """How a stretch of being up ended."""

    RUNNING = ""
    """Nobody said: the engine is still up, or it crashed after its last sign of life."""
    STOPPED = "stopped"
    """On purpose."""
    LINE = "line"
    """The line to the broker was lost."""
    RESTART = "restart"
    """The same in the gateway's restart window: no failure, no downtime."""
    CLOSE = "close"
    """The session ended."""


class UpSpan(NamedTuple):
    """One stretch of one session in which the engine was up and connected; exchange time, aware."""

    session_open: datetime
    session_close: datetime
    began: datetime
    ended: datetime
    """Its end, or the last sign of life."""
    end: SpanEnd


class Uptime(NamedTuple):
    """What all of it comes to."""

    up_s: float
    meant_s: float
    failures: int
    sessions: int

    @property
    def pct(self) -> float | None:
        """Share of the time it was meant to be up; None before any."""
        return 100.0 * self.up_s / self.meant_s if self.meant_s > 0 else None

    @property
    def mtbf_h(self) -> float | None:
        """Trading hours of being up per failure; None without a failure."""
        return self.up_s / 3600.0 / self.failures if self.failures else None


_PLANNED = (SpanEnd.STOPPED, SpanEnd.RESTART, SpanEnd.CLOSE)


def reckon(spans: Iterable[UpSpan], *, now: datetime) -> Uptime:
    """Uptime over all recorded sessions. `now`: a session that is still open is judged up to here."""
    up = meant = 0.0
    failures = sessions = 0
    ordered = sorted(spans, key=lambda s: (s.session_open, s.began))
    for _, group in groupby(ordered, key=lambda s: s.session_open):
        listed = list(group)
        up_s, down_s, failed = _session(listed, now)
        up, meant, failures, sessions = up + up_s, meant + up_s + down_s, failures + failed, sessions + 1
    return Uptime(up, meant, failures, sessions)


def _session(spans: list[UpSpan], now: datetime) -> tuple[float, float, int]:
    """(up, down, failures) of one session; its spans in order, not overlapping."""
    up_s = sum(max(0.0, (s.ended - s.began).total_seconds()) for s in spans)
    down_s, failures = 0.0, 0
    for here, following in pairwise(spans):
        gap_s = (following.began - here.ended).total_seconds()
        if here.end not in _PLANNED and gap_s > 0:
            down_s += gap_s
            failures += 1
    last = spans[-1]
    until = min(last.session_close, now)
    rest_s = (until - last.ended).total_seconds()
    # The newest span of a running engine is as old as its last sign of life: that alone is no failure.
    if last.end not in _PLANNED and rest_s > FRESH_S:
        down_s += rest_s
        failures += 1
    return up_s, down_s, failures


FRESH_S = 60.0
"""Exchange seconds since its last sign of life for which an engine still counts as up."""
