"""The kill drill as a gate: done on the paper account, with this configuration and this program, in time."""

from __future__ import annotations

from typing import Final

from engine.gates.age import is_fresh
from engine.gates.case import Case, GateRow, Verdict
from engine.gates.evidence import Evidence, Kind, number, why_not_counted

CANCEL_S: Final = 10.0
"""No order that adds risk works any more after this."""

PROPOSALS_STOP_MS: Final = 50.0
"""Nothing is proposed any more after this."""


def drill_row(case: Case) -> GateRow:
    """The newest drill decides, also where an older one went better."""
    title = "kill drill passed"
    drills = [e for e in case.own if e.kind == Kind.DRILL]
    if not drills:
        return GateRow("kill_drill", title, Verdict.MISSING, "none was done: cockpit drill kill")
    newest = max(drills, key=lambda e: e.at)
    why, verdict = _why_not(newest, case)
    if why:
        return GateRow("kill_drill", title, verdict, why, newest.at)
    seconds = number(newest.facts, "cancel_s")
    text = f"{number(newest.facts, 'orders'):g} orders cancelled in {seconds:.1f} s"
    return GateRow("kill_drill", title, Verdict.GREEN, text, newest.at)


def _why_not(drill: Evidence, case: Case) -> tuple[str, Verdict]:
    origin = why_not_counted(gateway=drill.gateway, account=drill.account, mode=drill.mode, speed=drill.speed)
    if origin:
        return f"the last one was an exercise: {origin}", Verdict.MISSING
    if not is_fresh(case, drill.at):
        return "the last one is too old", Verdict.MISSING
    if drill.config != case.config:
        return "the configuration has changed since the last one", Verdict.MISSING
    if drill.code != case.code:
        return "the program has changed since the last one", Verdict.MISSING
    if not drill.passed:
        return f"the last one failed: {drill.facts.get('why') or 'see its record'}", Verdict.FAILED
    return _too_slow(drill)


def _too_slow(drill: Evidence) -> tuple[str, Verdict]:
    """What is not a number proves nothing."""
    cancel_s, stop_ms = number(drill.facts, "cancel_s"), number(drill.facts, "proposals_stop_ms")
    if not number(drill.facts, "orders") >= 1:
        return "the last one had no order to cancel", Verdict.MISSING
    if not cancel_s <= CANCEL_S:
        return f"the last one took {cancel_s:.1f} s to cancel, not {CANCEL_S:g} s", Verdict.FAILED
    if not stop_ms <= PROPOSALS_STOP_MS:
        return f"the last one stopped proposals after {stop_ms:.0f} ms", Verdict.FAILED
    return "", Verdict.GREEN
