"""Times without a zone are refused where values are made: one mistaken hour moves a whole trading day."""

from __future__ import annotations

from datetime import UTC, datetime


def aware(at: datetime, *, of: str) -> datetime:
    """The same time, or ValueError naming what it belongs to where it says no zone."""
    if at.tzinfo is not UTC and at.utcoffset() is None:
        raise ValueError(f"{of}: {at} says no time zone; times are aware UTC")
    return at
