"""Behind the shell's commands about the state on disk: verify, back up, restore, export."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from engine.config import Gateway, Loaded
from engine.runtime.process.errors import FailedError, RefusedError, UsageError
from engine.runtime.process.lock import Holder, InstanceLock, LockHeldError
from engine.runtime.process.paths import DATABASE, PRIVATE_FILE
from engine.store.backup import Binding, back_up, copy_to, verify
from engine.store.connection import open_for_reading
from engine.store.errors import StoreError
from engine.store.events import ChainReport, verify_chain
from engine.store.export import export_state
from engine.store.rescue import put_in_place

Say = Callable[[str], None]


def databases(state_dir: Path, account: str) -> tuple[Path, ...]:
    """The databases of a state folder, of one account or of all. Raises UsageError where there is none."""
    found = tuple(sorted(state_dir.glob(f"*-{account or '*'}/{DATABASE}")))
    if not found:
        of = f" of account {account}" if account else ""
        raise UsageError(f"there is no state{of} in {state_dir}; name another folder with --state DIR.")
    return found


def the_database(state_dir: Path, account: str) -> Path:
    """The one database that is meant. Raises UsageError where there are several."""
    found = databases(state_dir, account)
    if len(found) > 1:
        names = ", ".join(path.parent.name for path in found)
        raise UsageError(
            f"{state_dir} holds the state of several accounts ({names}): choose with --account ID."
        )
    return found[0]


def verify_audit(state_dir: Path, account: str, *, say: Say) -> int:
    """Check every event log against its hashes; 1 where one is broken, its first bad row named."""
    code = 0
    for path in databases(state_dir, account):
        report = _chain_of(path)
        say(f"{path.parent.name}: {'ok' if report.ok else 'BROKEN'}: {report.text}")
        code = code if report.ok else 1
    return code


def make_backup(state_dir: Path, account: str, target: Path | None, *, say: Say) -> int:
    """Copy the state while it may be in use: to `target`, or beside the other backups."""
    path = the_database(state_dir, account)
    try:
        made = back_up(path, at=datetime.now(UTC), why="asked") if target is None else copy_to(path, target)
    except StoreError as err:
        raise FailedError(f"{err}.") from err
    say(f"{made}: {made.stat().st_size / 1e6:.1f} MB, checked")
    return 0


def restore(loaded: Loaded, account: str, source: Path, *, say: Say) -> int:
    """Put a backup in the place of the state; what was there moves aside. No engine may run here.

    Raises RefusedError where the backup is of another gateway or account than configured, or an engine
    runs; FailedError where the backup is damaged. Then nothing was changed.
    """
    binding = _checked(source)
    _refuse_another(binding, loaded, account)
    path = loaded.state_dir / f"{binding.gateway}-{binding.account}" / DATABASE
    try:
        lock = InstanceLock.acquire(
            loaded.state_dir, Holder(pid=os.getpid(), mode="restore", socket="", run_id="")
        )
    except LockHeldError as err:
        raise RefusedError(f"{err} Stop it first (cockpit stop); nothing was changed.") from err
    try:
        aside = put_in_place(path, lambda part: copy_to(source, part), aside="replaced")
    except StoreError as err:
        raise FailedError(f"{err}.") from err
    finally:
        lock.release()
    kept = f"; what was there is in {aside}" if aside is not None else ""
    say(
        f"{path}: restored from {source}{kept}. See to it that no other host trades this account; the next "
        "start compares it with the broker."
    )
    return 0


def export(state_dir: Path, account: str, target: Path | None, *, say: Say) -> int:
    """Write the state as JSON: to `target` (private, whole or not at all), or say it."""
    try:
        found = export_state(the_database(state_dir, account))
    except (StoreError, ValueError, TypeError, ArithmeticError) as err:
        raise FailedError(f"the state could not be read: {err}.") from err
    text = json.dumps(found, indent=2, ensure_ascii=target is None) + "\n"
    if target is None:
        say(text.rstrip("\n"))
        return 0
    _write_whole(target, text)
    say(f"{target}: written")
    return 0


def _chain_of(path: Path) -> ChainReport:
    try:
        with closing(open_for_reading(path)) as conn:
            return verify_chain(conn)
    except sqlite3.DatabaseError as err:
        return ChainReport(0, 0, f"it cannot be read ({err})")


def _checked(source: Path) -> Binding:
    """Whose backup this is, every part of it checked. Raises FailedError where it is not sound."""
    try:
        binding = verify(source)
    except StoreError as err:
        raise FailedError(f"{err}; nothing was changed.") from err
    report = _chain_of(source)
    if not report.ok:
        raise FailedError(f"{source} cannot be used: {report.text}; nothing was changed.")
    return binding


def _refuse_another(binding: Binding, loaded: Loaded, account: str) -> None:
    is_real = binding.gateway == Gateway.TWS.value
    wanted = account or (loaded.config.connection.account if is_real else "")
    if wanted and wanted != binding.account:
        raise RefusedError(f"the backup is of account {binding.account}, not {wanted}; nothing was changed.")
    gateway = loaded.config.broker.gateway
    if gateway is not Gateway.AUTO and gateway.value != binding.gateway:
        raise RefusedError(
            f"the backup is of the gateway {binding.gateway}, broker.gateway is {gateway.value}; nothing was "
            "changed."
        )


def _write_whole(target: Path, text: str) -> None:
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        part = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), PRIVATE_FILE)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
    except OSError as err:
        raise FailedError(f"{target} could not be written ({err.strerror}).") from err
