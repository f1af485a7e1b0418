"""One engine per state folder: an advisory lock that says who holds it and how it was started."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, Self, TypeVar

from engine.runtime.process.errors import RefusedError
from engine.runtime.process.paths import PRIVATE_FILE, private_state_dir

T = TypeVar("T")

LOCK_NAME: Final = "cockpit.lock"
_WRITTEN_S: Final = 0.5
"""Longest wait for a holder to write who it is."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The engine that holds a state folder."""

    pid: int
    mode: str
    socket: str
    run_id: str
    account: str = ""
    """Empty until the broker has named it."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """What it was started with beyond the mode: speed, seed, world, tape."""
    headless: bool = False
    started_at: str = ""
    config: str = ""
    """Its configuration file; empty where it runs without one."""
    mark: str = ""
    """Which process it is beyond its pid; see `process_mark`."""


class LockHeldError(RefusedError):
    """Another engine holds the state folder; `holder` is None in the instant before it has written."""

    def __init__(self, state_dir: Path, holder: Holder | None) -> None:
        who = f"pid {holder.pid}, {holder.mode}" if holder is not None else "a process just starting"
        super().__init__(f"the state folder {state_dir} is held by a running engine ({who}).")
        self.holder = holder


class InstanceLock:
    """The lock of one state folder; the kernel frees it when the process dies, however it dies."""

    def __init__(self, path: Path, descriptor: int, holder: Holder) -> None:
        self._path = path
        self._descriptor = descriptor
        self._holder = holder

    @classmethod
    def acquire(cls, state_dir: Path, holder: Holder) -> Self:
        """Take the folder for `holder`. Raises LockHeldError (taken) or FailedError (unusable)."""
        path = private_state_dir(state_dir) / LOCK_NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise LockHeldError(state_dir, _read_soon(path)) from None
        lock = cls(path, descriptor, holder)
        lock._write()
        return lock

    @property
    def holder(self) -> Holder:
        """What the lock says now."""
        return self._holder

    def name_account(self, account: str) -> None:
        """Add the account once the broker has named it."""
        if account != self._holder.account:
            self._holder = replace(self._holder, account=account)
            self._write()

    def release(self) -> None:
        """Give the folder back; the file stays, empty, so that no two processes lock different files."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def _write(self) -> None:
        text = json.dumps(asdict(self._holder)).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)


def process_mark(pid: int) -> str:
    """Boot of the machine and start of the process, so that a pid used anew is not taken for the old one.

    Empty where the process is gone.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
    except OSError:
        return ""
    return f"{boot}/{fields.split()[19]}"


def holder_of(state_dir: Path) -> Holder | None:
    """Who holds this state folder; None where nobody does."""
    path = state_dir / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read(path)
    finally:
        os.close(descriptor)
    return None


def _read_soon(path: Path) -> Holder | None:
    """Who holds it, where it was taken in this moment and the file may still name a process long gone."""
    return soon(lambda: holder if (holder := _read(path)) is not None and is_alive(holder.pid) else None)


def soon(ask: Callable[[], T | None]) -> T | None:
    """The first answer within half a second; None where there is none."""
    ends_s = time.monotonic() + _WRITTEN_S
    while (answer := ask()) is None and time.monotonic() < ends_s:
        time.sleep(0.01)
    return answer


def is_alive(pid: int) -> bool:
    """True where a process of this number exists."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
