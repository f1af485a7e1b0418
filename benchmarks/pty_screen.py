"""A program on a pseudo-terminal whose bytes are stamped as they arrive: what a person would see when."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from engine.runtime.process.gateway_process import end_gateway, running_gateway

ROOT: Final = Path(__file__).resolve().parents[1]
COLUMNS, LINES = 120, 40
DEADLINE_S = 30.0
END_S = 60.0
QUIET_S = 0.05
TRIES, TRY_AGAIN_S = 20, 0.5
_CHUNK = 65536


class PtyScreen:
    """A program at a terminal of 120x40; close it in a `finally`."""

    def __init__(self, arguments: Sequence[str], *, folder: Path) -> None:
        """Start `python ARGUMENTS` in the project's root; `folder` is where it finds running engines."""
        command = [sys.executable, *arguments]
        self.started_s = time.perf_counter()
        self._seen = b""
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
            os.chdir(ROOT)
            os.execve(command[0], command, environ() | {"XDG_RUNTIME_DIR": str(folder)})

    def until(self, wanted: str) -> float:
        """Read until the bytes since the last call hold this pattern; says when they came (perf_counter).

        Raises SystemExit where they do not come in time.
        """
        pattern = re.compile(wanted.encode())
        deadline = time.monotonic() + DEADLINE_S
        while True:
            found = pattern.search(self._seen)
            if found:
                self._seen = self._seen[found.end() :]
                return time.perf_counter()
            ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise SystemExit(f"no {wanted!r} within {DEADLINE_S:.0f} s; got {self._seen[-400:]!r}")
            try:
                self._seen += os.read(self._master, _CHUNK)
            except OSError as err:
                raise SystemExit(f"it ended without {wanted!r}; got {self._seen[-400:]!r}") from err

    def press(self, keys: str, wanted: str) -> float:
        """Write the bytes of `keys`; milliseconds until the pattern is in what the terminal gets back."""
        self._drain()
        self._seen = b""
        began_s = time.perf_counter()
        os.write(self._master, keys.encode())
        return (self.until(wanted) - began_s) * 1000

    def settle(self) -> None:
        """Read until nothing came for a moment: what was opened is there to be typed at."""
        while select.select([self._master], [], [], QUIET_S)[0]:
            os.read(self._master, _CHUNK)

    def close(self) -> None:
        """End it as an operator would from a shell, reading until it has gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)
        deadline = time.monotonic() + END_S
        with contextlib.suppress(OSError):
            while time.monotonic() < deadline:
                ready, _, _ = select.select([self._master], [], [], 1.0)
                if ready and not os.read(self._master, _CHUNK):
                    break
        os.close(self._master)
        os.waitpid(self._pid, 0)

    def _drain(self) -> None:
        while select.select([self._master], [], [], 0)[0]:
            os.read(self._master, _CHUNK)


@contextmanager
def paper_cockpit(folder: Path, *options: str) -> Iterator[PtyScreen]:
    """`cockpit --paper` with a state of its own at a terminal of its own; ended with its gateway."""
    state = folder / "state"
    (folder / "cockpit.toml").write_text(f'[state]\ndir = "{state}"\n', encoding="utf-8")
    screen = PtyScreen(["-m", "cockpit", "--paper", *options, *config_of(folder)], folder=folder)
    try:
        yield screen
    finally:
        screen.close()
        gateway = running_gateway(state)
        if gateway is not None:
            end_gateway(gateway.pid)


def attached_to(folder: Path) -> PtyScreen:
    """`cockpit attach` to the cockpit that runs there."""
    return PtyScreen(["-m", "cockpit", "attach", *config_of(folder)], folder=folder)


def attached_when_ready(folder: Path) -> PtyScreen:
    """A screen on the cockpit that starts there, once it shows READY. SystemExit where it never does."""
    for _ in range(TRIES):
        screen = attached_to(folder)
        try:
            screen.until("READY")
        except SystemExit:  # it takes nobody yet
            screen.close()
            threading.Event().wait(TRY_AGAIN_S)
        else:
            return screen
    raise SystemExit(f"nothing to attach to after {TRIES} tries")


def config_of(folder: Path) -> list[str]:
    """The options that name its configuration."""
    return ["--config", str(folder / "cockpit.toml")]


def environ() -> Mapping[str, str]:
    """The environment of a modern terminal."""
    return {
        **os.environ,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "COLUMNS": str(COLUMNS),
        "LINES": str(LINES),
        "PYTHONPATH": str(ROOT),
    }
