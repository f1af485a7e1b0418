"""Behind `cockpit secrets`: which are needed, where they lie, when each was changed; never their text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from engine.config import Config, Loaded
from engine.runtime.process.errors import FailedError, UsageError
from engine.runtime.process.paths import private_state_dir
from engine.runtime.security.rotation import GATEWAY, of_config, record, utc_today
from engine.runtime.security.vault import VaultError, find, how_to_give, names_in_use

Say = Callable[[str], None]

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,40}")


def show_secrets(
    loaded: Loaded, *, environ: Mapping[str, str], say: Say, today: Callable[[], date] = utc_today
) -> int:
    """Say one line per secret; 1 where one is missing or due."""
    code = 0
    for one in of_config(loaded.config, loaded.state_dir, today=today()):
        where, is_there = _where(one.name, environ)
        say(f"{one} · {where}")
        code = code if is_there and not one.is_overdue else 1
    return code


def record_rotation(
    config: Config,
    state_dir: Path,
    name: str,
    on: str,
    *,
    say: Say,
    today: Callable[[], date] = utc_today,
) -> int:
    """Remember that a secret was changed, today or on the day `on` (YYYY-MM-DD).

    Raises UsageError for a name that nothing needs, or a day that is none or still to come; FailedError
    where it cannot be written.
    """
    known = (*names_in_use(config), GATEWAY)
    if name not in known or not _NAME.fullmatch(name):
        # Not repeated: somebody may have typed the secret itself.
        raise UsageError(f"that is not the name of a secret in use; there are: {', '.join(known)}.")
    day = _day(on, today())
    try:
        record(private_state_dir(state_dir), name, day)
    except OSError as err:
        raise FailedError(f"the change of {name} could not be recorded ({err.strerror}).") from err
    due = f"due again after {config.security.rotation_days} days"
    say(f"{name}: changed {day.isoformat()}, {due}. A running engine sees it within an hour.")
    return 0


def _day(on: str, today: date) -> date:
    if not on:
        return today
    try:
        day = date.fromisoformat(on)
    except ValueError as err:
        raise UsageError("--on is no day: write it as YYYY-MM-DD.") from err
    if day > today:
        raise UsageError(f"--on {day.isoformat()} is still to come.")
    return day


def _where(name: str, environ: Mapping[str, str]) -> tuple[str, bool]:
    if name == GATEWAY:
        return "kept by TWS or IB Gateway, not here", True
    try:
        found = find(name, environ)
    except VaultError as err:
        return str(err), False
    return (found.source, True) if found is not None else (f"missing: {how_to_give(name)}", False)
