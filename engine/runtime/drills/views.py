"""Drills as the contract shows them: every one there is, with its last result."""

from __future__ import annotations

from pathlib import Path

from engine.api_gates import DrillView
from engine.runtime.alerts.notices import clean
from engine.runtime.drills.catalogue import DRILLS, Drill
from engine.runtime.drills.results import Past, kept, newest


def drill_views(state_dir: Path) -> tuple[DrillView, ...]:
    """How each drill went last in this state folder. Reads files: call it off the loop."""
    last = newest(kept(state_dir))
    return tuple(_view(drill, last.get(drill.name)) for drill in DRILLS.values())


def _view(drill: Drill, past: Past | None) -> DrillView:
    verdict, text = _verdict(drill.name, past)
    return DrillView(
        drill.name,
        verdict,
        text,
        None if past is None else past.at,
        what=drill.what,
        expects=drill.expects,
        limits=drill.limits.text,
    )


def _verdict(name: str, past: Past | None) -> tuple[str, str]:
    """How it went last, in a word and in figures."""
    if past is None:
        return "never", f"cockpit drill run {name}"
    if not past.passed:
        return "failed", clean("; ".join(past.failures) or "see its record")
    changed = "" if past.is_of_this_code else "; the program has changed since"
    return "passed", f"noticed {_text(past.detected_s)}, well again {_text(past.recovered_s)}{changed}"


def _text(seconds: float | None) -> str:
    return "—" if seconds is None else f"{seconds:.2f} s"
