"""Behind `cockpit purge`: deletes old logs, records, backups and reports on request, never what is held."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from engine.domain.market import NEW_YORK
from engine.runtime.process.errors import FailedError, RefusedError, UsageError
from engine.runtime.process.lock import Holder, InstanceLock, LockHeldError
from engine.runtime.process.log_files import FOLDER, dated_files, eastern_day
from engine.runtime.process.paths import DATABASE
from engine.store.errors import StoreError
from engine.store.purge import purge_file

Say = Callable[[str], None]

LEAST_DAYS: Final = 7
"""Ids stay known for so long, that no late answer of the broker meets a stranger."""

WORD: Final = "DELETE"

_DAY_IN_NAME: Final = re.compile(r"(20\d{2})-?(\d{2})-?(\d{2})")
_DATED: Final = ("days/*.json", "runs/*/*.html", "backups/*", "corrupt-*", "replaced-*")
"""Beside each database: what carries its day in its name."""


class Old(NamedTuple):
    """What a purge would delete."""

    files: tuple[Path, ...]
    databases: tuple[Path, ...]
    """Of each, the rows before the first kept day."""


def purge(
    state_dir: Path,
    *,
    days: int,
    yes: bool,
    ask: Callable[[str], str] | None,
    say: Say,
    now: datetime,
) -> int:
    """Delete what is older than `days` days, after a look at it and the typed word (or `yes`).

    Positions that are open, with their orders and fills, closed trades, the audit and the evidence of the
    gates stay. Raises UsageError for too few days, RefusedError where an engine runs or nobody confirms,
    FailedError where something cannot be deleted.
    """
    if days < LEAST_DAYS:
        raise UsageError(f"--older-than {days}: expected at least {LEAST_DAYS} days.")
    first_kept = eastern_day(now) - timedelta(days=days)
    lock = _alone(state_dir)
    try:
        old = look(state_dir, first_kept)
        say(f"before {first_kept}: {len(old.files)} files, old rows of {len(old.databases)} stores")
        _confirm(yes=yes, ask=ask)
        removed = _delete(old, first_kept, now)
    finally:
        lock.release()
    say(f"deleted: {len(old.files)} files, {removed} rows")
    return 0


def look(state_dir: Path, first_kept: date) -> Old:
    """What is older than this day."""
    files = [path for day, path in dated_files(state_dir / FOLDER) if day < first_kept]
    stores = sorted(state_dir.glob(f"*-*/{DATABASE}"))
    for store in stores:
        files += _dated(store.parent, first_kept)
    return Old(tuple(files), tuple(stores))


def _dated(folder: Path, first_kept: date) -> Iterator[Path]:
    for pattern in _DATED:
        for path in sorted(folder.glob(pattern)):
            found = _DAY_IN_NAME.search(path.name)
            if found is not None and f"{found[1]}-{found[2]}-{found[3]}" < first_kept.isoformat():
                yield path


def _alone(state_dir: Path) -> InstanceLock:
    try:
        return InstanceLock.acquire(state_dir, Holder(pid=os.getpid(), mode="purge", socket="", run_id=""))
    except LockHeldError as err:
        raise RefusedError(f"{err} Stop it first (cockpit stop); nothing was deleted.") from err


def _confirm(*, yes: bool, ask: Callable[[str], str] | None) -> None:
    if yes:
        return
    if ask is None:
        raise RefusedError("nobody is here to confirm: use --yes. Nothing was deleted.")
    if ask(f"Type {WORD} to delete it: ").strip() != WORD:
        raise RefusedError("not confirmed; nothing was deleted.")


def _delete(old: Old, first_kept: date, now: datetime) -> int:
    before = datetime.combine(first_kept, time(0), tzinfo=NEW_YORK).astimezone(UTC)
    try:
        for path in old.files:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return sum(purge_file(path, before=before, at=now) for path in old.databases)
    except OSError as err:
        raise FailedError(
            f"{err.filename} could not be deleted ({err.strerror}); the rest may be gone."
        ) from err
    except (StoreError, sqlite3.Error) as err:
        raise FailedError(f"old rows could not be deleted: {err}.") from err
