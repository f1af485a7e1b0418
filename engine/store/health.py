"""SQL of health: a row of times and counters per minute, and the stretches in which the engine was up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from engine.store.values import from_time, to_json, to_time

_SPAN = "session_open, session_close, began_at, ended_at, ended_by"


class TelemetryRow(NamedTuple):
    """One minute. `figures`: name -> count, p50, p95, p99, max in ms, as measured in it."""

    at: datetime
    """Exchange time of the minute's end."""
    bars: int
    proposed: int
    approved: int
    submitted: int
    cycles: int
    degraded: int
    figures: Mapping[str, object]


class StoredSpan(NamedTuple):
    """A stretch of one session in which the engine was up and connected; exchange time."""

    session_open: datetime
    session_close: datetime
    began: datetime
    ended: datetime
    ended_by: str
    """`stopped`, `line`, `restart`, `close`; empty while it goes on, and after a crash."""


def put_telemetry(conn: sqlite3.Connection, row: TelemetryRow, *, boot_id: str) -> None:
    """Write one minute."""
    conn.execute(
        "INSERT INTO telemetry (at, bars, proposed, approved, submitted, cycles, degraded, figures, boot_id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (to_time(row.at), *row[1:7], to_json(row.figures), boot_id),
    )


def telemetry_since(conn: sqlite3.Connection, *, since: datetime) -> tuple[TelemetryRow, ...]:
    """The minutes since a moment, oldest first."""
    rows = conn.execute(
        "SELECT at, bars, proposed, approved, submitted, cycles, degraded, figures FROM telemetry "
        "WHERE at >= ? ORDER BY seq",
        (to_time(since),),
    )
    return tuple(
        TelemetryRow(
            from_time(at), bars, proposed, approved, submitted, cycles, degraded, json.loads(figures)
        )
        for at, bars, proposed, approved, submitted, cycles, degraded, figures in rows
    )


def put_span(conn: sqlite3.Connection, span: StoredSpan, *, boot_id: str) -> None:
    """Write a stretch, or how it goes on: one is known by its run and its beginning."""
    conn.execute(
        f"INSERT INTO up_span ({_SPAN}, boot_id) VALUES (?, ?, ?, ?, ?, ?) "  # noqa: S608
        "ON CONFLICT (boot_id, began_at) DO UPDATE "
        "SET ended_at = excluded.ended_at, ended_by = excluded.ended_by",
        (*(to_time(at) for at in span[:4]), span.ended_by, boot_id),
    )


def up_spans(conn: sqlite3.Connection) -> tuple[StoredSpan, ...]:
    """Every recorded stretch, oldest first."""
    rows = conn.execute(f"SELECT {_SPAN} FROM up_span ORDER BY began_at")  # noqa: S608
    return tuple(
        StoredSpan(from_time(opens), from_time(closes), from_time(began), from_time(ended), ended_by)
        for opens, closes, began, ended, ended_by in rows
    )
