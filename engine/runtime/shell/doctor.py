"""`cockpit doctor`: is everything here that a run needs, and what to do where it is not."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from engine.config import Config, ConfigError, Gateway, Loaded, load
from engine.health.machine import ClockSync, clock_problem
from engine.runtime import catalogue
from engine.runtime.health.clock_sync import read_clock_sync
from engine.runtime.process.errors import StartError
from engine.runtime.process.gateway_process import running_gateway
from engine.runtime.process.lock import holder_of
from engine.runtime.process.paths import runtime_dir, socket_path
from engine.runtime.security.files import open_to_others
from engine.runtime.security.rotation import of_config, utc_today
from engine.runtime.security.vault import VaultError, find, how_to_give, names_in_use, variable_of

Verdict = Literal["ok", "warn", "fail"]

MIN_PYTHON: Final = (3, 11)
MIN_SIZE: Final = (80, 24)
MIN_FREE_BYTES: Final = 200 * 1024 * 1024
LIBRARIES: Final = (
    "textual",
    "pydantic",
    "pydantic-settings",
    "aiosqlite",
    "structlog",
    "tenacity",
    "pyarrow",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    text: str

    def __str__(self) -> str:
        return f"{self.verdict:4}  {self.name:16} {''.join(c if c.isprintable() else ' ' for c in self.text)}"


def examine(
    *,
    config: Path | None,
    overrides: Mapping[str, object],
    environ: Mapping[str, str],
    cwd: Path,
    colours: str,
) -> Iterator[Check]:
    """Look at everything in turn; nothing is changed but folders that a run would make too."""
    yield _python()
    yield from _libraries()
    yield _terminal(colours)
    try:
        loaded = load(path=config, overrides=overrides, environ=environ, cwd=cwd, mode="PAPER")
        catalogue.check(loaded)
    except ConfigError as err:
        yield Check("configuration", "fail", " · ".join(str(problem) for problem in err.problems))
        return
    yield Check("configuration", "ok", str(loaded.path or "built-in defaults (no cockpit.toml found)"))
    yield from (Check("plug-in", "warn", text) for text in catalogue.troubles())
    yield _secrets(loaded, environ)
    yield channels(loaded.config, apprise=_version("apprise"))
    yield clock(loaded.config, loaded.gateway, read_clock_sync())
    yield _state(loaded.state_dir)
    yield _disk(loaded.state_dir)
    yield _lock(loaded.state_dir)
    yield _runtime(loaded.state_dir, environ)
    yield _gateway(loaded)
    yield _tape(loaded)


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < MIN_PYTHON:
        return Check("python", "fail", f"{version}; install Python 3.11 or newer")
    return Check("python", "ok", version)


def _libraries() -> Iterator[Check]:
    found = {name: _version(name) for name in LIBRARIES}
    missing = [name for name, version in found.items() if version is None]
    if missing:
        yield Check("libraries", "fail", f"missing: {', '.join(missing)}; install the cockpit again")
    else:
        yield Check("libraries", "ok", " ".join(f"{name} {version}" for name, version in found.items()))
    modern, old = _version("ib_async"), _version("ib_insync")
    if modern is None and old is None:
        yield Check("broker library", "fail", "neither ib_async nor ib_insync is installed; install one")
    elif modern is not None and old is not None:
        yield Check(
            "broker library", "fail", "ib_async and ib_insync overwrite each other's files; remove one"
        )
    else:
        yield Check("broker library", "ok", f"ib_async {modern}" if modern else f"ib_insync {old}")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _terminal(colours: str) -> Check:
    if not (os.isatty(0) and os.isatty(1)):
        return Check("terminal", "warn", "none here: only --headless and the commands work")
    width, height = shutil.get_terminal_size()
    text = f"{width}x{height}, TERM={os.environ.get('TERM', 'unset')}, colours: {colours}"
    if width < MIN_SIZE[0] or height < MIN_SIZE[1]:
        return Check("terminal", "warn", f"{text}; make it at least {MIN_SIZE[0]}x{MIN_SIZE[1]}")
    return Check("terminal", "ok", text)


def _secrets(loaded: Loaded, environ: Mapping[str, str]) -> Check:
    names = names_in_use(loaded.config)
    missing = [name for name in names if variable_of(name) not in environ and not _in_keyring(name)]
    if missing:
        named = "; ".join(f"{name}: {how_to_give(name)}" for name in missing)
        return Check("secrets", "warn", f"not found: {named}")
    found = of_config(loaded.config, loaded.state_dir, today=utc_today())
    overdue = [str(one) for one in found if one.is_overdue]
    if overdue:
        return Check("secrets", "warn", "; ".join(overdue))
    return Check("secrets", "ok", f"{len(names)} in use, none in a file" if names else "none in use")


def channels(config: Config, *, apprise: str | None) -> Check:
    """Whether alerts leave the machine; `apprise` is the version that is installed."""
    names = dict.fromkeys((*config.alerts.channels, *config.alerts.escalation))
    if not names:
        return Check("alert channels", "ok", "none: alerts stay on the screen and in the log")
    if apprise is None:
        text = f"apprise is not installed, so nothing reaches {', '.join(names)}; install the extra 'alerts'"
        return Check("alert channels", "fail", text)
    return Check(
        "alert channels", "ok", f"{', '.join(names)} by apprise {apprise}; try `cockpit alerts test`"
    )


def clock(config: Config, gateway: Gateway, sync: ClockSync) -> Check:
    """Whether the machine's clock is good enough to trade by on this gateway."""
    problem = clock_problem(sync, max_drift_ms=config.security.max_clock_drift_ms)
    if gateway is Gateway.EMBEDDED:
        return Check("clock", "ok", f"the simulated exchange has its own{problem and f' ({problem})'}")
    if problem:
        return Check(
            "clock", "fail", f"{problem}; timedatectl set-ntp true, or chrony. --dry-run runs without"
        )
    return Check("clock", "ok", f"synchronised, off by at most {sync.drift_ms:.1f} ms")


def _in_keyring(name: str) -> bool:
    try:
        return find(name, {}) is not None
    except VaultError:
        return False


def _state(state_dir: Path) -> Check:
    if not state_dir.exists():
        parent = next(folder for folder in state_dir.parents if folder.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            return Check("state folder", "ok", f"{state_dir} will be made at the first start")
        return Check("state folder", "fail", f"{state_dir} cannot be made: {parent} is not yours to write")
    if not os.access(state_dir, os.W_OK | os.X_OK):
        return Check("state folder", "fail", f"{state_dir} cannot be written; chown or choose --state DIR")
    found = [path.name for path in open_to_others(state_dir)]
    if found:
        named = ", ".join(found[:5])
        return Check("state folder", "warn", f"others may use {named}; the next start takes it from them")
    return Check("state folder", "ok", str(state_dir))


def _disk(state_dir: Path) -> Check:
    place = next(folder for folder in (state_dir, *state_dir.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / 1024**3:.1f} GB free"
    if free < MIN_FREE_BYTES:
        return Check("disk", "fail", f"{text}; the store needs room to record orders: free some")
    return Check("disk", "ok", text)


def _lock(state_dir: Path) -> Check:
    holder = holder_of(state_dir)
    if holder is None:
        return Check("engine", "ok", "none is running for this state folder")
    return Check("engine", "ok", f"running: process {holder.pid}, {holder.mode} {holder.account}".rstrip())


def _runtime(state_dir: Path, environ: Mapping[str, str]) -> Check:
    try:
        path = socket_path(runtime_dir(environ), state_dir)
    except StartError as err:
        return Check("runtime folder", "fail", str(err))
    return Check("runtime folder", "ok", str(path.parent))


def _gateway(loaded: Loaded) -> Check:
    if loaded.gateway is Gateway.EMBEDDED:
        running = running_gateway(loaded.state_dir)
        if running is None:
            return Check("gateway", "ok", "embedded; --paper starts it")
        return _reachable(running.host, running.port, f"embedded, process {running.pid}")
    connection = loaded.config.connection
    return _reachable(connection.host, connection.port, "TWS or IB Gateway")


def _reachable(host: str, port: int, what: str) -> Check:
    try:
        with socket.create_connection((host, port), timeout=2.0):
            return Check("gateway", "ok", f"{what} listens on {host}:{port}")
    except OSError as err:
        advice = "start it, and allow API connections in its settings"
        return Check(
            "gateway", "fail", f"{what}: nothing listens on {host}:{port} ({err.strerror}); {advice}"
        )


def _tape(loaded: Loaded) -> Check:
    if loaded.tape_dir is None:
        return Check("market data", "ok", "synthetic prices where the gateway is embedded")
    if not loaded.tape_dir.is_dir():
        return Check(
            "market data", "fail", f"the tape folder {loaded.tape_dir} does not exist; mend broker.tape"
        )
    files = sum(1 for _ in loaded.tape_dir.glob("**/*.parquet"))
    if not files:
        return Check("market data", "fail", f"no Parquet file in the tape folder {loaded.tape_dir}")
    return Check("market data", "ok", f"tape {loaded.tape_dir}, {files} files")
