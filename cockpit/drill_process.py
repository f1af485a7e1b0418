"""The process that runs drills for the screen: `cockpit drill run`, as from a shell; and how to stop it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

Told = Callable[[str], object]
Ended = Callable[[int], object]
Stop = Callable[[], None]


class Drills(Protocol):
    """Whatever runs drills."""

    def start(self, names: Sequence[str], *, told: Told, ended: Ended) -> Stop:
        """Run these one after the other; returns how to stop.

        `told` gets each line, `ended` the exit code, both from another thread. Raises OSError where nothing
        could be started.
        """
        ...


def drill_command(config: Path | None, state: Path) -> tuple[str, ...]:
    """`cockpit drill run` with a session's configuration, in whose state folder the results are kept."""
    named = () if config is None else ("--config", str(config))
    return (sys.executable, "-P", "-m", "cockpit", *named, "--state", str(state), "drill", "run", "--steps")


class ShellDrills:
    """Runs them by the command line: own process group, own gateway, a place that it takes down itself."""

    def __init__(self, command: Sequence[str]) -> None:
        """`command` takes the names behind it."""
        self._command = tuple(command)

    def start(self, names: Sequence[str], *, told: Told, ended: Ended) -> Stop:
        """Start the process, and a thread that reads it. Raises OSError."""
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and command
            [*self._command, *names],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        reader = threading.Thread(target=_read, args=(process, told, ended), name="drills", daemon=True)
        reader.start()

        def stop() -> None:
            if process.poll() is None:
                # As ctrl+c in a shell: it ends the drill's engine and gateway, then itself.
                process.send_signal(signal.SIGINT)

        return stop


def _read(process: subprocess.Popen[str], told: Told, ended: Ended) -> None:
    with process:
        for line in process.stdout or ():
            if line.strip():
                told(line.rstrip())
    ended(process.returncode)
