"""SQL of the entries that a limit refused in the last sessions, with the figures they were judged by."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.risk.loosening import Refused
from engine.store.connection import open_for_reading, opening_error
from engine.store.errors import StoreError

MOST_ROWS: Final = 20_000
"""Refusals that are read; a strategy that asks at every bar makes some thousand a day."""
_STEPS: Final = 1_000
"""Steps of the database between two looks at the time."""


class Refusals(NamedTuple):
    """What the record says of one reason."""

    sessions: int
    """Sessions that were looked at; each start of the engine begins one."""
    refused: tuple[Refused, ...]
    """The newest first."""
    is_whole: bool
    """False where there was more than is read."""


def refusals_of(path: Path, reason: str, *, sessions: int, within_s: float) -> Refusals:
    """Refusals with this code in the newest `sessions`. Blocks, at most `within_s`: not for the loop.

    Raises StoreError where the file or a row cannot be read, or not in that time.
    """
    until_s = time.monotonic() + within_s
    try:
        with closing(open_for_reading(path)) as conn:
            conn.set_progress_handler(lambda: time.monotonic() > until_s, _STEPS)
            return _refusals(conn, reason, sessions)
    except sqlite3.OperationalError as err:
        if "interrupted" in str(err):
            raise StoreError(f"reading the refusals in {path} took too long and was given up") from err
        raise opening_error(path, err) from err
    except sqlite3.DatabaseError as err:
        raise opening_error(path, err) from err
    except (ValueError, TypeError, KeyError) as err:
        raise StoreError(f"a refusal in {path} cannot be read: {err}") from err


def _refusals(conn: sqlite3.Connection, reason: str, sessions: int) -> Refusals:
    boots = [
        row[0] for row in conn.execute("SELECT boot_id FROM run ORDER BY rowid DESC LIMIT ?", (sessions,))
    ]
    marks = ", ".join("?" * len(boots))
    rows = conn.execute(
        "SELECT symbol, payload FROM event WHERE kind = 'proposal' "  # noqa: S608 - question marks only
        f"AND boot_id IN ({marks}) AND json_extract(payload, '$.verdict') = ? ORDER BY seq DESC LIMIT ?",
        (*boots, reason, MOST_ROWS + 1),
    ).fetchall()
    found = tuple(_refused(symbol, json.loads(payload)) for symbol, payload in rows[:MOST_ROWS])
    return Refusals(len(boots), found, len(rows) <= MOST_ROWS)


def _refused(symbol: str, payload: dict[str, Any]) -> Refused:
    return Refused(
        signal=str(payload["signal"]),
        key=symbol,
        reason=str(payload["verdict"]),
        why=str(payload.get("why", "")),
        value=payload.get("value"),
        equity_usd=payload.get("equity_usd"),
        regime=payload.get("regime"),
        size_factor=payload.get("size_factor"),
    )
