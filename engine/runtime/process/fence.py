"""Ends an engine that does not answer, for good: only then may somebody else act in its name.

The process is the one that wrote the lock: its pid alone could be another process by now, so its start time
and the boot of the machine are compared before the signal, through a handle that cannot be reused.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from engine.runtime.process.errors import FailedError
from engine.runtime.process.lock import Holder, InstanceLock, LockHeldError, process_mark
from engine.runtime.process.registry import Running

GONE_S: Final = 10.0
"""How long the kernel may take to free the lock of a killed process."""
_STEP_S: Final = 0.02


def fence(engine: Running) -> InstanceLock:
    """Kill the engine that holds the lock and take its place; the caller releases the lock.

    Raises FailedError where the process is another one, is not ours to kill, or another engine was faster.
    """
    _kill(engine.holder)
    # What it was started as stays readable; who holds the folder now is this process.
    mine = replace(engine.holder, pid=os.getpid(), socket="", mark=process_mark(os.getpid()), headless=True)
    deadline_s = time.monotonic() + GONE_S
    while True:
        try:
            return InstanceLock.acquire(engine.state_dir, mine)
        except LockHeldError as err:
            if err.holder is not None and err.holder.pid != engine.holder.pid:
                raise FailedError(
                    f"another engine (pid {err.holder.pid}) has taken the state folder meanwhile; nothing "
                    "else was done. Repeat the command: it reaches that one."
                ) from err
            if time.monotonic() >= deadline_s:
                raise FailedError(
                    f"the engine (pid {engine.holder.pid}) was killed and still holds its lock after "
                    f"{GONE_S:.0f} s; nothing was cancelled. Cancel and close in TWS."
                ) from err
        time.sleep(_STEP_S)


def leave_kill_file(state_dir: Path, name: str, reason: str) -> None:
    """Durable before anything is killed: whoever starts here next boots killed, whatever becomes of us."""
    path = state_dir / name
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, reason.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _kill(holder: Holder) -> None:
    try:
        handle = os.pidfd_open(holder.pid)
    except ProcessLookupError:
        return  # it is gone already
    except PermissionError as err:
        raise FailedError(f"the engine (pid {holder.pid}) is another user's; it cannot be ended") from err
    try:
        found = process_mark(holder.pid)
        if holder.mark and found != holder.mark:
            raise FailedError(
                f"the lock names pid {holder.pid}, but that is another process now (started {found}, the "
                f"engine {holder.mark}); nothing was ended. Look at what holds {holder.socket}."
            )
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    finally:
        os.close(handle)
