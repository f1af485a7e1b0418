"""The tables that a session leaves, written once more by the functions that write them live."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Final, NamedTuple

from engine.domain.market import NEW_YORK
from engine.ledger.changes import Changes, Leg
from engine.ledger.events import Registered, SendingMarked
from engine.ledger.ledger import LedgerState
from engine.store import operations
from engine.store.schema import MIGRATIONS
from engine.store.session_flow import Booked

TABLES: Final = (
    "intent",
    "broker_order",
    "order_event",
    "fill",
    "adjustment",
    "stop_move",
    "position",
    "trade",
)
"""Everything that orders, fills and positions leave in the store."""

_ORDER_REF: Final = "ref"
"""Tables that have it are compared order by order: the writes of two orders that are under way at the same
time reach the disk in the turn that it gives them, not always in the one in which the ledger took them in."""

_COUNTED: Final = "seq"
"""Numbers rows as they come; the rows themselves are what is compared."""


class Row(NamedTuple):
    """Where two tables differ first; None where one has fewer rows."""

    table: str
    number: int
    then: tuple[object, ...] | None
    now: tuple[object, ...] | None


class Tables:
    """A store in memory."""

    def __init__(self) -> None:
        self._conn = sqlite3.connect(":memory:", isolation_level=None)
        for migrate in MIGRATIONS:
            migrate(self._conn)

    def close(self) -> None:
        """Let go of it."""
        self._conn.close()

    def write(self, step: Booked, changes: Changes, *, boot_id: str) -> None:
        """The rows of one event."""
        match step.event:
            case Registered(intents):
                operations.record_intents(self._conn, intents, at=step.at, boot_id=boot_id)
            case SendingMarked(order_ids):
                operations.mark_sending(self._conn, order_ids, at=step.at, boot_id=boot_id)
            case _ if changes:
                operations.apply_changes(self._conn, changes, at=step.at, boot_id=boot_id)

    def start_day(self, legs: Sequence[Leg], at: datetime, *, boot_id: str) -> None:
        """The anchor of a trading day."""
        day = at.astimezone(NEW_YORK).date()
        operations.start_day(self._conn, legs, day=day, at=at, boot_id=boot_id)

    def state(self, *, boot_id: str) -> LedgerState:
        """What a ledger starts from that begins now."""
        return operations.load(self._conn, boot_id=boot_id).ledger

    def differences(self, then: sqlite3.Connection) -> Iterator[Row]:
        """The first row of each table that is not as it was written then, byte for byte."""
        for table in TABLES:
            before, now = rows_of(then, table), rows_of(self._conn, table)
            for number in range(max(len(before), len(now))):
                one = before[number] if number < len(before) else None
                two = now[number] if number < len(now) else None
                if one != two:
                    yield Row(table, number + 1, one, two)
                    break

    def count(self) -> int:
        """Rows in all tables."""
        return sum(len(rows_of(self._conn, table)) for table in TABLES)


def rows_of(conn: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    """All of a table in the order in which it was written, that of orders by order."""
    with closing(conn.execute(f"PRAGMA table_info({table})")) as info:
        names = [name for _, name, *_ in info if name != _COUNTED]
    by = f"{_ORDER_REF}, rowid" if _ORDER_REF in names else "rowid"
    return list(conn.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY {by}"))  # noqa: S608
