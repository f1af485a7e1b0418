"""A person at a terminal, for tests: a real pty with a session leader that behaves like a shell."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.runtime.process.errors import FailedError, NotRunningError, RefusedError
from engine.runtime.process.link import SocketHandle
from engine.runtime.process.lock import holder_of
from engine.runtime.process.log_files import eastern_day, file_of, wall_now
from engine.runtime.shell.status import document
from tests.process import forked
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "PROMPT IS BACK"

SMALL = "tests.process.small_cockpit"
"""The real command line around the small engine."""

_SHELL = """
"$@"
code=$?
printf '%s %s\\n' "$PROMPT_TEXT" "$code"
read line
"""
_ESCAPES = re.compile(rb"\x1b\[[0-9;?<>=]*[ -/]*[@-~]|\x1b[@-Z\\-_]")
_SHELL = """
"$@"
code=$?
printf '%s %s\\n' "$PROMPT_TEXT" "$code"
read line
"""


@dataclass(frozen=True)
class Place:
    """Where a test's cockpit lives: its own configuration, state and runtime folder."""

    folder: Path
    term: str = "xterm-256color"

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    @property
    def log(self) -> Path:
        """The log file of today, in New York."""
        return file_of(self.state / "logs", eastern_day(wall_now()))

    def environ(self) -> dict[str, str]:
        """The environment of every process of this place."""
        kept = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG"}}
        return kept | {
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_RUNTIME_DIR": str(self.folder),
            "TERM": self.term,
            "LC_ALL": "C.UTF-8",
        }

    def command(self, *arguments: str, module: str = SMALL) -> list[str]:
        """The command line of a cockpit here."""
        return [sys.executable, "-P", "-m", module, *arguments]

    def run(
        self, *arguments: str, module: str = "cockpit", timeout_s: float = 60.0, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, without a terminal."""
        given = self.environ() | environ
        return forked.run(arguments, folder=self.folder, environ=given, timeout_s=timeout_s, module=module)

    @contextlib.contextmanager
    def headless(self, *arguments: str, module: str = "cockpit") -> Iterator[forked.Forked]:
        """A cockpit without a screen; it is asked to end where it has not by itself."""
        with Path(os.devnull).open("r+b") as quiet:
            running = forked.start(
                ["--paper", "--headless", *arguments],
                folder=self.folder,
                environ=self.environ(),
                output=quiet,
                errors=quiet,
                module=module,
            )
        try:
            yield running
        finally:
            running.terminate()
            running.wait(30.0)

    def status(self, *, state: Path | None = None) -> dict[str, Any] | None:
        """What `cockpit status --json` shows, without a process to ask it; None while no engine answers."""
        holder = holder_of(state or self.state)
        if holder is None:
            return None
        try:
            handle = SocketHandle.connect(Path(holder.socket), role="command", timeout_s=5.0)
        except (NotRunningError, FailedError, RefusedError):
            return None
        try:
            shown: dict[str, Any] = json.loads(json.dumps(document(handle.snapshot())))
        finally:
            handle.close()
        return shown

    def engine_pid(self) -> int:
        """The process that holds the state folder; 0 where none does."""
        holder = holder_of(self.state)
        return holder.pid if holder is not None else 0

    def log_text(self) -> str:
        """The log so far."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


class Terminal:
    """A pty of 120x40; what is written to it is read by a thread until it is told to stall.

    Its shell is one that was forked, and a real one where it is to be `fresh`.
    """

    def __init__(
        self,
        place: Place,
        *arguments: str,
        module: str = SMALL,
        size: tuple[int, int] = (120, 40),
        fresh: bool = False,
    ) -> None:
        self.raw = bytearray()
        self._reading = threading.Event()
        self._reading.set()
        self._closed = threading.Event()
        self._master, line = pty.openpty()
        try:
            self._shell = forked.start_at_a_terminal(
                [_SHELL, "sh", *place.command(*arguments, module=module)] if fresh else arguments,
                folder=place.folder,
                environ=place.environ() | {"PROMPT_TEXT": PROMPT},
                line=line,
                module="" if fresh else module,
                prompt=PROMPT,
            )
        finally:
            os.close(line)
        self.resize(*size)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        """What was written, without escape sequences."""
        return _ESCAPES.sub(b"", bytes(self.raw)).decode("utf-8", "replace")

    def expect(self, text: str, *, within_s: float = 60.0) -> None:
        """Wait until the text has been written since the last `forget`."""
        eventually(
            lambda: text in self.text,
            within_s=within_s,
            why=f"{text!r} on the terminal; got {self.text[-800:]}",
        )

    def forget(self) -> None:
        """Look only at what comes from now on."""
        self.raw.clear()

    def send(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def resize(self, width: int, height: int) -> None:
        """Another window size; the kernel sends SIGWINCH."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def stall(self) -> None:
        """Stop reading, as a sleeping laptop does."""
        self._reading.clear()

    def go_on(self) -> None:
        """Read again."""
        self._reading.set()

    def exit_code(self) -> int:
        """The cockpit's exit code, once the prompt is back."""
        # In the raw bytes: a screen that still draws may be cut by the prompt in the middle of an escape.
        wanted = re.compile(PROMPT.encode() + rb" (\d+)")
        found = eventually(
            lambda: wanted.search(bytes(self.raw)), within_s=60.0, why=f"the prompt; got {self.text[-800:]}"
        )
        return int(found.group(1))

    def child(self) -> int:
        """The process that waits in the terminal (the cockpit's parent)."""
        leader = self._shell.pid
        children = Path(f"/proc/{leader}/task/{leader}/children")
        return int(eventually(lambda: children.read_text().split())[0])

    def hang_up(self) -> None:
        """Close the master: the line is dead."""
        if not self._closed.is_set():
            self._closed.set()
            self._reading.set()
            self._reader.join(60.0)
            os.close(self._master)

    def close(self) -> None:
        """Hang up and end the session leader."""
        self.hang_up()
        self._shell.kill()
        self._shell.wait(60.0)

    def _read(self) -> None:
        while not self._closed.is_set():
            if not self._reading.wait(0.1):
                continue
            ready, _, _ = select.select([self._master], [], [], 0.05)
            if ready:
                try:
                    self.raw += os.read(self._master, 65536)
                except OSError:
                    return


@contextlib.contextmanager
def terminal(place: Place, *arguments: str, **options: Any) -> Iterator[Terminal]:
    """The small cockpit on a terminal; everything it started is ended afterwards."""
    opened = Terminal(place, *arguments, **options)
    try:
        yield opened
    finally:
        opened.close()
        end_all(place)


def end_all(place: Place) -> None:
    """End what still runs in this place."""
    pid = place.engine_pid()
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not place.engine_pid(), why="the engine to be gone")


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def write_config(place: Place, extra: Mapping[str, str] | None = None) -> None:
    """A configuration whose engine needs no gateway."""
    lines = ['[broker]\ngateway = "tws"\n']
    lines += [f"[{section}]\n{body}\n" for section, body in (extra or {}).items()]
    (place.folder / "cockpit.toml").write_text("".join(lines), encoding="utf-8")
