"""A damaged database is never deleted and stops nothing: it moves aside, a backup takes its place.

The order of steps is what makes it safe against a kill in the middle. The replacement is made completely,
its HALT included, under a name of its own; only then do the damaged files move; its rename is the last
step, and an opening that finds it waiting finishes what was begun.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from engine.store import operations
from engine.store.backup import Binding, copy_to, sync_file, verify
from engine.store.backup_names import Backup, backups_of
from engine.store.connection import open_database, private_folder, transact
from engine.store.errors import StoreBindingError, StoreCorruptError, StoreError, StoreTooNewError
from engine.store.events import NewEvent, append_events
from engine.store.quarantine import QuarantinedRow, load_readable

_STAMP = "%Y%m%dT%H%M%SZ"
_BOOT_ID = "rescue"
_NEXT = ".next-"
"""Between the database's name and the folder that what it replaces will move to."""


class Rescue(NamedTuple):
    """What was done about a damaged database."""

    text: str
    """What was wrong, where the damaged files are, what the engine goes on with; for people."""
    from_backup: bool
    """False where no backup could be used and the engine starts with empty books."""


class Opened(NamedTuple):
    """An open database and what its opening had to do."""

    connection: sqlite3.Connection
    rescue: Rescue | None
    quarantined: tuple[QuarantinedRow, ...]


def open_or_rescue(path: Path, *, gateway: str, account: str, now: Callable[[], datetime]) -> Opened:
    """Open like `open_database`; a damaged file is replaced first and the account halted.

    `now` is the time written into the records (exchange time). Raises StoreError where the file cannot be
    opened for another reason than damage, or where nothing can be written.
    """
    binding = Binding(gateway, account)
    _finish(path)
    try:
        conn, bad = _open_and_read(path, binding, now())
    except StoreCorruptError as err:
        rescue = _rescue(path, str(err), binding, now())
        conn, bad = _open_and_read(path, binding, now())
        return Opened(conn, rescue, bad)
    return Opened(conn, None, bad)


def _open_and_read(
    path: Path, binding: Binding, at: datetime
) -> tuple[sqlite3.Connection, tuple[QuarantinedRow, ...]]:
    """An open database all of whose rows can be read: those that cannot are put aside."""
    if not path.exists() or path.stat().st_size == 0:
        _refuse_emptied(path)
    conn = open_database(path, gateway=binding.gateway, account=binding.account)
    try:
        return conn, load_readable(conn, path, at=at)
    except BaseException:
        conn.close()
        raise


def _refuse_emptied(path: Path) -> None:
    if path.exists() and backups_of(path):
        raise StoreCorruptError(f"the state file {path} is empty, although there are backups of it")


def put_in_place(path: Path, make: Callable[[Path], object], *, aside: str) -> Path | None:
    """Let `make` write a new database whole, then exchange it for what is there; returns where that went.

    `aside` begins the name of that folder; None where nothing was there. Raises StoreError.
    """
    stamp = datetime.now(UTC).strftime(_STAMP)
    ready = path.with_name(f"{path.name}{_NEXT}{aside}-{stamp}")
    part = ready.with_name(f"{ready.name}.part")
    private_folder(path.parent)
    had_one = path.exists()
    try:
        make(part)
        sync_file(part)
        part.rename(ready)
        sync_file(path.parent)
    except OSError as err:
        raise StoreError(f"{part} could not be written ({err.strerror}); nothing was changed") from err
    finally:
        _remove(part)
    _finish(path)
    return path.with_name(f"{aside}-{stamp}") if had_one else None


def _rescue(path: Path, damage: str, binding: Binding, at: datetime) -> Rescue:
    found: list[Rescue] = []

    def make(part: Path) -> None:
        backup = _restored(path, part, binding)
        went_on = (
            f"the backup of {backup.at:%Y-%m-%d %H:%M:%S} UTC was restored"
            if backup
            else "there was no usable backup, so the books start empty"
        )
        aside = part.name.removeprefix(f"{path.name}{_NEXT}").removesuffix(".part")
        text = (
            f"{damage.split('. It was left', 1)[0]}. It was moved to {path.with_name(aside)} and "
            f"{went_on}; positions and orders are compared with the broker's. The account is halted: check "
            "them, then resume with a reason"
        )
        _halt(part, binding, text, at, is_restored=backup is not None)
        found.append(Rescue(text, backup is not None))

    put_in_place(path, make, aside="corrupt")
    return found[0]


def _restored(path: Path, part: Path, binding: Binding) -> Backup | None:
    """The newest backup that can be used, copied to `part`; None where there is none."""
    for backup in backups_of(path):
        try:
            if verify(backup.path) == binding:
                copy_to(backup.path, part)
                open_database(part, gateway=binding.gateway, account=binding.account).close()
                return backup
        except (StoreCorruptError, StoreBindingError, StoreTooNewError):
            _remove(part)
    return None


def _halt(part: Path, binding: Binding, text: str, at: datetime, *, is_restored: bool) -> None:
    """Make the replacement wait for a person, durably, before it is put in place."""
    conn = open_database(part, gateway=binding.gateway, account=binding.account)
    try:
        put = partial(
            operations.put_brake,
            kind="HALT",
            scope="account",
            name="",
            reason=text,
            who="engine",
            at=at,
            boot_id=_BOOT_ID,
        )
        transact(conn, put)
        event = NewEvent(at, "engine", "warning" if is_restored else "error", "", "", text)
        transact(conn, partial(append_events, events=[event], boot_id=_BOOT_ID))
        # Whole in its main file: the -wal beside it does not move with the rename.
        conn.execute("PRAGMA journal_mode = DELETE")
    finally:
        conn.close()


def _finish(path: Path) -> None:
    """Put a finished replacement in place, however far an earlier start came."""
    for half_made in path.parent.glob(f"{path.name}{_NEXT}*.part*"):
        half_made.unlink()
    for ready in sorted(path.parent.glob(f"{path.name}{_NEXT}*")):
        aside = path.with_name(ready.name.removeprefix(f"{path.name}{_NEXT}"))
        private_folder(aside)
        try:
            # The log first: were it to stay without its database, SQLite would put it into the new one.
            for name in (f"{path.name}-wal", f"{path.name}-shm", path.name):
                if path.with_name(name).exists():
                    path.with_name(name).rename(aside / name)
            sync_file(aside)
            ready.rename(path)
            sync_file(path.parent)
        except OSError as err:
            raise StoreError(f"the damaged {path} could not be moved to {aside} ({err.strerror})") from err


def _remove(part: Path) -> None:
    for name in (part.name, f"{part.name}-wal", f"{part.name}-shm"):
        part.with_name(name).unlink(missing_ok=True)
