"""One trading engine per real account, whatever its state folder: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from engine.runtime.process.errors import RefusedError
from engine.runtime.process.lock import is_alive, soon
from engine.runtime.process.paths import PRIVATE_FILE, runtime_dir

_SAID: Final = re.compile(r"pid (\d+), ")


class AccountLock:
    """Held from boot to end. Simulated accounts need none: each embedded gateway has its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, account: str, *, state_dir: Path, environ: Mapping[str, str]) -> Self:
        """Take the account for this process. Raises RefusedError naming who trades it already."""
        path = runtime_dir(environ) / f"account-{account}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = soon(lambda: _holder(descriptor))
            os.close(descriptor)
            raise RefusedError(
                f"account {account} is traded already by {holder or 'a process just starting'}. Attach to "
                "it with `cockpit attach`, or end it first with `cockpit stop`; nothing was sent."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()}, state folder {state_dir}".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Give the account back; the file stays, so that no two processes lock different ones."""
        os.close(self._descriptor)


def _holder(descriptor: int) -> str | None:
    """Who has written that it holds the lock; None while that is nobody who lives."""
    said = os.pread(descriptor, 4096, 0).decode(errors="replace")
    found = _SAID.match(said)
    return said if found is not None and is_alive(int(found[1])) else None
