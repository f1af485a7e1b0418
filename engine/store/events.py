"""SQL of the event log: append-only, each row hashed over itself and the row before it.

SQLite's own checks do not see a changed byte inside a value; the chain does.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from engine.store.values import from_time, to_json, to_time

_GENESIS = "0" * 64
_COLUMNS = "at, boot_id, kind, level, symbol, ref, text, payload"


class NewEvent(NamedTuple):
    """One thing that happened. `kind` as on screen (`fill`, `order`, `brake`, `command`, `link` …)."""

    at: datetime
    kind: str
    level: str
    symbol: str
    ref: str
    text: str
    payload: Mapping[str, object] = {}


class StoredEvent(NamedTuple):
    """A row of the event log."""

    seq: int
    at: datetime
    kind: str
    level: str
    symbol: str
    ref: str
    text: str
    payload: str


class ChainReport(NamedTuple):
    """What checking the log found; `broken_at` is the first row that does not fit, None when all do."""

    rows: int
    broken_at: int | None
    text: str

    @property
    def ok(self) -> bool:
        """True where every row is as it was written and none is missing."""
        return self.broken_at is None


def append_events(conn: sqlite3.Connection, events: Iterable[NewEvent], *, boot_id: str) -> None:
    """Append to the log, chained to what is there."""
    last = conn.execute("SELECT hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    previous = _GENESIS if last is None else last[0]
    for e in events:
        row = (to_time(e.at), boot_id, e.kind, e.level, e.symbol, e.ref, e.text, to_json(e.payload))
        digest = _digest(previous, row)
        conn.execute(
            f"INSERT INTO event ({_COLUMNS}, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (*row, previous, digest),
        )
        previous = digest


def recent_events(conn: sqlite3.Connection, *, limit: int) -> tuple[StoredEvent, ...]:
    """The newest events that carry a line for people, oldest first."""
    rows = conn.execute(
        "SELECT seq, at, kind, level, symbol, ref, text, payload FROM event WHERE text <> '' "
        "ORDER BY seq DESC LIMIT ?",
        (limit,),
    ).fetchall()
    return tuple(StoredEvent(seq, from_time(at), *rest) for seq, at, *rest in reversed(rows))


def last_seq(conn: sqlite3.Connection) -> int:
    """Number of the newest event ever written; 0 before the first."""
    row = conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
    return 0 if row is None else int(row[0])


def verify_chain(conn: sqlite3.Connection, *, last: int | None = None) -> ChainReport:
    """Recompute the hashes of the log, or of its newest `last` rows only, and name the first bad row.

    Rows cut off at the end are noticed by the highest number used, rows cut off at the beginning by the
    anchor that retention leaves behind.
    """
    previous, first = _start_of(conn, last)
    expected = first
    rows = conn.execute(
        f"SELECT seq, prev_hash, hash, {_COLUMNS} FROM event WHERE seq >= ? ORDER BY seq",  # noqa: S608
        (first,),
    )
    for seq, prev_hash, digest, *row in rows:
        what = _wrong(seq, expected, prev_hash, previous, digest, tuple(row))
        if what:
            return ChainReport(expected - first, expected, f"event {expected} {what}")
        previous, expected = digest, expected + 1
    if last_seq(conn) >= expected:
        return ChainReport(expected - first, expected, f"events from {expected} on were removed")
    return ChainReport(expected - first, None, f"{expected - first} events, unbroken")


def _start_of(conn: sqlite3.Connection, last: int | None) -> tuple[str, int]:
    """The hash before the first row to check, and that row's number."""
    anchor = conn.execute("SELECT hash, seq FROM chain_anchor ORDER BY seq DESC LIMIT 1").fetchone()
    start = (_GENESIS, 1) if anchor is None else (anchor[0], anchor[1] + 1)
    if last is None:
        return start
    before = last_seq(conn) - last
    row = conn.execute("SELECT hash, seq FROM event WHERE seq = ?", (before,)).fetchone()
    return start if before < start[1] or row is None else (row[0], row[1] + 1)


def _wrong(
    seq: int, expected: int, prev_hash: str, previous: str, digest: str, row: tuple[object, ...]
) -> str:
    """What is wrong with a row of the log; empty where nothing is."""
    if seq != expected:
        return f"is missing (the next one there is {seq})"
    if prev_hash != previous:
        return "does not follow the one before it"
    if not all(isinstance(part, str) for part in row) or digest != _digest(previous, row):
        return "was changed after it was written"
    return ""


def _digest(previous: str, row: tuple[object, ...]) -> str:
    # Lengths first, so that text moved from one column to the next changes the hash.
    framed = "".join(f"{len(part)}:{part}" for part in (previous, *map(str, row)))
    return hashlib.sha256(framed.encode()).hexdigest()
