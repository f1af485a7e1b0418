"""SQL of runs, the equity curve and the audit of operator changes."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from typing import NamedTuple

from engine.store.values import from_time, maybe_time, to_time


class StoredRun(NamedTuple):
    """One life of an engine on this file; `ended_at` None means it was killed or still runs."""

    boot_id: str
    run_id: str
    version: str
    started_at: datetime
    ended_at: datetime | None
    clean: bool


class EquityPoint(NamedTuple):
    """The day's P&L at one moment."""

    at: datetime
    day_usd: float
    net_liquidation_usd: float | None


class AuditEntry(NamedTuple):
    """One change a person made while it ran."""

    at: datetime
    who: str
    key: str
    old: str
    new: str
    reason: str


def begin_run(conn: sqlite3.Connection, *, boot_id: str, run_id: str, version: str, at: datetime) -> None:
    """Note that an engine starts to use this file."""
    conn.execute(
        "INSERT INTO run (boot_id, run_id, version, started_at) VALUES (?, ?, ?, ?)",
        (boot_id, run_id, version, to_time(at)),
    )


def end_run(conn: sqlite3.Connection, boot_id: str, *, at: datetime, clean: bool) -> None:
    """Note that it stopped; `clean` where nothing was left to do."""
    conn.execute(
        "UPDATE run SET ended_at = ?, clean = ? WHERE boot_id = ?", (to_time(at), int(clean), boot_id)
    )


def last_run(conn: sqlite3.Connection, *, before: str) -> StoredRun | None:
    """The newest run other than `before`, or None on a first start."""
    row = conn.execute(
        "SELECT boot_id, run_id, version, started_at, ended_at, clean FROM run WHERE boot_id <> ? "
        "ORDER BY rowid DESC LIMIT 1",
        (before,),
    ).fetchone()
    if row is None:
        return None
    boot_id, run_id, version, started, ended, clean = row
    return StoredRun(boot_id, run_id, version, from_time(started), maybe_time(ended), bool(clean))


def put_equity(conn: sqlite3.Connection, point: EquityPoint, *, day: date) -> None:
    """Add a point to the curve of a trading day."""
    conn.execute(
        "INSERT OR REPLACE INTO equity (day, at, day_usd, net_liquidation_usd) VALUES (?, ?, ?, ?)",
        (day.isoformat(), to_time(point.at), point.day_usd, point.net_liquidation_usd),
    )


def load_equity(conn: sqlite3.Connection, day: date) -> tuple[EquityPoint, ...]:
    """The curve of a trading day, oldest first."""
    rows = conn.execute(
        "SELECT at, day_usd, net_liquidation_usd FROM equity WHERE day = ? ORDER BY at", (day.isoformat(),)
    )
    return tuple(EquityPoint(from_time(at), value, nlv) for at, value, nlv in rows)


def load_peaks(conn: sqlite3.Connection, *, before: date, days: int) -> tuple[float, ...]:
    """The account's highest value on each of the newest `days` trading days before one, oldest first."""
    rows = conn.execute(
        "SELECT MAX(net_liquidation_usd) FROM equity WHERE day < ? AND net_liquidation_usd IS NOT NULL "
        "GROUP BY day ORDER BY day DESC LIMIT ?",
        (before.isoformat(), days),
    ).fetchall()
    return tuple(peak for (peak,) in reversed(rows))


def put_audit(conn: sqlite3.Connection, entry: AuditEntry) -> None:
    """Append an operator's change."""
    conn.execute(
        "INSERT INTO audit (at, who, key, old, new, reason) VALUES (?, ?, ?, ?, ?, ?)",
        (to_time(entry.at), *entry[1:]),
    )


def audit_entries(conn: sqlite3.Connection) -> tuple[AuditEntry, ...]:
    """Every change, oldest first."""
    rows = conn.execute("SELECT at, who, key, old, new, reason FROM audit ORDER BY seq")
    return tuple(AuditEntry(from_time(at), *rest) for at, *rest in rows)
