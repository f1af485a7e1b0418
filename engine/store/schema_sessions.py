"""The table of sessions: when each market is open, made ahead of time. One of the migrations."""

from __future__ import annotations

from typing import Final

SESSIONS: Final = (
    """CREATE TABLE session_part (
        calendar TEXT NOT NULL,
        day TEXT NOT NULL,
        part INTEGER NOT NULL,
        opens_at TEXT NOT NULL,
        closes_at TEXT NOT NULL,
        PRIMARY KEY (calendar, day, part)
    ) WITHOUT ROWID""",
)
"""One row per stretch in which a market trades; a session with a break has two."""
