"""Running engines by name, so that `cockpit status` finds them from any directory.

One small file per engine in the runtime folder. A file proves nothing by itself: an engine counts as
running only while it holds the lock of its state folder.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from engine.runtime.process.errors import NotRunningError, UsageError
from engine.runtime.process.lock import Holder, holder_of
from engine.runtime.process.paths import PRIVATE_FILE, state_key


@dataclass(frozen=True, slots=True)
class Running:
    """One engine that runs now."""

    state_dir: Path
    holder: Holder

    def __str__(self) -> str:
        account = f" {self.holder.account}" if self.holder.account else ""
        return f"pid {self.holder.pid} {self.holder.mode}{account} state {self.state_dir}"


def register(runtime: Path, state_dir: Path) -> Path:
    """Note that an engine lives in this state folder; returns the note, to be removed at its end."""
    note = runtime / f"{state_key(state_dir)}.json"
    descriptor = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"state_dir": str(state_dir.resolve())}, file)
    return note


def running(runtime: Path) -> tuple[Running, ...]:
    """Every registered engine that runs; notes of dead ones are removed on the way."""
    found = []
    for note in sorted(runtime.glob("*.json")):
        try:
            state_dir = Path(json.loads(note.read_text(encoding="utf-8"))["state_dir"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        holder = holder_of(state_dir)
        if holder is None:
            note.unlink(missing_ok=True)
        else:
            found.append(Running(state_dir, holder))
    return tuple(found)


def resolve(runtime: Path, *, state_dir: Path, is_named: bool) -> Running:
    """The engine a command is meant for.

    That of `state_dir` where it runs; else, unless the folder was named on purpose (`is_named`), the
    only one that runs anywhere. Raises NotRunningError (3) or, with several to choose from, UsageError (2).
    """
    holder = holder_of(state_dir)
    if holder is not None:
        return Running(state_dir, holder)
    others = () if is_named else running(runtime)
    if len(others) == 1:
        return others[0]
    if not others:
        raise NotRunningError(
            f"no engine is running for the state folder {state_dir}. Start one with `cockpit --paper`."
        )
    listed = "\n".join(f"  {engine}" for engine in others)
    raise UsageError(f"several engines are running; choose one with --state DIR:\n{listed}")
