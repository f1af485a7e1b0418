"""Backups of the database: whole, checked by opening, thinned out; made while the store goes on writing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from engine.store.backup_names import BEFORE_MIGRATION, Backup, backups_of, folder_of, path_of
from engine.store.connection import (
    check_content,
    make_private_file,
    open_for_reading,
    opening_error,
    private_folder,
)
from engine.store.errors import StoreCorruptError, StoreError
from engine.store.schema import MIGRATIONS

KEPT_NEWEST = 3
KEPT_DAYS = 7
KEPT_WEEKS = 4
MOST_BYTES = 2 * 1024**3
"""Beyond the newest ones, backups are kept only while all of them together stay below this: each holds the
whole event log, so that a restored state can still prove its history."""


class Binding(NamedTuple):
    """Whose state a file holds."""

    gateway: str
    account: str


def back_up(database: Path, *, at: datetime, why: str) -> Path:
    """Write one more backup, check it, let old ones go; returns its path.

    Reads through a connection of its own, so the writer never waits for it. Raises StoreError; then no
    backup was added and none was removed.
    """
    for half_made in folder_of(database).glob("*.part"):
        half_made.unlink(missing_ok=True)  # of an engine that was killed
    target = path_of(database, at=at, why=why)
    copy_to(database, target)
    for old in thinned_out(backups_of(database)):
        old.path.unlink(missing_ok=True)
    return target


def copy_to(database: Path, target: Path) -> Path:
    """A checked copy of a database that may be in use. Raises StoreError; then `target` is as it was."""
    part = target.with_name(f"{target.name}.part")
    private_folder(target.parent)
    try:
        part.unlink(missing_ok=True)
        make_private_file(part)
        with closing(open_for_reading(database)) as conn:
            conn.execute("VACUUM INTO ?", (str(part),))
        verify(part)
        sync_file(part)
        part.replace(target)
        sync_file(target.parent)
    except sqlite3.DatabaseError as err:
        raise opening_error(part, err) from err
    except OSError as err:
        raise StoreError(f"the backup {target} could not be written ({err.strerror})") from err
    finally:
        part.unlink(missing_ok=True)
    return target


def verify(path: Path) -> Binding:
    """Open a backup and look through it; returns whose it is. Raises StoreError saying what is wrong."""
    try:
        with closing(open_for_reading(path)) as conn:
            (answer,) = conn.execute("PRAGMA quick_check(1)").fetchone()
            (version,) = conn.execute("PRAGMA user_version").fetchone()
            if answer != "ok":
                raise _unusable(path, str(answer))
            if not 0 < version <= len(MIGRATIONS):
                raise _unusable(path, f"its schema is {version}, this program knows 1 to {len(MIGRATIONS)}")
            check_content(conn, path, MIGRATIONS[:version])
            return binding_of(conn, path)
    except sqlite3.DatabaseError as err:
        raise _unusable(path, str(err)) from err


def binding_of(conn: sqlite3.Connection, path: Path) -> Binding:
    """Whose state an open database holds. Raises StoreCorruptError where it does not say."""
    found = dict(conn.execute("SELECT name, value FROM meta WHERE name IN ('gateway', 'account')"))
    if set(found) != {"gateway", "account"}:
        raise _unusable(path, "it does not say whose state it is")
    return Binding(found["gateway"], found["account"])


def thinned_out(found: Sequence[Backup], *, most_bytes: int = MOST_BYTES) -> tuple[Backup, ...]:
    """Which of these (newest first) may go.

    Kept are the newest, the last of seven days and of four weeks, and the last one from before a migration:
    the only way back to an older version of the program. Where they are too large, the oldest go first.
    """
    kept = {backup.path for backup in found[:KEPT_NEWEST]}
    kept |= _last_of_each(((b, b.at.date()) for b in found), KEPT_DAYS)
    kept |= _last_of_each(((b, b.at.isocalendar()[:2]) for b in found), KEPT_WEEKS)
    kept |= {b.path for b in [b for b in found if b.why.startswith(BEFORE_MIGRATION)][:1]}
    wanted = [b for b in found if b.path in kept]
    sizes = accumulate(b.size for b in wanted)
    first = {b.path for b in found[:KEPT_NEWEST]}
    fit = first | {b.path for b, total in zip(wanted, sizes, strict=True) if total <= most_bytes}
    return tuple(backup for backup in found if backup.path not in fit)


def _last_of_each(found: Iterable[tuple[Backup, object]], spans: int) -> set[Path]:
    last: dict[object, Path] = {}
    for backup, span in found:
        last.setdefault(span, backup.path)
    return set(list(last.values())[:spans])


def sync_file(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unusable(path: Path, what: str) -> StoreCorruptError:
    return StoreCorruptError(f"the backup {path} cannot be used: {what}")
