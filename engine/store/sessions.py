"""SQL of the sessions: calendars as they were made ahead of time, so that no start pays for the library."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import date
from itertools import groupby

from engine.domain.instrument import SessionHours
from engine.market.sessions import Calendar, SessionDay
from engine.store.values import from_time, to_time


def put_calendars(conn: sqlite3.Connection, calendars: Iterable[Calendar]) -> None:
    """Write these calendars in the place of what was known of them."""
    for calendar in calendars:
        conn.execute("DELETE FROM session_part WHERE calendar = ?", (calendar.name,))
        conn.executemany(
            "INSERT INTO session_part (calendar, day, part, opens_at, closes_at) VALUES (?, ?, ?, ?, ?)",
            (
                (calendar.name, day.day.isoformat(), number, to_time(part.open), to_time(part.close))
                for day in calendar.days
                for number, part in enumerate(day.parts)
            ),
        )


def stored_calendars(conn: sqlite3.Connection) -> dict[str, Calendar]:
    """Every calendar by its name. Raises ValueError for rows that make none."""
    rows = conn.execute(
        "SELECT calendar, day, opens_at, closes_at FROM session_part ORDER BY calendar, day, part"
    )
    return {
        name: Calendar(name, (_day(day, parts) for day, parts in groupby(of_one, key=lambda row: row[1])))
        for name, of_one in groupby(rows, key=lambda row: row[0])
    }


def _day(day: str, parts: Iterable[tuple[str, str, str, str]]) -> SessionDay:
    stretches = tuple(SessionHours(from_time(opens), from_time(closes)) for _, _, opens, closes in parts)
    return SessionDay(date.fromisoformat(day), stretches)
