"""Behind `cockpit replay`: which sessions were recorded, and the player of one of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from engine.api_replay import SPEEDS
from engine.domain.market import NEW_YORK
from engine.runtime.process.errors import FailedError, UsageError
from engine.runtime.replay.player import Player
from engine.runtime.replay.timeline import Timeline
from engine.runtime.shell.state_tools import the_database
from engine.store.errors import StoreError
from engine.store.recordings import SessionSummary, recording, sessions

MOST_LISTED: Final = 60
_HINT: Final = "`cockpit replay` lists them."


def list_sessions(state_dir: Path, account: str, *, say: Callable[[str], None]) -> int:
    """Tell the newest sessions, newest first, with the number that names each."""
    found = _sessions(the_database(state_dir, account))
    if not found:
        say("no session was recorded yet")
        return 0
    say(f"{'no.':>4}  {'began (exchange time)':<21}  {'until':<8}  {'fills':>5}  {'lines':>7}  run")
    for number, one in enumerate(found, start=1):
        began, last = _eastern(one.run.started_at), _eastern(one.last_at)
        end = f"{last:%H:%M:%S}"
        cut = "" if one.run.clean else "  (not ended in order, or still running)"
        say(
            f"{number:>4}  {began:%Y-%m-%d %H:%M:%S}  {end:<8}  {one.fills:>5}  {one.events:>7}  "
            f"{one.run.boot_id[:8]}{cut}"
        )
    return 0


def player_of(state_dir: Path, account: str, name: str, *, speed: float) -> Player:
    """The player of the session that is meant.

    Raises UsageError where no session is named so or the speed is out of bounds, FailedError where its
    record cannot be read.
    """
    if not SPEEDS[0] <= speed <= SPEEDS[-1]:
        raise UsageError(f"--speed {speed:g}: from {SPEEDS[0]:g} to {SPEEDS[-1]:g}.")
    path = the_database(state_dir, account)
    one = _named(_sessions(path), name)
    try:
        return Player(Timeline(recording(path, one.run.boot_id)), speed=speed)
    except (StoreError, ValueError, KeyError) as err:
        raise FailedError(
            f"the session of {_eastern(one.run.started_at):%Y-%m-%d} cannot be shown: {err}."
        ) from err


def _sessions(path: Path) -> tuple[SessionSummary, ...]:
    try:
        return sessions(path, limit=MOST_LISTED)
    except StoreError as err:
        raise FailedError(f"{err}.") from err


def _named(found: tuple[SessionSummary, ...], name: str) -> SessionSummary:
    """By number, by date (the newest of that day), or by the beginning of a run's id."""
    if name.isdecimal() and 1 <= int(name) <= len(found):
        return found[int(name) - 1]
    same = [
        one
        for one in found
        if f"{_eastern(one.run.started_at):%Y-%m-%d}" == name
        or one.run.boot_id.startswith(name)
        or one.run.run_id == name
    ]
    if not same:
        raise UsageError(f"no session is called {name!r}; {_HINT}")
    return same[0]


def _eastern(at: datetime) -> datetime:
    return at.astimezone(NEW_YORK)
