"""Opening the file: folder, modes, pragmas, integrity, migrations, whose file it is. All synchronous."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.store.backup_names import BEFORE_MIGRATION, path_of
from engine.store.errors import (
    StoreBindingError,
    StoreCorruptError,
    StoreFolderError,
    StoreTooNewError,
    StoreUnwritableError,
)
from engine.store.events import verify_chain
from engine.store.schema import MIGRATIONS, Migration

T = TypeVar("T")

_PRAGMAS = (
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("busy_timeout", "5000", 5000),
    ("trusted_schema", "OFF", 0),
)
"""Name, value to set, value that must be read back."""

WHOLE_CHECK_BYTES = 64_000_000
"""Up to this size an opening looks through every page of the file."""

_ROW_TROUBLE = ("NULL value in", "CHECK constraint failed in")

CHECKED_EVENTS = 2000
"""Newest events whose hashes are checked at every opening; `cockpit audit verify` checks all."""


def transact(conn: sqlite3.Connection, function: Callable[[sqlite3.Connection], T]) -> T:
    """Run `function` whole inside one transaction: committed when it returns, undone when it raises."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        result = function(conn)
        conn.execute("COMMIT")
    except BaseException:
        # SQLite has already rolled back by itself after some errors (a full disk, say).
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise
    return result


def open_database(
    path: Path, *, gateway: str, account: str, migrations: Sequence[Migration] = MIGRATIONS
) -> sqlite3.Connection:
    """An open, checked and migrated database bound to (gateway, account).

    Raises a StoreError that says what is wrong and what to do; never deletes or repairs anything.
    The connection may be used from any one thread.
    """
    _refuse_a_log_without_its_file(path)
    make_private_file(path)
    _check_untouched(path)
    conn = _connect(path)
    try:
        _set_pragmas(conn, path)
        _migrate(conn, path, migrations)
        check_content(conn, path, migrations)
        transact(conn, lambda c: _bind(c, path, gateway=gateway, account=account))
    except sqlite3.DatabaseError as err:
        conn.close()
        raise opening_error(path, err) from err
    except BaseException:
        conn.close()
        raise
    return conn


def is_disk_trouble(err: sqlite3.DatabaseError) -> bool:
    """True where the file or the disk is at fault, false where the transaction itself was wrong."""
    # Subclasses other than OperationalError blame the statement; a damaged file raises the base class.
    return isinstance(err, sqlite3.OperationalError) or type(err) is sqlite3.DatabaseError


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A second connection that can never write; works while the store runs."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)


@contextmanager
def at_one_moment(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads the store as it is now, while a running engine goes on writing.

    Raises StoreError where the file is missing, damaged or somebody else's, also for what is read through it.
    """
    try:
        with closing(open_for_reading(path)) as conn:
            conn.execute("BEGIN")
            yield conn
    except sqlite3.DatabaseError as err:
        raise opening_error(path, err) from err


def opening_error(path: Path, err: sqlite3.DatabaseError) -> Exception:
    """The error for people behind SQLite's words while opening."""
    if isinstance(err, sqlite3.OperationalError):
        return StoreUnwritableError(
            f"the state file {path} cannot be written ({err}): free space on the disk, check who owns the "
            "file, or end the other program that holds it; nothing was changed"
        )
    return corrupt(path, str(err))


def corrupt(path: Path, what: str) -> StoreCorruptError:
    """The error for a damaged file."""
    return StoreCorruptError(
        f"the state file {path} is damaged ({what}). It was left as it is. Move it away together with "
        f"{path.name}-wal and {path.name}-shm, put a backup in its place (cockpit restore), or start again: "
        "positions and orders are then compared with the broker"
    )


def _refuse_a_log_without_its_file(path: Path) -> None:
    """SQLite throws away a write-ahead log whose database is empty: the only copy of what is in it."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size and not (path.exists() and path.stat().st_size):
        raise corrupt(path, f"it is empty or gone, while {log.name} still holds transactions")


def make_private_file(path: Path) -> None:
    """Make the file and its folder, readable by this user only. Raises StoreFolderError."""
    private_folder(path.parent)
    try:
        # SQLite gives -wal and -shm the mode of the main file, so it is made before SQLite sees it.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)
    except OSError as err:
        raise StoreFolderError(
            f"the state file {path} cannot be made or opened ({err.strerror}): make the folder writable for "
            "you, or choose another one with --state; nothing was started"
        ) from err


def private_folder(folder: Path) -> None:
    """Make a folder for this user only, where it is not there. Raises StoreFolderError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        raise StoreFolderError(
            f"the folder {folder} cannot be made ({err.strerror}): make the folder above writable for you, "
            "or choose another one with --state; nothing was started"
        ) from err


def _connect(path: Path) -> sqlite3.Connection:
    # One thread at a time uses it (the writer's), but not the one that opened it.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _set_pragmas(conn: sqlite3.Connection, path: Path) -> None:
    for name, value, _ in _PRAGMAS:
        conn.execute(f"PRAGMA {name} = {value}")
    for name, _, expected in _PRAGMAS:
        (found,) = conn.execute(f"PRAGMA {name}").fetchone()
        if found != expected:
            raise StoreFolderError(
                f"the state file {path} cannot be made safe: {name} is {found}, not {expected}; "
                "a network file system may be the cause, choose a local folder with --state"
            )


def _check_untouched(path: Path) -> None:
    """Look through the file as a reader: a writer would clear the log of a damaged one before we see it."""
    try:
        with closing(open_for_reading(path)) as conn:
            for question in _checks(conn, path):
                for (answer,) in conn.execute(question):
                    # A row that breaks a rule is one bad row, no damaged file: reading puts it aside.
                    if answer != "ok" and not answer.startswith(_ROW_TROUBLE):
                        raise corrupt(path, str(answer))
    except sqlite3.DatabaseError as err:
        raise opening_error(path, err) from err


def _checks(conn: sqlite3.Connection, path: Path) -> tuple[str, ...]:
    """What to ask SQLite: everything, or in a large file every table but the event log.

    A start must not take longer with every day of log; its newest rows are checked by their hashes, and all
    of it each time a backup is made and verified.
    """
    if path.stat().st_size <= WHOLE_CHECK_BYTES:
        return ("PRAGMA quick_check",)
    rows = conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'event'")
    return tuple(f"PRAGMA quick_check({name})" for (name,) in rows if not name.startswith("sqlite_"))


def check_content(conn: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """The tables are ours and the newest events unbroken; StoreCorruptError where not."""
    missing = _columns_of_a_new_file(migrations) - _columns(conn)
    if missing:
        raise corrupt(path, f"parts of its tables are gone: {', '.join(sorted(missing)[:3])}")
    if "chain_anchor.seq" in _columns(conn):
        report = verify_chain(conn, last=CHECKED_EVENTS)
        if not report.ok:
            raise corrupt(path, f"its event log is broken: {report.text}")


def _columns(conn: sqlite3.Connection) -> frozenset[str]:
    rows = conn.execute(
        "SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c "
        "WHERE m.type = 'table'"
    )
    return frozenset(name for (name,) in rows)


def _columns_of_a_new_file(migrations: Sequence[Migration]) -> frozenset[str]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as new:
        for migration in migrations:
            migration(new)
        return _columns(new)


def _migrate(conn: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    (version,) = conn.execute("PRAGMA user_version").fetchone()
    if version == 0 and _columns(conn):
        raise corrupt(path, "it has tables, but its schema number is gone")
    if version > len(migrations):
        raise StoreTooNewError(
            f"the state file {path} was written by a newer version of this program (schema {version}, this "
            f"one knows {len(migrations)}): use that version again, or another folder with --state"
        )
    if 0 < version < len(migrations):
        _back_up(conn, path, version)
    for number, migration in enumerate(migrations[version:], start=version + 1):
        transact(conn, partial(_step, migration=migration, number=number))


def _step(conn: sqlite3.Connection, *, migration: Migration, number: int) -> None:
    migration(conn)
    conn.execute(f"PRAGMA user_version = {number:d}")


def _back_up(conn: sqlite3.Connection, path: Path, version: int) -> None:
    """A copy of the old schema among the backups, whole or not there at all."""
    target = path_of(path, at=datetime.now(UTC), why=f"{BEFORE_MIGRATION}{version}")
    part = target.with_name(f"{target.name}.part")
    private_folder(target.parent)
    make_private_file(part)
    copy = _connect(part)
    try:
        conn.backup(copy)
        # Whole in its main file, so that a reader needs nothing beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        copy.close()
    part.replace(target)


def _bind(conn: sqlite3.Connection, path: Path, *, gateway: str, account: str) -> None:
    wanted = {"gateway": gateway, "account": account}
    found = dict(conn.execute("SELECT name, value FROM meta WHERE name IN ('gateway', 'account')"))
    if not found:
        conn.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", wanted.items())
    elif found != wanted:
        raise StoreBindingError(
            f"the state file {path} belongs to account {found.get('account')} on gateway "
            f"{found.get('gateway')}, not to {account} on {gateway}: nothing is shared between them, "
            "use another folder with --state"
        )
