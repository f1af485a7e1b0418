"""How long a position has been open, in hours of open session. Pure: the same live and in a backtest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.domain.instrument import SessionHours
from engine.domain.position import Position


class AgeLimits(NamedTuple):
    """Hours of open session after which something happens; 0 = never."""

    warn_h: float
    error_h: float
    close_h: float


def open_age_s(hours: Iterable[SessionHours], since: datetime, now: datetime) -> float:
    """Seconds of open session between two moments, as far as the hours are listed."""
    spans = ((max(h.open, since), min(h.close, now)) for h in hours)
    return sum((end - begin for begin, end in spans if end > begin), timedelta()).total_seconds()


def clock_began(position: Position) -> datetime:
    """When its age starts: at the entry, and anew with every partial."""
    return max((position.opened_at, *(p.at for p in position.partials)))


def reaches(hours: Iterable[SessionHours], since: datetime, age: timedelta) -> datetime | None:
    """When something that began then has been open for so long; None beyond the hours that are listed."""
    left = age
    for span in hours:
        begin = max(span.open, since)
        if span.close <= begin:
            continue
        if span.close - begin >= left:
            return begin + left
        left -= span.close - begin
    return None
