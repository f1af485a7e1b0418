"""Lets go of what is too old, a little at a time: the log still verifies, nothing held is lost.

Never touched: open positions with all their orders and fills, orders that are not done, whatever the
ledger of the current trading day starts from, closed trades, runs, and the audit of operator changes.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from engine.domain.order import OrderState
from engine.store.events import NewEvent, append_events
from engine.store.values import to_time

BATCH = 500
"""Rows of one table per transaction: an order that comes meanwhile waits a few milliseconds at most."""

_DONE = ", ".join(f"'{state.value}'" for state in OrderState if state.is_done)

_OLD_FILLS = """SELECT seq FROM fill f WHERE at < :before
    AND seq <= (SELECT coalesce(max(last_fill), 0) FROM anchor)
    AND key NOT IN (SELECT key FROM position)
    AND NOT EXISTS (SELECT 1 FROM fill g WHERE g.base = f.base AND g.at >= :before)
    AND NOT EXISTS (SELECT 1 FROM intent i WHERE i.ref = f.order_ref AND i.state NOT IN ({done}))
    LIMIT :batch"""

_OLD_ORDERS = """SELECT ref FROM intent i WHERE updated_at < :before AND state IN ({done})
    AND key NOT IN (SELECT key FROM position)
    AND NOT EXISTS (SELECT 1 FROM fill f WHERE f.order_ref = i.ref)
    LIMIT :batch"""

_OLD_ADJUSTMENTS = """SELECT seq FROM adjustment WHERE at < :before
    AND seq <= (SELECT coalesce(max(last_adjustment), 0) FROM anchor)
    AND key NOT IN (SELECT key FROM position)
    LIMIT :batch"""

_OLD_STOP_MOVES = """SELECT seq FROM stop_move WHERE at < :before
    AND seq <= (SELECT coalesce(max(last_stop_move), 0) FROM anchor)
    AND key NOT IN (SELECT key FROM position)
    LIMIT :batch"""

_OLD_ALERTS = """SELECT id FROM alert WHERE at < :before AND resolved_at IS NOT NULL
    AND id < (SELECT max(id) FROM alert) LIMIT :batch"""

_OLD_ANCHORS = "SELECT id FROM anchor WHERE at < :before AND id < (SELECT max(id) FROM anchor) LIMIT :batch"


# What no kept model has seen yet stays: with it a model is brought up to date.
_OLD_LESSONS = """SELECT seq FROM {0} AS it WHERE {1} AND turn <= (SELECT min(last_event) FROM
    learned_model AS m WHERE m.strategy = it.strategy AND m.key = it.key) LIMIT :batch"""


def prune(conn: sqlite3.Connection, *, before: datetime, at: datetime, boot_id: str) -> int:
    """Let go of one batch of what is older than `before`; 0 when nothing is left to let go."""
    limits = {"before": to_time(before), "batch": BATCH}
    removed = _prune_events(conn, before=before, at=at, boot_id=boot_id)
    removed += _delete(conn, "fill", "seq", _OLD_FILLS.format(done=_DONE), limits)
    for table in ("broker_order", "order_event", "intent"):
        removed += _delete(conn, table, "ref", _OLD_ORDERS.format(done=_DONE), limits)
    removed += _delete(conn, "adjustment", "seq", _OLD_ADJUSTMENTS, limits)
    removed += _delete(conn, "stop_move", "seq", _OLD_STOP_MOVES, limits)
    removed += _delete(conn, "position_snapshot", "anchor_id", _OLD_ANCHORS, limits)
    removed += _delete(conn, "anchor", "id", _OLD_ANCHORS, limits)
    removed += _delete(conn, "alert", "id", _OLD_ALERTS, limits)
    removed += _delete(
        conn, "telemetry", "seq", "SELECT seq FROM telemetry WHERE at < :before LIMIT :batch", limits
    )
    removed += _prune_learned(conn, before=before, limits=limits)
    removed += _delete(
        conn,
        "up_span",
        "began_at",
        "SELECT began_at FROM up_span WHERE ended_at < :before LIMIT :batch",
        limits,
    )
    return removed + _delete(
        conn, "equity", "rowid", "SELECT rowid FROM equity WHERE at < :before LIMIT :batch", limits
    )


def _prune_events(conn: sqlite3.Connection, *, before: datetime, at: datetime, boot_id: str) -> int:
    """Cut the old end off the log; the anchor left behind is itself noted in the log."""
    (first,) = conn.execute("SELECT coalesce(min(seq), 0) FROM event").fetchone()
    (young,) = conn.execute(
        "SELECT coalesce(min(seq), :end) FROM event WHERE seq < :end AND at >= :before",
        {"end": first + BATCH, "before": to_time(before)},
    ).fetchone()
    row = conn.execute(
        "SELECT seq, hash FROM event WHERE seq < ? ORDER BY seq DESC LIMIT 1", (young,)
    ).fetchone()
    if row is None:
        return 0
    through, digest = row
    conn.execute("DELETE FROM chain_anchor")
    conn.execute("INSERT INTO chain_anchor (seq, hash, at) VALUES (?, ?, ?)", (through, digest, to_time(at)))
    removed = conn.execute("DELETE FROM event WHERE seq <= ?", (through,)).rowcount
    event = NewEvent(at, "retention", "info", "", "", "", {"through": through, "hash": digest})
    append_events(conn, [event], boot_id=boot_id)
    return removed


def _prune_learned(conn: sqlite3.Connection, *, before: datetime, limits: dict[str, object]) -> int:
    limits = {**limits, "before_s": before.timestamp()}
    old = {"learned_decision": "at < :before_s", "learned_outcome": "at < :before"}
    return sum(
        _delete(conn, table, "seq", _OLD_LESSONS.format(table, is_old), limits)
        for table, is_old in old.items()
    )


def _delete(conn: sqlite3.Connection, table: str, column: str, chosen: str, limits: dict[str, object]) -> int:
    return conn.execute(f"DELETE FROM {table} WHERE {column} IN ({chosen})", limits).rowcount  # noqa: S608
