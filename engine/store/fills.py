"""SQL of executions and adjustments: what was booked, each once, corrections beside what they replace."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from engine.domain.fill import Fill, execution_base
from engine.domain.order import Side
from engine.ledger.changes import BookedFill
from engine.ledger.events import Adjustment
from engine.store.plans import from_plan_text, to_plan_text
from engine.store.values import from_time, maybe_decimal, to_decimal_text, to_time

_COLUMNS = (
    "exec_id, order_ref, perm_id, key, con_id, side, quantity, price, at, strategy, role, commission, "
    "reason, initial_stop, plan"
)
_KNOWN_LIMIT = 20_000
"""Executions remembered against a repeat by the broker; it repeats those of the day at most."""


def upsert_fills(
    conn: sqlite3.Connection, fills: Iterable[BookedFill], *, replaced: Iterable[str], at: datetime
) -> None:
    """Write executions; a repeated execId only takes the commission that became known (at `at`).

    `replaced` are the execIds that corrections among `fills` took the place of.
    """
    by_base = {}
    for fill, reason, initial_stop, plan in fills:
        base, revision = execution_base(fill.exec_id)
        by_base[base] = fill.exec_id
        conn.execute(
            f"INSERT INTO fill ({_COLUMNS}, base, revision, commission_at) "  # noqa: S608
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (exec_id) DO UPDATE SET commission = excluded.commission, commission_at = "
            "CASE WHEN commission IS excluded.commission THEN commission_at ELSE excluded.commission_at END",
            (
                *(fill.exec_id, fill.order_ref, fill.perm_id, fill.key, fill.con_id, fill.side.value),
                *(fill.quantity, str(fill.price), to_time(fill.at), fill.strategy, fill.role),
                *(to_decimal_text(fill.commission), reason, initial_stop),
                *(to_plan_text(plan), base, revision, None if fill.commission is None else to_time(at)),
            ),
        )
    for exec_id in replaced:
        successor = by_base[execution_base(exec_id)[0]]
        conn.execute("UPDATE fill SET replaced_by = ? WHERE exec_id = ?", (successor, exec_id))


def load_fills(conn: sqlite3.Connection, *, after: int) -> tuple[BookedFill, ...]:
    """Executions in force that were first booked after row `after`, in order of booking."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM (SELECT f.*, (SELECT min(seq) FROM fill g WHERE g.base = f.base) AS first "  # noqa: S608
        "FROM fill f WHERE f.seq > ? AND f.replaced_by IS NULL) WHERE first > ? ORDER BY first",
        (after, after),
    )
    return tuple(_booked(*row) for row in rows)


def load_fills_of(conn: sqlite3.Connection, refs: Iterable[str], *, until: int) -> tuple[Fill, ...]:
    """Executions in force of these orders, booked up to row `until`."""
    found: list[Fill] = []
    for ref in refs:
        rows = conn.execute(
            f"SELECT {_COLUMNS} FROM fill WHERE order_ref = ? AND seq <= ? AND replaced_by IS NULL",  # noqa: S608
            (ref, until),
        )
        found += [_booked(*row).fill for row in rows]
    return tuple(found)


def load_fills_between(conn: sqlite3.Connection, begin: datetime, end: datetime) -> tuple[Fill, ...]:
    """Executions in force from `begin` to before `end`, oldest first."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM fill WHERE at >= ? AND at < ? AND replaced_by IS NULL ORDER BY at, seq",  # noqa: S608
        (to_time(begin), to_time(end)),
    )
    return tuple(_booked(*row).fill for row in rows)


def known_exec_ids(conn: sqlite3.Connection, *, until: int) -> tuple[str, ...]:
    """The newest execIds booked up to row `until`."""
    rows = conn.execute(
        "SELECT exec_id FROM fill WHERE seq <= ? ORDER BY seq DESC LIMIT ?", (until, _KNOWN_LIMIT)
    )
    return tuple(exec_id for (exec_id,) in rows)


def insert_adjustments(conn: sqlite3.Connection, adjustments: Iterable[Adjustment]) -> None:
    """Append changes of position that had no execution."""
    conn.executemany(
        "INSERT INTO adjustment (adjustment_id, key, con_id, quantity, price, at, reason, owner, "
        "initial_stop, note, plan) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (adjustment_id) DO NOTHING",
        [
            (
                *(a.adjustment_id, a.key, a.con_id, a.quantity, to_decimal_text(a.price), to_time(a.at)),
                *(a.reason, a.owner, a.initial_stop, a.note, to_plan_text(a.plan)),
            )
            for a in adjustments
        ],
    )


def load_adjustments(conn: sqlite3.Connection, *, after: int) -> tuple[Adjustment, ...]:
    """Adjustments booked after row `after`, oldest first."""
    rows = conn.execute(
        "SELECT adjustment_id, key, con_id, quantity, price, at, reason, owner, initial_stop, note, plan "
        "FROM adjustment WHERE seq > ? ORDER BY seq",
        (after,),
    )
    return tuple(
        Adjustment(
            *(name, key, con_id, quantity, maybe_decimal(price), from_time(at), reason, owner, stop, note),
            plan=from_plan_text(plan),
        )
        for name, key, con_id, quantity, price, at, reason, owner, stop, note, plan in rows
    )


def _booked(
    exec_id: str,
    order_ref: str,
    perm_id: int,
    key: str,
    con_id: int,
    side: str,
    quantity: int,
    price: str,
    at: str,
    strategy: str,
    role: str,
    commission: str | None,
    reason: str,
    initial_stop: float | None,
    plan: str,
) -> BookedFill:
    fill = Fill(
        *(exec_id, order_ref, perm_id, key, con_id, Side(side), quantity, Decimal(price), from_time(at)),
        strategy=strategy,
        role=role,
        commission=maybe_decimal(commission),
    )
    return BookedFill(fill, reason, initial_stop, from_plan_text(plan))
