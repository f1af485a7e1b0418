"""One run of drills as the screen follows it: which, how far each is, how it ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cockpit.format import clean

KEPT_LINES: Final = 12
WAITS, PASSED, FAILED, STOPPED = "waits", "passed", "FAILED", "stopped"
_ENDS: Final = frozenset({PASSED, FAILED})


@dataclass(frozen=True, slots=True)
class DrillRun:
    """What was asked for and what the process that does it has told."""

    names: tuple[str, ...]
    since: datetime
    """Wall time of the start, aware UTC."""
    steps: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Drill -> its last step, or its verdict; absent before its turn."""
    told: tuple[str, ...] = ()
    """The last lines that name no step, oldest first."""
    stopping: bool = False
    """Asked to stop; the process takes its place down first."""
    code: int | None = None
    """Exit code of the process; None while it runs."""

    @property
    def runs(self) -> bool:
        """True until its process has ended."""
        return self.code is None

    @property
    def done(self) -> int:
        """How many have a verdict."""
        return sum(1 for step in self.steps.values() if step in _ENDS)

    def standing(self, name: str) -> str:
        """Where one drill stands in this run; empty where it is no part of it."""
        if name not in self.names:
            return ""
        step = self.steps.get(name, WAITS)
        return step if self.runs or step in _ENDS else STOPPED

    def heard(self, told: str) -> DrillRun:
        """After one line of the process: `NAME: step`, `NAME  verdict  times …`, or words."""
        bare = clean(told)
        first, _, rest = bare.partition(" ")
        name = first.removesuffix(":")
        if name not in self.names:
            return replace(self, told=(*self.told, bare)[-KEPT_LINES:])
        step = rest.strip() if first.endswith(":") else rest.split()[0] if rest.split() else ""
        return replace(self, steps=MappingProxyType({**self.steps, name: step}))

    def ended(self, code: int) -> DrillRun:
        """After its process has gone."""
        return replace(self, code=code)

    def text(self, *, now: datetime) -> str:
        """How it goes, in one line."""
        of = f"{self.done} of {len(self.names)} done"
        if not self.runs:
            words = {0: "all passed", 1: "not all passed"}.get(self.code or 0, "not carried through")
            return f"ended: {'stopped by you' if self.stopping else words}, {of}"
        taken = f"{max(0.0, (now - self.since).total_seconds()):.0f} s"
        return f"{'STOPPING' if self.stopping else 'RUNNING'}: {of}, {taken}"
