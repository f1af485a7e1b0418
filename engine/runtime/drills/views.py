"""Drills as the contract shows them: every one there is, with its last result."""

from __future__ import annotations

from pathlib import Path

from engine.api_gates import DrillView
from engine.runtime.alerts.notices import clean
from engine.runtime.drills.catalogue import DRILLS
from engine.runtime.drills.results import Past, kept, newest


def drill_views(state_dir: Path) -> tuple[DrillView, ...]:
    """How each drill went last in this state folder. Reads files: call it off the loop."""
    last = newest(kept(state_dir))
    return tuple(_view(name, last.get(name)) for name in DRILLS)


def _view(name: str, past: Past | None) -> DrillView:
    if past is None:
        return DrillView(name, "never", f"cockpit drill run {name}")
    if not past.passed:
        return DrillView(name, "failed", clean("; ".join(past.failures) or "see its record"), past.at)
    changed = "" if past.is_of_this_code else "; the program has changed since"
    times = f"noticed {_text(past.detected_s)}, well again {_text(past.recovered_s)}"
    return DrillView(name, "passed", f"{times}{changed}", past.at)


def _text(seconds: float | None) -> str:
    return "—" if seconds is None else f"{seconds:.2f} s"
