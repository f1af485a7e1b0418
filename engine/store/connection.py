"""Opening the file: folder, modes, pragmas, integrity, migrations, whose file it is. All synchronous."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.store.errors import (
    StoreBindingError,
    StoreCorruptError,
    StoreFolderError,
    StoreTooNewError,
    StoreUnwritableError,
)
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
    _make_file(path)
    conn = _connect(path)
    try:
        _set_pragmas(conn, path)
        _check(conn, path)
        _migrate(conn, path, migrations)
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
        f"{path.name}-wal and {path.name}-shm (or put a backup in its place) and start again: orders and "
        "positions are then taken from the broker"
    )


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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


def _check(conn: sqlite3.Connection, path: Path) -> None:
    (answer,) = conn.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise corrupt(path, str(answer))


def _migrate(conn: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    (version,) = conn.execute("PRAGMA user_version").fetchone()
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
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = path.with_name(f"{path.name}.schema{version}-{stamp}.bak")
    _make_file(target)
    copy = _connect(target)
    try:
        conn.backup(copy)
    finally:
        copy.close()


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
