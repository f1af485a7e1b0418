"""SQL of the decisions about what differed from the broker: who settled what, when, knowing what."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal

from engine.recovery.decisions import Decision
from engine.store import events
from engine.store.events import NewEvent
from engine.store.values import from_time, to_time

_COLUMNS = "at, who, row_id, choice, key, con_id, perm_id, quantity, evidence"


def put_decision(conn: sqlite3.Connection, decision: Decision, *, boot_id: str) -> None:
    """Make a decision durable, in its table and in the event log."""
    evidence = json.dumps(decision.evidence, ensure_ascii=False)
    conn.execute(
        f"INSERT INTO recovery_decision ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            *(to_time(decision.at), decision.who, decision.row_id, decision.choice, decision.key),
            *(decision.con_id, decision.perm_id, str(decision.quantity), evidence),
        ),
    )
    payload = {"row_id": decision.row_id, "choice": decision.choice, "evidence": decision.evidence}
    event = NewEvent(decision.at, "recovery", "warning", decision.key, "", decision.text, payload)
    events.append_events(conn, [event], boot_id=boot_id)


def load_decisions(conn: sqlite3.Connection) -> tuple[Decision, ...]:
    """Every decision, oldest first."""
    rows = conn.execute(f"SELECT {_COLUMNS} FROM recovery_decision ORDER BY seq")  # noqa: S608
    return tuple(
        Decision(
            *(from_time(at), who, row_id, choice, key, con_id, perm_id, Decimal(quantity)),
            evidence=tuple(json.loads(evidence)),
        )
        for at, who, row_id, choice, key, con_id, perm_id, quantity, evidence in rows
    )
