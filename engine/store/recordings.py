"""SQL of past sessions: which there are, and everything one of them left, for showing it again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from engine.store.backup import binding_of
from engine.store.connection import at_one_moment
from engine.store.errors import StoreError
from engine.store.journal import EquityPoint, StoredRun
from engine.store.values import from_time, maybe_time

T = TypeVar("T")

_SKIPPED: Final = ("command", "evidence", "flow")
"""Kinds that no screen is made from."""


class SessionSummary(NamedTuple):
    """One session in a list."""

    run: StoredRun
    last_at: datetime
    events: int
    fills: int


class Line(NamedTuple):
    """One row of the event log, its payload read."""

    seq: int
    at: str
    kind: str
    symbol: str
    ref: str
    payload: dict[str, Any]


class PastBrake(NamedTuple):
    """A brake and when it was on."""

    kind: str
    scope: str
    name: str
    reason: str
    who: str
    at: datetime
    cleared_at: datetime | None


class PastAlert(NamedTuple):
    """An alert and when it stood."""

    alert_id: int
    code: str
    level: str
    symbol: str
    text: str
    at: datetime
    raised: int
    acknowledged_at: datetime | None
    resolved_at: datetime | None


class Recording(NamedTuple):
    """Everything that one session left."""

    run: StoredRun
    gateway: str
    account: str
    lines: tuple[Line, ...]
    """In the order of the log."""
    brakes: tuple[PastBrake, ...]
    alerts: tuple[PastAlert, ...]
    equity: tuple[EquityPoint, ...]
    """The curve of its trading days, oldest first."""


def sessions(path: Path, *, limit: int) -> tuple[SessionSummary, ...]:
    """The newest sessions that recorded anything, newest first. Raises StoreError."""
    return _read(path, lambda conn: _sessions(conn, limit))


def recording(path: Path, boot_id: str) -> Recording:
    """One session. Raises StoreError where the file or a row of it cannot be read."""
    return _read(path, lambda conn: _recording(conn, path, boot_id))


def _read(path: Path, ask: Callable[[sqlite3.Connection], T]) -> T:
    try:
        with at_one_moment(path) as conn:
            return ask(conn)
    except (ValueError, TypeError, KeyError) as err:
        raise StoreError(f"a row of {path} cannot be read: {err}") from err


def _sessions(conn: sqlite3.Connection, limit: int) -> tuple[SessionSummary, ...]:
    rows = conn.execute(
        "SELECT r.boot_id, r.run_id, r.version, r.started_at, r.ended_at, r.clean, "
        "max(e.at), count(*), sum(e.kind = 'fill') FROM run r JOIN event e USING (boot_id) "
        "GROUP BY r.boot_id ORDER BY r.rowid DESC LIMIT ?",
        (limit,),
    )
    return tuple(SessionSummary(_run(row[:6]), from_time(row[6]), row[7], row[8]) for row in rows)


def _run(row: tuple[Any, ...]) -> StoredRun:
    boot_id, run_id, version, started, ended, clean = row
    return StoredRun(boot_id, run_id, version, from_time(started), maybe_time(ended), bool(clean))


def _recording(conn: sqlite3.Connection, path: Path, boot_id: str) -> Recording:
    row = conn.execute(
        "SELECT boot_id, run_id, version, started_at, ended_at, clean FROM run WHERE boot_id = ?", (boot_id,)
    ).fetchone()
    if row is None:
        raise StoreError(f"{path} has no session {boot_id}")
    binding = binding_of(conn, path)
    marks = ", ".join("?" for _ in _SKIPPED)
    rows = conn.execute(
        f"SELECT seq, at, kind, symbol, ref, payload FROM event WHERE boot_id = ? AND kind NOT IN ({marks}) "  # noqa: S608
        "ORDER BY seq",
        (boot_id, *_SKIPPED),
    )
    lines = tuple(
        Line(seq, at, kind, symbol, ref, json.loads(payload)) for seq, at, kind, symbol, ref, payload in rows
    )
    return Recording(
        run=_run(row),
        gateway=binding.gateway,
        account=binding.account,
        lines=lines,
        brakes=_brakes(conn),
        alerts=_alerts(conn),
        equity=_equity(conn, lines),
    )


def _brakes(conn: sqlite3.Connection) -> tuple[PastBrake, ...]:
    rows = conn.execute("SELECT kind, scope, name, reason, who, at, cleared_at FROM brake ORDER BY id")
    return tuple(
        PastBrake(kind, scope, name, reason, who, from_time(at), maybe_time(end))
        for kind, scope, name, reason, who, at, end in rows
    )


def _alerts(conn: sqlite3.Connection) -> tuple[PastAlert, ...]:
    rows = conn.execute(
        "SELECT id, code, level, symbol, text, at, raised, acknowledged_at, resolved_at "
        "FROM alert ORDER BY id"
    )
    return tuple(
        PastAlert(
            alert_id,
            code,
            level,
            symbol,
            text,
            from_time(at),
            count,
            maybe_time(seen_at),
            maybe_time(ended_at),
        )
        for alert_id, code, level, symbol, text, at, count, seen_at, ended_at in rows
    )


def _equity(conn: sqlite3.Connection, lines: tuple[Line, ...]) -> tuple[EquityPoint, ...]:
    if not lines:
        return ()
    rows = conn.execute(
        "SELECT at, day_usd, net_liquidation_usd FROM equity WHERE at BETWEEN ? AND ? ORDER BY at",
        (min(line.at for line in lines), max(line.at for line in lines)),
    )
    return tuple(EquityPoint(from_time(at), value, nlv) for at, value, nlv in rows)
