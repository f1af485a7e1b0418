"""A real headless cockpit and its real gateway, each a process of its own, to be killed and started again."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Any, cast

import tomli_w

from engine.api import EngineState, Snapshot
from engine.runtime.drills.place import CONFIG, LINK_S, OUTPUT, SEED, Place
from engine.runtime.process.gateway_process import FOLDER
from engine.runtime.process.paths import DATABASE
from engine.store.connection import open_for_reading
from tests.process import forked
from tests.storm.exchange_record import ExchangeRecord
from tests.waiting import eventually

MODULE = "tests.storm.storm_cockpit"
READY_S = 60.0
STEP_S = 0.05
"""Between two looks: each costs the engine a snapshot."""


class RealCockpit(Place):
    """One place: its configuration, its gateway, and the cockpit process of the moment."""

    role = "command"

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        super().__init__(folder)
        self.started_s = 0.0
        self.environ: dict[str, str] = {}
        self._fresh = fresh
        """Started as a shell would, in an interpreter of its own: for who measures how long that takes."""

    @property
    def process(self) -> forked.Ended | None:
        """The cockpit of the moment; None before the first."""
        return cast("forked.Ended | None", self._process)

    @property
    def gateway_folder(self) -> Path:
        """The gateway's own folder, with its journal."""
        return self.state / FOLDER

    def configure(self, strategies: Mapping[str, object], **sections: Mapping[str, object]) -> None:
        """Write `cockpit.toml`: these strategies, patient limits, and whatever sections are given."""
        content: dict[str, Any] = {**CONFIG, "broker": {"seed": SEED}, "strategies": dict(strategies)}
        for name, keys in sections.items():
            content[name] = {**content.get(name, {}), **keys}
        text = tomli_w.dumps(content)
        (self.folder / "cockpit.toml").write_text(text, encoding="utf-8")

    # --- life and death -------------------------------------------------------------------------

    def start(self) -> None:
        """Start `cockpit --paper --headless`; returns at once."""
        self.started_s = time.monotonic()
        with (self.folder / OUTPUT).open("ab") as output:
            self._process = self._started(["--paper", "--headless"], output)

    def _started(self, arguments: list[str], output: IO[bytes]) -> forked.Ended:
        place, environ = self.folder, self._environ()
        if not self._fresh:
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
        return {**super()._environ(), "PYTHONDONTWRITEBYTECODE": "1", **self.environ}

    def exit_code(self, *, within_s: float = 60.0) -> int:
        """The exit code, once it has ended by itself."""
        assert self.process is not None
        return self.process.wait(within_s)

    # --- looking --------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot | None:
        """What the engine shows now; None while none answers."""
        link = self._linked()
        return link.snapshot() if link is not None and link.answers(LINK_S) else None

    def until(self, condition: object, *, within_s: float = 60.0, why: str = "") -> Snapshot:
        """The first snapshot for which `condition(snapshot)` holds."""
        assert callable(condition)

        def found() -> Snapshot | None:
            self._must_live()
            shown = self.snapshot()
            return shown if shown is not None and condition(shown) else None

        shown = eventually(found, within_s=within_s, step_s=STEP_S, why=why or "the snapshot never showed it")
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
        path = self.folder / OUTPUT
        return path.read_text(encoding="utf-8", errors="replace")[-2000:] if path.exists() else ""

    def run(self, *arguments: str, timeout_s: float = 90.0) -> subprocess.CompletedProcess[str]:
        """A command from another terminal, run to its end."""
        return forked.run(arguments, folder=self.folder, environ=self._environ(), timeout_s=timeout_s)

    def record(self) -> ExchangeRecord:
        """What the exchange wrote down."""
        return ExchangeRecord.read(self.gateway_folder)

    def database(self) -> Path | None:
        """The engine's database; None before there is one."""
        return next(self.state.glob(f"embedded-*/{DATABASE}"), None)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the engine has stored, read by another process."""
        path = self.database()
        assert path is not None, "the engine has no database yet"
        with closing(open_for_reading(path)) as conn:
            return list(conn.execute(sql))
