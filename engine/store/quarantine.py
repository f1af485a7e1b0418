"""One unreadable row must not keep the others from being loaded: it is put aside, named, and never guessed.

Works from the schema alone, so it holds for every table there is: types and constraints as declared, times
and money by the names of their columns.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple

from engine.domain.order import OrderState, OrderType, Role, Tif
from engine.store import brakes, operations
from engine.store.connection import corrupt, transact
from engine.store.events import NewEvent, append_events
from engine.store.plans import from_partials_text, from_plan_text
from engine.store.values import from_time, to_time

_UNREADABLE = (ValueError, TypeError, ArithmeticError, KeyError)

_NOT_ROWS_OF_STATE = frozenset(
    {"event", "order_event", "meta", "audit", "quarantine", "chain_anchor", "bar_buffer", "checkpoint"}
)
"""Log and rebuilt data: the first is checked by its hashes, the second is dropped where it cannot be read."""

_TYPES = {"INTEGER": ("integer",), "REAL": ("real", "integer"), "TEXT": ("text",)}

_MONEY = frozenset(
    {"cost", "multiplier", "entry_notional", "exit_notional", "realized_usd", "fees_usd", "gross_usd"}
    | {"price", "entry_price", "exit_price", "commission"}
)

_WORDS: Mapping[tuple[str, str], Callable[[str], object]] = {
    ("intent", "state"): OrderState,
    ("intent", "role"): Role,
    ("intent", "order_type"): OrderType,
    ("intent", "tif"): Tif,
}


_FORMS: Mapping[str, Callable[[str], object]] = {"plan": from_plan_text, "partials": from_partials_text}


class QuarantinedRow(NamedTuple):
    """A row that was put aside."""

    table: str
    content: str
    """The row as JSON, for people."""
    why: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.table} {self.content}: {self.why}"


class _Column(NamedTuple):
    name: str
    declared: str
    is_optional: bool


def load_readable(conn: sqlite3.Connection, path: Path, *, at: datetime) -> tuple[QuarantinedRow, ...]:
    """See to it that everything an engine starts from can be read; returns the rows put aside for that.

    Raises StoreCorruptError where it cannot be read even then.
    """
    if not _looks_wrong(conn) and not _failure_of_loading(conn):
        return ()
    # Rows that hang on one that goes are found and moved by `put_aside` itself.
    conn.execute("PRAGMA foreign_keys = OFF")
    try:
        bad: tuple[QuarantinedRow, ...] = transact(conn, partial(put_aside, at=at))
    finally:
        conn.execute("PRAGMA foreign_keys = ON")
    failure = _failure_of_loading(conn)
    if failure:
        raise corrupt(path, f"what it holds cannot be read: {failure}")
    return bad


def put_aside(conn: sqlite3.Connection, *, at: datetime) -> tuple[QuarantinedRow, ...]:
    """Move every row that cannot be read, and what hangs on it, into the table `quarantine`.

    Expects that the connection does not enforce foreign keys meanwhile.
    """
    brakes_before = _live_brakes(conn)
    moved: list[QuarantinedRow] = []
    for table in _tables(conn):
        moved += [_move(conn, table, rowid, why, at) for rowid, why in _bad_rows(conn, table)]
    while orphaned := conn.execute("PRAGMA foreign_key_check").fetchone():
        moved.append(_move(conn, orphaned[0], orphaned[1], f"its {orphaned[2]} row was put aside", at))
    if _live_brakes(conn) < brakes_before:
        reason = "a brake that was on cannot be read any more: nobody can say that it was lifted"
        brakes.put_brake(conn, kind="HALT", scope="account", name="", reason=reason, who="engine", at=at)
    events = [NewEvent(at, "engine", "error", "", "", f"unreadable row put aside: {row}") for row in moved]
    append_events(conn, events, boot_id="quarantine")
    return tuple(moved)


def _failure_of_loading(conn: sqlite3.Connection) -> str:
    try:
        operations.load(conn, boot_id="")
    except _UNREADABLE as err:
        return f"{type(err).__name__}: {err}"
    return ""


def _looks_wrong(conn: sqlite3.Connection) -> bool:
    """A quick look without Python's help: types and constraints."""
    return any(
        conn.execute(f"SELECT 1 FROM {table} WHERE {_wrong_types(_columns(conn, table))} LIMIT 1").fetchone()  # noqa: S608
        or conn.execute(f"PRAGMA quick_check({table})").fetchone()[0] != "ok"
        for table in _tables(conn)
    )


def _tables(conn: sqlite3.Connection) -> tuple[str, ...]:
    rows = conn.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "AND sql NOT LIKE '%WITHOUT ROWID%' ORDER BY rowid"
    )
    return tuple(name for (name,) in rows if name not in _NOT_ROWS_OF_STATE)


def _columns(conn: sqlite3.Connection, table: str) -> tuple[_Column, ...]:
    rows = conn.execute(f"PRAGMA table_info({table})")
    return tuple(_Column(name, declared, not notnull) for _, name, declared, notnull, _, _ in rows)


def _wrong_types(columns: Iterable[_Column]) -> str:
    """An SQL condition that holds for a row in which a value is not of its column's type."""
    terms = []
    for column in columns:
        allowed = (*_TYPES[column.declared], *(("null",) if column.is_optional else ()))
        listed = ", ".join(f"'{name}'" for name in allowed)
        terms.append(f"typeof({column.name}) NOT IN ({listed})")
    return " OR ".join(terms)


def _bad_rows(conn: sqlite3.Connection, table: str) -> list[tuple[int, str]]:
    """Row number and what is wrong, of every row of a table that cannot be read."""
    columns = _columns(conn, table)
    (sql,) = conn.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    conn.execute(sql.replace(f"CREATE TABLE {table}", "CREATE TEMP TABLE probe", 1))
    try:
        found = []
        names = ", ".join(column.name for column in columns)
        for rowid, *values in conn.execute(f"SELECT rowid, {names} FROM {table}").fetchall():  # noqa: S608
            why = _wrong_value(table, columns, values) or _broken_rule(conn, values)
            if why:
                found.append((rowid, why))
        return found
    finally:
        conn.execute("DROP TABLE temp.probe")


def _wrong_value(table: str, columns: Iterable[_Column], values: Iterable[object]) -> str:
    for column, value in zip(columns, values, strict=True):
        if value is None and column.is_optional:
            continue
        try:
            _read(table, column, value)
        except _UNREADABLE:
            return f"{column.name} is {value!r}"
    return ""


def _read(table: str, column: _Column, value: object) -> object:
    """The value as the engine would read it. Raises one of _UNREADABLE."""
    allowed = {"INTEGER": (int,), "REAL": (float, int), "TEXT": (str,)}[column.declared]
    if not isinstance(value, allowed):
        raise TypeError(f"{column.name} holds {type(value).__name__}")
    if not isinstance(value, str):
        return value
    if column.name == "at" or column.name.endswith("_at"):
        return from_time(value)
    if column.name in _MONEY and not Decimal(value).is_finite():
        raise ValueError(f"{column.name} is not finite")
    if column.name in _FORMS:
        return _FORMS[column.name](value)
    return _WORDS.get((table, column.name), str)(value)


def _broken_rule(conn: sqlite3.Connection, values: list[object]) -> str:
    """What the table's own constraints say of a row: tried on an empty copy of it."""
    try:
        conn.execute(f"INSERT INTO temp.probe VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608
    except sqlite3.IntegrityError as err:
        return str(err).replace("probe", "row")
    conn.execute("DELETE FROM temp.probe")
    return ""


def _move(conn: sqlite3.Connection, table: str, rowid: int, why: str, at: datetime) -> QuarantinedRow:
    names = [column.name for column in _columns(conn, table)]
    row = conn.execute(f"SELECT {', '.join(names)} FROM {table} WHERE rowid = ?", (rowid,)).fetchone()  # noqa: S608
    content = json.dumps(dict(zip(names, row, strict=True)), default=repr, ensure_ascii=False)
    conn.execute(
        "INSERT INTO quarantine (at, of_table, content, why) VALUES (?, ?, ?, ?)",
        (to_time(at), table, content, why),
    )
    conn.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))  # noqa: S608
    return QuarantinedRow(table, content, why)


def _live_brakes(conn: sqlite3.Connection) -> int:
    (count,) = conn.execute("SELECT count(*) FROM brake WHERE cleared_at IS NULL").fetchone()
    return int(count)
