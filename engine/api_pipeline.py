"""The way from universe to order as people see it: what each stage let through, what it held back and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Stage(StrEnum):
    """Stages of a decision cycle, in their order. Stable codes."""

    UNIVERSE = "universe"
    """May the instrument be entered at all: tier, spread, traded value, data line."""
    TRIGGER = "trigger"
    """Has its strategy seen anything to act on."""
    RULES = "rules"
    """Does what was seen pass the strategy's own rules: score, filters, attempts."""
    RISK = "risk"
    """Does the gate let the proposal through."""
    EXECUTION = "execution"
    """Are the order's bytes with the broker; a dry run ends here."""
    STATE = "state"
    """Is it written down."""


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage of one cycle: `entered` = `passed` + all of `drops`."""

    stage: Stage
    entered: int
    """Pairs of strategy and instrument: one that two strategies watch counts twice."""
    passed: int
    drops: tuple[tuple[str, int], ...] = ()
    """Reason code and how many, the most first."""
    ms: float | None = None
    """Time it took in this cycle; None where it had nothing to do, or is timed with the stage before it."""


@dataclass(frozen=True, slots=True)
class CycleTrace:
    """One decision cycle: everything that came in since the cycle before, about a second."""

    at: datetime
    """Its end, exchange time."""
    stages: tuple[StageView, ...]

    @property
    def proposed(self) -> int:
        """Proposals that were put to the gate."""
        return next((s.entered for s in self.stages if s.stage is Stage.RISK), 0)


@dataclass(frozen=True, slots=True)
class PipelineView:
    """The newest cycle, and the newest one in which a strategy proposed something."""

    last: CycleTrace | None = None
    acted: CycleTrace | None = None


NO_CYCLE = PipelineView()


def stage_words(stage: StageView) -> str:
    """One line for people: `503 → 41: tier 380, spread 60, no quote 22`."""
    text = f"{stage.entered} → {stage.passed}"
    if stage.drops:
        text += ": " + ", ".join(f"{code.replace('_', ' ')} {count}" for code, count in stage.drops)
    return text if stage.ms is None else f"{text} ({stage.ms:.1f} ms)"
