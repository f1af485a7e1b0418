"""The status file: how an engine finds the gateway and computes its clock; and the lock that makes it one.

`exchange time = epoch + (monotonic now - monotonic_anchor) * speed`, on the same machine. Rewritten whenever
the clock's course changes and once a second, so that a reader also sees whether anybody still writes it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from engine.gateway.encode_account import GATEWAY_KIND
from engine.gateway.files import PRIVATE_MODE, write_atomically
from engine.gateway.model import GatewaySettings
from engine.gateway.venue import Venue
from engine.gateway.wire_text import MAX_VERSION, MIN_VERSION

STATUS_FILE: Final = "status.json"
LOCK_FILE: Final = "gateway.lock"


class AlreadyRunningError(Exception):
    """Another gateway holds this state folder."""


class StateLock:
    """The flock on a state folder; held for the life of the process, released by its death."""

    def __init__(self, state_dir: Path) -> None:
        """Take the lock. Raises AlreadyRunningError, or OSError where the folder is not writable."""
        self._descriptor = os.open(state_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, PRIVATE_MODE)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise AlreadyRunningError(f"a gateway already runs in {state_dir}") from None

    def release(self) -> None:
        """Let another gateway have the folder."""
        os.close(self._descriptor)


def settings_content(settings: GatewaySettings) -> dict[str, Any]:
    """The settings as the status file stores them."""
    content: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return content


def write_status(
    venue: Venue, *, port: int, monotonic: float, realtime: float, is_running: bool = True
) -> None:
    """Replace the status file. Raises OSError."""
    settings = venue.settings
    clock = venue.clock
    content = {
        "kind": "embedded",
        "wire_kind": GATEWAY_KIND,
        "running": is_running,
        "pid": os.getpid(),
        "host": "127.0.0.1",
        "port": port,
        "account": settings.account,
        "epoch": clock.now(),
        "monotonic_anchor": monotonic,
        "realtime_anchor": realtime,
        "speed": clock.speed,
        "lockstep": settings.lockstep,
        "market_reached": venue.reached,
        "seed": settings.seed,
        "world": settings.world,
        "tape": settings.tape,
        "min_version": MIN_VERSION,
        "max_version": MAX_VERSION,
        "clients": sorted(venue.sessions),
        "settings": settings_content(settings),
    }
    write_atomically(Path(settings.state_dir) / STATUS_FILE, json.dumps(content, indent=1))


def read_status(state_dir: Path) -> Mapping[str, Any] | None:
    """The status file's content; None where there is none that can be read."""
    try:
        content = json.loads((state_dir / STATUS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def differences(running: Mapping[str, Any], asked: GatewaySettings) -> list[str]:
    """The settings in which a running gateway differs from what is asked for; port 0 asks for any."""
    wanted = settings_content(asked)
    have = running.get("settings")
    if not isinstance(have, dict):
        return ["its settings are unknown"]
    found = []
    for key, value in wanted.items():
        if key == "port":
            if value not in {0, running.get("port")}:
                found.append(f"port is {running.get('port')}, asked for {value}")
        elif have.get(key) != value:
            found.append(f"{key} is {have.get(key)!r}, asked for {value!r}")
    return found
