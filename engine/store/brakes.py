"""SQL of the brakes: on until a person clears them with a reason, over every restart."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import NamedTuple

from engine.store.values import from_time, to_time


class StoredBrake(NamedTuple):
    """One brake that is on. `kind`, `scope` as on screen; `name` is empty for the account."""

    brake_id: int
    kind: str
    scope: str
    name: str
    reason: str
    who: str
    at: datetime
    proof: str
    at_open: str = ""
    """Who asked that the rest is closed at the open."""


def put_brake(
    conn: sqlite3.Connection, *, kind: str, scope: str, name: str, reason: str, who: str, at: datetime
) -> int:
    """Put a brake on and return its id; one that is on already keeps its first reason, not its proof."""
    conn.execute(
        "INSERT INTO brake (kind, scope, name, reason, who, at) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (kind, scope, name) WHERE cleared_at IS NULL DO UPDATE SET proof = ''",
        (kind, scope, name, reason, who, to_time(at)),
    )
    (brake_id,) = conn.execute(
        "SELECT id FROM brake WHERE kind = ? AND scope = ? AND name = ? AND cleared_at IS NULL",
        (kind, scope, name),
    ).fetchone()
    return int(brake_id)


def clear_brake(
    conn: sqlite3.Connection, *, kind: str, scope: str, name: str, who: str, reason: str, at: datetime
) -> bool:
    """Lift a brake; False where it is not on."""
    cursor = conn.execute(
        "UPDATE brake SET cleared_at = ?, cleared_by = ?, clear_reason = ? "
        "WHERE kind = ? AND scope = ? AND name = ? AND cleared_at IS NULL",
        (to_time(at), who, reason, kind, scope, name),
    )
    return cursor.rowcount == 1


def set_proof(conn: sqlite3.Connection, *, proof: str, kind: str, scope: str, name: str) -> None:
    """Write what a kill proved, or what it could not."""
    conn.execute(
        "UPDATE brake SET proof = ? WHERE kind = ? AND scope = ? AND name = ? AND cleared_at IS NULL",
        (proof, kind, scope, name),
    )


def set_at_open(conn: sqlite3.Connection, *, asked_by: str, kind: str, scope: str, name: str) -> None:
    """Write who wants the rest closed at the open; empty takes it back."""
    conn.execute(
        "UPDATE brake SET at_open = ? WHERE kind = ? AND scope = ? AND name = ? AND cleared_at IS NULL",
        (asked_by, kind, scope, name),
    )


def live_brakes(conn: sqlite3.Connection) -> tuple[StoredBrake, ...]:
    """Every brake that is on, oldest first."""
    rows = conn.execute(
        "SELECT id, kind, scope, name, reason, who, at, proof, at_open "
        "FROM brake WHERE cleared_at IS NULL ORDER BY id"
    )
    return tuple(
        StoredBrake(brake_id, kind, scope, name, reason, who, from_time(at), proof, at_open)
        for brake_id, kind, scope, name, reason, who, at, proof, at_open in rows
    )
