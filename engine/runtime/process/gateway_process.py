"""The embedded paper gateway as a process: started, found again, stopped; never part of this one.

It outlives a kill -9 of the cockpit, because an exchange does not vanish with a trader's terminal, and it
is stopped by a graceful stop. It is known only by its status file and its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.config import Loaded
from engine.runtime.process.errors import FailedError, RefusedError, StartError, UsageError
from engine.runtime.process.options import GatewayEndpoint
from engine.runtime.process.paths import PRIVATE_DIR, PRIVATE_FILE

FOLDER: Final = "gateway-embedded"
STATUS_NAME: Final = "status.json"
LOG_NAME: Final = "gateway.log"
START_S: Final = 20.0
TAPE_START_S: Final = 120.0
"""A tape is read through and played up to the moment at which it goes on before anybody is let in."""
STOP_S: Final = 10.0
_STEP_S: Final = 0.02
_REFUSED_CODE: Final = 4
_WRONG_USE_CODE: Final = 2
_LOG_KEPT_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """How the embedded gateway is to be run."""

    state_dir: Path
    """The gateway's own folder."""
    arguments: tuple[str, ...]
    """Options of `python -m engine.gateway` beside `--state`."""

    @property
    def status_path(self) -> Path:
        """Its status file."""
        return self.state_dir / STATUS_NAME

    @property
    def log_path(self) -> Path:
        """What it prints."""
        return self.state_dir / LOG_NAME

    @property
    def start_s(self) -> float:
        """Longest wait until it listens."""
        return TAPE_START_S if "--tape" in self.arguments else START_S


def plan_for(
    state_dir: Path, *, speed: float, seed: int, world: str, tape: str, start_at: str, data_lines: int = 100
) -> GatewayPlan:
    """The gateway that belongs to a state folder."""
    arguments = ["--speed", f"{speed:g}", "--seed", str(seed), "--world", world, "--start-at", start_at]
    arguments += ["--data-lines", str(data_lines)]
    if tape:
        arguments += ["--tape", tape]
    return GatewayPlan(state_dir / FOLDER, tuple(arguments))


def gateway_plan(loaded: Loaded) -> GatewayPlan:
    """How the embedded gateway of this configuration is run."""
    broker = loaded.config.broker
    return plan_for(
        loaded.state_dir,
        speed=broker.speed,
        seed=broker.seed,
        world=broker.world.value,
        tape=str(loaded.tape_dir) if loaded.tape_dir is not None else "",
        start_at=broker.start_at.strftime("%H:%M"),
        data_lines=broker.data_lines,
    )


class GatewayProcess:
    """One start of the embedded gateway; the process itself may be older, when one already ran."""

    def __init__(self, plan: GatewayPlan, *, spawned_pid: int) -> None:
        self._plan = plan
        self._spawned_pid = spawned_pid
        self._log_start = _size(plan.log_path)
        self.endpoint: GatewayEndpoint | None = None

    @classmethod
    def spawn(cls, plan: GatewayPlan, *, environ: Mapping[str, str] | None = None) -> GatewayProcess:
        """Start it in a session of its own, without a terminal; returns at once. Raises FailedError.

        Where one already runs with the same flags, the new process finds out by itself and leaves.
        """
        try:
            plan.state_dir.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
            _trim(plan.log_path)
            gateway = cls(plan, spawned_pid=0)
            gateway._spawned_pid = _spawn(plan, dict(os.environ if environ is None else environ))
        except OSError as err:
            raise FailedError(
                f"the paper gateway cannot be started in {plan.state_dir} ({err.strerror})."
            ) from err
        return gateway

    async def ready(self, *, within_s: float | None = None) -> GatewayEndpoint:
        """Wait until it listens; where nothing is said for as long as its market needs.

        Raises RefusedError where one runs with other flags, FailedError where it ends or stays silent.
        """
        within_s = self._plan.start_s if within_s is None else within_s
        deadline = time.monotonic() + within_s
        while True:
            ended = self._reap()
            endpoint = self._listening(reused=ended == 0)
            if endpoint is not None:
                self.endpoint = endpoint
                return endpoint
            if ended is not None:
                raise self._ended_error(ended)
            if time.monotonic() > deadline:
                self._terminate(self._spawned_pid)
                raise FailedError(
                    f"the paper gateway (pid {self._spawned_pid}) does not listen after {within_s:.0f} s; "
                    f"it was stopped. Its log: {self._plan.log_path}"
                )
            await asyncio.sleep(_STEP_S)

    async def stop(self, *, within_s: float = STOP_S) -> bool:
        """Ask it to save and leave; True once it has ended, False where it still runs after `within_s`."""
        # The one that runs now: after a crash the engine started another in its place.
        running = running_gateway(self._plan.state_dir.parent)
        pid = running.pid if running is not None else self._spawned_pid
        self._terminate(pid)
        deadline = time.monotonic() + within_s
        while is_gateway(pid):
            self._reap()
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_STEP_S)
        return True

    def _listening(self, *, reused: bool) -> GatewayEndpoint | None:
        status = read_status(self._plan.status_path)
        if status is None:
            return None
        endpoint = _endpoint(status)
        if endpoint is None or (endpoint.pid != self._spawned_pid and not reused):
            return None
        return endpoint if is_gateway(endpoint.pid) else None

    def _ended_error(self, code: int) -> StartError:
        said = self._last_words()
        if code == _REFUSED_CODE:
            return RefusedError(
                f"{said or 'the paper gateway already runs with other flags.'} "
                "Use the same flags, or end it first with `cockpit stop`."
            )
        sentence = f"the paper gateway did not start: {said or f'exit code {code}, it said nothing.'}"
        return UsageError(sentence) if code == _WRONG_USE_CODE else FailedError(sentence)

    def _last_words(self) -> str:
        try:
            with self._plan.log_path.open("rb") as log:
                log.seek(self._log_start)
                lines = log.read(_LOG_KEPT_BYTES).decode("utf-8", "replace").split("\n")
        except OSError:
            return ""
        said = [line.strip() for line in lines if line.strip()]
        return "".join(c for c in said[-1] if c.isprintable())[:300] if said else ""

    def _reap(self) -> int | None:
        """Exit code of the process we started, once it has ended; None while it runs."""
        if not self._spawned_pid:
            return None
        try:
            pid, status = os.waitpid(self._spawned_pid, os.WNOHANG)
        except ChildProcessError:
            return None
        return os.waitstatus_to_exitcode(status) if pid else None

    def _terminate(self, pid: int) -> None:
        if pid and is_gateway(pid):
            os.kill(pid, signal.SIGTERM)


def read_status(path: Path) -> dict[str, Any] | None:
    """The gateway's status file; None where there is none or it is not whole."""
    try:
        status = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return status if isinstance(status, dict) else None


def is_gateway(pid: int) -> bool:
    """Whether this process is alive and is a paper gateway: a pid alone may have been given to another."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"engine.gateway" in words


def running_gateway(state_dir: Path) -> GatewayEndpoint | None:
    """The embedded gateway of a state folder, where one runs."""
    status = read_status(state_dir / FOLDER / STATUS_NAME)
    endpoint = _endpoint(status) if status is not None else None
    return endpoint if endpoint is not None and is_gateway(endpoint.pid) else None


async def revived(loaded: Loaded, state_dir: Path) -> GatewayEndpoint:
    """The embedded gateway of a state folder, started where none runs. Raises FailedError."""
    endpoint = await asyncio.to_thread(running_gateway, state_dir)
    return endpoint if endpoint is not None else await GatewayProcess.spawn(gateway_plan(loaded)).ready()


def _endpoint(status: Mapping[str, Any]) -> GatewayEndpoint | None:
    try:
        return GatewayEndpoint(
            "embedded",
            "127.0.0.1",
            int(status["port"]),
            account=str(status["account"]),
            pid=int(status["pid"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _spawn(plan: GatewayPlan, environ: dict[str, str]) -> int:
    # -P and an explicit path: a folder called `engine` where the operator stands must not be run instead.
    root = str(Path(__file__).resolve().parents[3])
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environ.get("PYTHONPATH", ""))))
    command = [sys.executable, "-P", "-m", "engine.gateway", "--state", str(plan.state_dir), *plan.arguments]
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        sys.executable,
        command,
        environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(plan.log_path), log_flags, PRIVATE_FILE),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _trim(path: Path) -> None:
    """Keep one older log, so that it does not grow for ever."""
    if _size(path) > _LOG_KEPT_BYTES:
        path.replace(path.with_name(path.name + ".1"))


def end_gateway(pid: int, *, within_s: float = STOP_S) -> bool:
    """Ask a gateway to save and leave, from a process without an event loop; True once it has ended."""
    deadline = time.monotonic() + within_s
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    while is_gateway(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(_STEP_S)
    return True
