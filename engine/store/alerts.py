"""SQL of the alerts: every one ever raised, and which of them stand, over every restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from engine.store.values import from_time, maybe_time, to_time

_COLUMNS = (
    "id, code, level, symbol, text, at, raised, acknowledged_at, acknowledged_by, escalated_at, resolved_at"
)


class StoredAlert(NamedTuple):
    """One alert as it is in its table. `level` as on screen; times are exchange time."""

    alert_id: int
    code: str
    level: str
    symbol: str
    text: str
    at: datetime
    raised: int = 1
    """How often it was raised so far."""
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    escalated_at: datetime | None = None
    resolved_at: datetime | None = None
    """When its cause had ended; None while it stands."""


def put_alerts(conn: sqlite3.Connection, alerts: Iterable[StoredAlert], *, boot_id: str) -> None:
    """Write alerts as they stand now; the same id again replaces its row."""
    conn.executemany(
        f"INSERT OR REPLACE INTO alert ({_COLUMNS}, boot_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        [
            (
                *(a.alert_id, a.code, a.level, a.symbol, a.text, to_time(a.at), a.raised),
                *(_time(a.acknowledged_at), a.acknowledged_by, _time(a.escalated_at), _time(a.resolved_at)),
                boot_id,
            )
            for a in alerts
        ],
    )


def standing_alerts(conn: sqlite3.Connection) -> tuple[StoredAlert, ...]:
    """Every alert whose cause has not ended, oldest first."""
    rows = conn.execute(f"SELECT {_COLUMNS} FROM alert WHERE resolved_at IS NULL ORDER BY id")  # noqa: S608
    return tuple(
        StoredAlert(
            *(alert_id, code, level, symbol, text, from_time(at), count),
            *(maybe_time(seen_at), seen_by, maybe_time(escalated_at)),
        )
        for alert_id, code, level, symbol, text, at, count, seen_at, seen_by, escalated_at, _ in rows
    )


def highest_alert_id(conn: sqlite3.Connection) -> int:
    """The highest id ever given out; 0 before the first. An id is never used twice."""
    (highest,) = conn.execute("SELECT max(id) FROM alert").fetchone()
    return int(highest or 0)


def _time(at: datetime | None) -> str | None:
    return None if at is None else to_time(at)
