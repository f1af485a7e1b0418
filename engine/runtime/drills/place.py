"""A private place for one drill: a folder of its own, in it a real headless cockpit and its paper gateway.

Nothing here can reach a running session: the state folder, the runtime folder, the ports and the account
are its own, and no setting of the person's environment is passed on.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, Self

import tomli_w

from engine.api import Command, Outcome, OutcomeStatus, Snapshot
from engine.domain.reasons import Reason
from engine.runtime.drills.trader import KIND
from engine.runtime.process.errors import FailedError, NotRunningError, RefusedError
from engine.runtime.process.gateway_process import FOLDER, end_gateway, running_gateway
from engine.runtime.process.link import Role, SocketHandle
from engine.runtime.process.lock import holder_of
from engine.runtime.process.paths import DATABASE
from engine.store.connection import open_for_reading

SYMBOL: Final = "AAPL"
"""What a drill trades."""
SPEED: Final = 5.0
"""How fast the exchange's clock runs, so that a bar comes each second."""
BAR_S: Final = 5.0
"""Length of its trader's bars, in seconds of the exchange."""
SEED: Final = 11
ADMIN_SOCKET: Final = "admin.sock"
"""In the gateway's folder: where faults are asked for."""
LINK_S: Final = 2.0
FAULT_S: Final = 10.0
COMMAND_S: Final = 30.0
END_S: Final = 10.0
OUTPUT: Final = "output.txt"
CHILD: Final = "cockpit.drill_child"

CONFIG: Final[Mapping[str, Any]] = {
    "market_data": {"max_quote_age_seconds": 120.0},
    "connection": {"interval_s": 0.5},
    "broker": {"speed": SPEED, "seed": SEED},
    "universe": {
        "min_24h_value": [0.0, 0.0, 0.0],
        "allocation_pct": [100.0, 100.0, 100.0],
        "base_size_pct": [100.0, 100.0, 100.0],
        "theme_cap_pct": 100.0,
    },
    "strategies": {"drill": {"kind": KIND, "symbols": [SYMBOL], "timeframe": f"{BAR_S:g}s"}},
}
"""The shipped limits, but for what depends on a day of data or on a machine that is busy with others."""

Report = Mapping[str, Any]
"""What the exchange says of itself, as the gateway's `report` gives it."""


class Child(Protocol):
    """The cockpit's process, as far as a place needs it."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; its exit code."""

    def kill(self) -> None:
        """kill -9."""


class Place:
    """One folder and whatever runs in it."""

    role: ClassVar[Role] = "screen"
    """As what it looks at the engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: Child | None = None
        self._link: SocketHandle | None = None

    @classmethod
    def make(cls, settings: Mapping[str, Mapping[str, object]]) -> Self:
        """A new one, with `settings` over the common ones (section -> key -> value)."""
        # A short path: a socket's may have only 107 bytes.
        folder = Path(tempfile.mkdtemp(prefix="ckd-"))
        merged = {section: {**CONFIG.get(section, {}), **keys} for section, keys in settings.items()}
        (folder / "cockpit.toml").write_text(tomli_w.dumps({**CONFIG, **merged}), encoding="utf-8")
        return cls(folder)

    @property
    def state(self) -> Path:
        """Its state folder."""
        return self.folder / "state"

    # --- life and death -------------------------------------------------------------------------

    def start(self) -> None:
        """Start the cockpit; returns at once."""
        with (self.folder / OUTPUT).open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, and no argument from outside
                [sys.executable, "-P", "-m", CHILD, "--paper", "--headless"],
                cwd=self.folder,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C at the terminal is for the drill, which then ends this
            )

    def _environ(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG"}}
        root = str(Path(__file__).resolve().parents[3])
        return {**kept, "PYTHONPATH": root, "XDG_RUNTIME_DIR": str(self.folder)}

    def kill(self) -> None:
        """kill -9 of the cockpit; the gateway lives on."""
        self._leave()
        if self._process is not None:
            self._process.kill()
            self._process.wait(END_S)

    def kill_gateway(self) -> None:
        """kill -9 of the gateway's process."""
        running = running_gateway(self.state)
        if running is None:
            raise FailedError("no paper gateway runs that could be killed.")
        os.kill(running.pid, signal.SIGKILL)

    def end(self) -> None:
        """End whatever still runs here, and remove the folder."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self._leave()
        running = running_gateway(self.state)
        if running is not None:
            end_gateway(running.pid)
        shutil.rmtree(self.folder, ignore_errors=True)

    def check_alive(self) -> None:
        """Raises FailedError with its last words where the cockpit has ended by itself."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise FailedError(f"the cockpit of the drill ended with {code}: {self.last_words()}")

    def why_not(self) -> str:
        """What keeps its trader from entering, as the engine shows it."""
        shown = self.snapshot()
        if shown is None:
            return "no engine answers"
        told = [f"{why.symbol}: {why.text}" for why in shown.why_not]
        return "; ".join([f"{shown.engine_state.value}, {shown.entries_text}", *told])[:300]

    def last_words(self) -> str:
        """The last line that it printed."""
        try:
            text = (self.folder / OUTPUT).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "it said nothing"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return "".join(c for c in lines[-1] if c.isprintable())[:300] if lines else "it said nothing"

    # --- looking and asking ---------------------------------------------------------------------

    def snapshot(self) -> Snapshot | None:
        """What the engine shows; None while none answers."""
        link = self._linked()
        return None if link is None else link.snapshot()

    def command(self, command: Command) -> Outcome:
        """Give a command and wait for its end; FAILED where no engine answers."""
        link = self._linked()
        if link is None:
            text = "no engine answers in the place of the drill"
            return Outcome(command.command_id, OutcomeStatus.FAILED, Reason.LINK_DOWN, text)
        return link.submit(command).result(COMMAND_S)

    def _linked(self) -> SocketHandle | None:
        """The link to the engine of the moment; a new one where the old one broke."""
        if self._link is not None and self._link.is_alive:
            return self._link
        self._leave()
        holder = holder_of(self.state)
        if self._process is None or holder is None or holder.pid != self._process.pid:
            return None
        with contextlib.suppress(NotRunningError, FailedError, RefusedError):  # it is just starting or ending
            self._link = SocketHandle.connect(Path(holder.socket), role=self.role, timeout_s=LINK_S)
        return self._link

    def _leave(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def ask(self, **fault: object) -> Report:
        """Ask the gateway's fault socket. Raises OSError where it does not answer, FailedError for a no."""
        with closing(socket.socket(socket.AF_UNIX)) as line:
            line.settimeout(FAULT_S)
            line.connect(str(self.state / FOLDER / ADMIN_SOCKET))
            line.sendall(json.dumps(fault).encode() + b"\n")
            with line.makefile("rb") as answers:
                heard = answers.readline()
        answer: dict[str, Any] = json.loads(heard) if heard else {"ok": False, "error": "it hung up"}
        if not answer["ok"]:
            raise FailedError(
                f"the paper gateway refuses {fault.get('do')}: {answer.get('error', 'no reason')}"
            )
        return answer

    def report(self) -> Report | None:
        """What is true at the exchange; None while no gateway can be asked."""
        try:
            return self.ask(do="report")
        except (OSError, FailedError):
            return None

    def booked(self) -> tuple[str, ...]:
        """Id of every execution in the engine's books."""
        path = next(self.state.glob(f"embedded-*/{DATABASE}"), None)
        if path is None:
            return ()
        try:
            with closing(open_for_reading(path)) as conn:
                return tuple(row[0] for row in conn.execute("SELECT exec_id FROM fill ORDER BY seq"))
        except sqlite3.DatabaseError as err:
            raise FailedError(f"the books of the drill cannot be read: {err}") from err
