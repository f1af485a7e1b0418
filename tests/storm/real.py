"""A real headless cockpit and its real gateway, each a process of its own, to be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import tomli_w

from engine.api import EngineState, Outcome, Snapshot
from engine.runtime.process.errors import FailedError, NotRunningError, RefusedError
from engine.runtime.process.gateway_process import end_gateway, running_gateway
from engine.runtime.process.link import SocketHandle
from engine.runtime.process.lock import holder_of
from engine.runtime.process.remote import new_command
from tests.process import forked
from tests.storm.exchange_record import ExchangeRecord
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
MODULE = "tests.storm.storm_cockpit"
READY_S = 60.0
_PATIENT = {
    "market_data": {"max_quote_age_seconds": 120.0},
    "connection": {"interval_s": 0.5},
    "broker": {"seed": 11},
    "universe": {
        "min_24h_value": [0.0, 0.0, 0.0],
        "allocation_pct": [100.0, 100.0, 100.0],
        "base_size_pct": [100.0, 100.0, 100.0],
        "theme_cap_pct": 100.0,
    },
}
"""A busy machine must not make a quote too old, nor a tape of a few minutes every instrument a small one."""


@dataclass
class RealCockpit:
    """One place: its configuration, its gateway, and the cockpit process of the moment."""

    folder: Path
    process: forked.Ended | None = None
    started_s: float = 0.0
    environ: dict[str, str] = field(default_factory=dict)
    fresh: bool = False
    """Started as a shell would, in an interpreter of its own: for who measures how long that takes."""

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    @property
    def gateway_folder(self) -> Path:
        """The gateway's own folder, with its journal."""
        return self.state / "gateway-embedded"

    def configure(self, strategies: Mapping[str, object], **sections: Mapping[str, object]) -> None:
        """Write `cockpit.toml`: these strategies, patient limits, and whatever sections are given."""
        content: dict[str, Any] = {name: dict(keys) for name, keys in _PATIENT.items()}
        for name, keys in sections.items():
            content[name] = {**content.get(name, {}), **keys}
        text = tomli_w.dumps({**content, "strategies": dict(strategies)})
        (self.folder / "cockpit.toml").write_text(text, encoding="utf-8")

    # --- life and death -------------------------------------------------------------------------

    def start(self) -> None:
        """Start `cockpit --paper --headless`; returns at once."""
        self.started_s = time.monotonic()
        with (self.folder / "output.txt").open("ab") as output:
            self.process = self._started(["--paper", "--headless"], output)

    def _started(self, arguments: list[str], output: IO[bytes]) -> forked.Ended:
        place, environ = self.folder, self._environ()
        if not self.fresh:
            return forked.start(
                arguments, folder=place, environ=environ, output=output, errors=output, module=MODULE
            )
        return subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE, *arguments],
            cwd=place,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    def _environ(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG"}}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_RUNTIME_DIR": str(self.folder),
            **self.environ,
        }

    def kill(self) -> None:
        """kill -9, and wait until the kernel has buried it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(60.0)

    def kill_gateway(self) -> None:
        """kill -9 of the gateway's process."""
        running = running_gateway(self.state)
        assert running is not None, "no gateway runs"
        os.kill(running.pid, signal.SIGKILL)

    def end(self) -> None:
        """End whatever still runs here."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        running = running_gateway(self.state)
        if running is not None:
            end_gateway(running.pid)

    def exit_code(self, *, within_s: float = 60.0) -> int:
        """The exit code, once it has ended by itself."""
        assert self.process is not None
        return self.process.wait(within_s)

    # --- looking --------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot | None:
        """What the engine shows; None while none answers."""
        holder = holder_of(self.state)
        if self.process is None or holder is None or holder.pid != self.process.pid:
            return None
        try:
            handle = SocketHandle.connect(Path(holder.socket), role="command", timeout_s=5.0)
        except (NotRunningError, FailedError, RefusedError):
            return None
        try:
            return handle.snapshot()
        finally:
            handle.close()

    def until(self, condition: object, *, within_s: float = 60.0, why: str = "") -> Snapshot:
        """The first snapshot for which `condition(snapshot)` holds."""
        assert callable(condition)

        def found() -> Snapshot | None:
            self._must_live()
            shown = self.snapshot()
            return shown if shown is not None and condition(shown) else None

        shown = eventually(found, within_s=within_s, why=why or "the snapshot never showed it")
        assert shown is not None
        return shown

    def ready(self) -> float:
        """Wait for READY; seconds since the process was started."""
        self.until(lambda s: s.engine_state is EngineState.READY, within_s=READY_S, why=self.tail())
        return time.monotonic() - self.started_s

    def _must_live(self) -> None:
        assert self.process is not None
        code = self.process.poll()
        assert code is None, f"the cockpit ended with {code}: {self.tail()}"

    def tail(self) -> str:
        """The end of what it printed."""
        path = self.folder / "output.txt"
        return path.read_text(encoding="utf-8", errors="replace")[-2000:] if path.exists() else ""

    def command(self, kind: Any, **more: Any) -> Outcome:
        """Give a command over the control socket and wait for its outcome."""
        holder = holder_of(self.state)
        assert holder is not None
        handle = SocketHandle.connect(Path(holder.socket), role="command", timeout_s=5.0)
        try:
            return handle.submit(new_command(kind, **more)).result(60.0)
        finally:
            handle.close()

    def run(self, *arguments: str, timeout_s: float = 90.0) -> subprocess.CompletedProcess[str]:
        """A command from another terminal, run to its end."""
        return forked.run(arguments, folder=self.folder, environ=self._environ(), timeout_s=timeout_s)

    def drill(self, **command: object) -> dict[str, Any]:
        """Ask the gateway's fault socket for something; AssertionError where it refuses."""
        with closing(socket.socket(socket.AF_UNIX)) as line:
            line.settimeout(10.0)
            line.connect(str(self.gateway_folder / "admin.sock"))
            line.sendall(json.dumps(command).encode() + b"\n")
            with line.makefile("rb") as answers:
                answer: dict[str, Any] = json.loads(answers.readline())
        assert answer["ok"], answer
        return answer

    def record(self) -> ExchangeRecord:
        """What the exchange wrote down."""
        return ExchangeRecord.read(self.gateway_folder)

    def database(self) -> Path | None:
        """The engine's database; None before there is one."""
        return next(iter(self.state.glob("embedded-*/cockpit.db")), None)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the engine has stored, read by another process."""
        path = self.database()
        assert path is not None, "the engine has no database yet"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10.0)) as conn:
            return list(conn.execute(sql))
