"""What the day already saw of an instrument: attempts at a pivot, last fill, last stop-out.

Derived from the same bookings as positions, so that a restart knows them without a record of their own.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from engine.domain.order import Role, Side
from engine.ledger.changes import BookedFill
from engine.ledger.track import Track

_PIVOT_DIGITS = 6
"""Finer than any price grid, coarser than binary dust: the same level is the same pivot."""


class Attempt(NamedTuple):
    """How often a level was tried today on one side."""

    key: str
    side: Side
    """Side of the entries: BUY at a resistance, SELL at a support."""
    pivot: float
    made: int
    """Entries that filled, wholly or in part."""


class Past(NamedTuple):
    """One instrument's day so far, as far as it bears on the next entry. Exchange times, aware UTC."""

    last_fill_at: datetime | None = None
    """Of the latest execution of an order of ours."""
    last_stop_out_at: datetime | None = None
    """When a protective stop last closed a position."""


NO_PAST = Past()


class DayPast:
    """Kept up with each booking, so that the gate only looks up. Single writer: the position manager."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, Side, float], set[str]] = {}
        self._tracks: dict[str, Track] = {}
        """Instruments in which something was booked."""

    def attempts(self, key: str, side: Side, pivot: float) -> int:
        """Entries of today at this level and side that filled."""
        return len(self._entries.get((key, side, round(pivot, _PIVOT_DIGITS)), ()))

    def all_attempts(self) -> tuple[Attempt, ...]:
        """Every level tried today, by instrument, side and level."""
        return tuple(Attempt(*level, len(refs)) for level, refs in sorted(self._entries.items()))

    def of(self, key: str) -> Past:
        """One instrument's day so far."""
        track = self._tracks.get(key)
        return NO_PAST if track is None else Past(track.last_fill_at, track.last_stop_out_at)

    def on_fill(self, booked: BookedFill) -> None:
        """Count the attempt that an execution belongs to; one order is one attempt."""
        fill, pivot = booked.fill, booked.plan.pivot
        if pivot is not None and fill.role == Role.ENTRY.value:
            level = (fill.key, fill.side, round(pivot, _PIVOT_DIGITS))
            self._entries.setdefault(level, set()).add(fill.order_ref)

    def on_bookings(self, track: Track) -> None:
        """Something was booked, corrected or withdrawn in an instrument: from now on its bookings count."""
        self._tracks[track.key] = track
