"""SQL of the evidence for the go/no-go gates: what was proven, where, and by which code and configuration."""

from __future__ import annotations

import json
import sqlite3

from engine.gates.evidence import Evidence
from engine.store.events import NewEvent, append_events
from engine.store.values import from_time, to_json, to_time

_COLUMNS = "kind, subject, at, passed, gateway, account, mode, speed, version, code, config, facts"


def put_evidence(conn: sqlite3.Connection, row: Evidence, *, boot_id: str, told: bool = True) -> None:
    """Write one piece of evidence; `told` also puts it into the event log (not for one that grows)."""
    conn.execute(
        f"INSERT OR REPLACE INTO evidence ({_COLUMNS}, boot_id) VALUES (?{', ?' * 12})",  # noqa: S608
        (row.kind, row.subject, to_time(row.at), int(row.passed), *row[4:11], to_json(row.facts), boot_id),
    )
    if told:
        payload = row._asdict() | {"at": to_time(row.at)}
        append_events(conn, [NewEvent(row.at, "evidence", "info", "", "", "", payload)], boot_id=boot_id)


def evidence(conn: sqlite3.Connection) -> tuple[Evidence, ...]:
    """Everything that was recorded, oldest first. Facts that cannot be read are none, and prove nothing."""
    rows = conn.execute(f"SELECT {_COLUMNS} FROM evidence ORDER BY at, kind, subject")  # noqa: S608
    return tuple(found for row in rows if (found := _read(row)) is not None)


def _read(row: tuple[object, ...]) -> Evidence | None:
    try:
        at, speed = from_time(str(row[2])), float(str(row[7]))
    except ValueError:
        return None
    facts = _facts(str(row[11]))
    kind, subject, gateway, account, mode = (str(row[n]) for n in (0, 1, 4, 5, 6))
    version, code, config = (str(row[n]) for n in (8, 9, 10))
    passed = row[3] == 1
    return Evidence(kind, subject, at, passed, gateway, account, mode, speed, version, code, config, facts)


def _facts(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
