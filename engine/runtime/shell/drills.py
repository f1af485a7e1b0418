"""`cockpit drill list|run|all|results`: drills told line by line as they go on, and kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from engine.config import Loaded
from engine.runtime.drills import results
from engine.runtime.drills.catalogue import DRILLS, Drill
from engine.runtime.drills.results import Past
from engine.runtime.drills.run import Result, run_drill
from engine.runtime.process.errors import UsageError

Say = Callable[[str], None]
Run = Callable[[Drill], Result]

_HEAD: Final = f"{'drill':16} {'verdict':8} {'noticed':>9} {'well again':>11} {'no stop':>9} {'took':>8}"
_NOTE: Final = "Practice on a private simulated exchange: it turns no gate of --live."


def list_drills(loaded: Loaded, *, say: Say) -> int:
    """Tell every drill, what it expects of the engine, and how it went last."""
    last = results.newest(results.kept(loaded.state_dir))
    for drill in DRILLS.values():
        say(f"{drill.name}: {drill.what}")
        say(f"    expected: {drill.expects}")
        say(f"    limits:   {drill.limits.text}")
        say(f"    last run: {past_text(last.get(drill.name))}")
    return 0


def past_text(past: Past | None) -> str:
    """How a drill went last, in words."""
    if past is None:
        return "never"
    verdict = "passed" if past.passed else f"FAILED ({'; '.join(past.failures) or 'see its record'})"
    changed = "" if past.is_of_this_code else ", by a program that has changed since"
    return f"{verdict} {past.at:%Y-%m-%d %H:%M} UTC{changed}"


def run_drills(
    loaded: Loaded,
    names: Iterable[str],
    *,
    version: str,
    say: Say,
    run: Run | None = None,
    steps: bool = False,
) -> int:
    """Run these, one after the other, and keep each result; 0 where all passed, else 1.

    With `steps` it is also told how far each one is.

    Raises UsageError for a name that is no drill, RefusedError where drills run already, FailedError where a
    result cannot be kept.
    """
    wanted = [_named(name) for name in names]
    lock = results.hold(loaded.state_dir)
    try:
        say(_HEAD)
        run = run or partial(_told, say=say if steps else _quiet)
        passed = [_one(loaded, drill, version=version, say=say, run=run) for drill in wanted]
    finally:
        lock.release()
    say(f"{sum(passed)} of {len(passed)} passed. {_NOTE}")
    return 0 if all(passed) else 1


def _told(drill: Drill, *, say: Say) -> Result:
    return run_drill(drill, tell=lambda step: say(f"{drill.name}: {step}"))


def _one(loaded: Loaded, drill: Drill, *, version: str, say: Say, run: Run) -> bool:
    result = run(drill)
    say(row(result.name, result.passed, result.detected_s, result.recovered_s, result.bare_s, result.took_s))
    for failure in result.failures:
        say(f"    {failure}")
    results.keep(
        loaded.state_dir,
        result,
        at=datetime.now(UTC),
        who=f"shell uid {os.getuid()}",
        version=version,
        config=loaded.config.rules_fingerprint,
    )
    return result.passed


def _quiet(_: str) -> None:
    """A row is told when it is whole."""


def _named(name: str) -> Drill:
    try:
        return DRILLS[name]
    except KeyError:
        raise UsageError(f"there is no drill {name!r}; there are: {', '.join(DRILLS)}.") from None


def show_results(loaded: Loaded, *, say: Say) -> int:
    """Tell every drill that was kept, oldest first."""
    found = results.kept(loaded.state_dir)
    if not found:
        say("no drill was run here yet: cockpit drill all")
        return 0
    for past in found:
        say(f"{past.at:%Y-%m-%d %H:%M:%S} UTC  {_row_of(past)}")
        say(f"    {past.gateway} {past.account}, version {past.version}, {past.who}")
        for failure in past.failures:
            say(f"    {failure}")
    say(_NOTE)
    return 0


def _row_of(past: Past) -> str:
    return row(past.name, past.passed, past.detected_s, past.recovered_s, past.bare_s, None)


def row(
    name: str,
    passed: bool,
    detected_s: float | None,
    recovered_s: float | None,
    bare_s: float | None,
    took_s: float | None,
) -> str:
    """One line of the table."""
    times = f"{_text(detected_s):>9} {_text(recovered_s):>11} {_text(bare_s):>9} {_text(took_s):>8}"
    return f"{name:16} {'passed' if passed else 'FAILED':8} {times}"


def _text(seconds: float | None) -> str:
    return "—" if seconds is None else f"{seconds:.2f} s"
