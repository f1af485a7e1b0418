"""Tries the alert channels and remembers which worked: running unwatched needs one that did."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from engine.api import Level
from engine.config import Config
from engine.config.atomic import write_atomically
from engine.runtime.alerts.channels import (
    Message,
    NoAddressError,
    Plan,
    Send,
    address_of,
    apprise_send,
    attempted,
)

RECORD: Final = "alert-channels.json"
"""In the state folder: channel -> when a test worked, and a fingerprint of the address it went to."""

_TEST = Message("cockpit: test", "This is a test of an alert channel. There is nothing to do.")


def plan_of(config: Config) -> Plan:
    """Who hears what, as configured."""
    alerts = config.alerts
    return Plan(alerts.channels, alerts.escalation, Level(alerts.min_level.value.lower()))


def try_channels(
    config: Config,
    state_dir: Path,
    *,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    make_send: Callable[[str], Send] | None = None,
) -> int:
    """Send one message through each channel, tell and record how it went; 0 where all worked, else 1."""
    names = plan_of(config).names
    if not names:
        say("no channel is configured: name one in alerts.channels.")
        return 1
    make = make_send or partial(apprise_send, environ=environ)
    worked = _read(state_dir)
    failed = 0
    for name in names:
        problem = _try(name, make)
        if problem:
            failed += 1
            worked.pop(name, None)
            say(f"{name}: failed: {problem}")
        else:
            at = datetime.now(UTC).isoformat(timespec="seconds")
            worked[name] = {"at": at, "address": _fingerprint(name, environ)}
            say(f"{name}: sent; look whether it arrived")
    write_atomically(state_dir / RECORD, json.dumps(worked, indent=2, sort_keys=True) + "\n")
    return 1 if failed else 0


def working_channels(config: Config, state_dir: Path, *, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Configured channels whose present address a test message was sent to with success."""
    worked = _read(state_dir)
    return tuple(
        name
        for name in config.alerts.channels
        if name in worked and worked[name].get("address") == _fingerprint(name, environ)
    )


def _try(name: str, make: Callable[[str], Send]) -> str:
    try:
        send = make(name)
    except NoAddressError as err:
        return str(err)
    return attempted(send, _TEST)


def _fingerprint(name: str, environ: Mapping[str, str]) -> str:
    """Tells one address from another without telling it; empty where there is none."""
    try:
        address = address_of(name, environ).reveal()
    except NoAddressError:
        return ""
    return hashlib.sha256(f"{name} {address}".encode()).hexdigest()[:16]


def _read(state_dir: Path) -> dict[str, dict[str, str]]:
    """The record; nothing has worked where there is none that can be read."""
    try:
        found = json.loads((state_dir / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: entry for name, entry in found.items() if isinstance(entry, dict)}
