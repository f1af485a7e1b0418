"""How well the engine is, as a front end shows it: checks, times against their limits, counters, uptime."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much attention a row, event or alert wants."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class HealthRow:
    """One line of the health panel."""

    name: str
    level: Level
    text: str
    value: str = ""
    """The measured figure with its unit; empty where there is none."""
    limit: str = ""
    """What it is judged by."""
    for_s: float | None = None
    """Real seconds for which it has stood at this level; None where that is not known."""
    blocks: bool = False
    """True where it keeps entries off."""


@dataclass(frozen=True, slots=True)
class TimingRow:
    """One measured time of the last five minutes, ms. None where there was nothing to measure."""

    name: str
    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    limit: str = ""
    """The limit it is held to, for people; empty where it has none."""
    violated: bool = False


@dataclass(frozen=True, slots=True)
class UptimeView:
    """How long the engine was up while its market was open, from all recorded sessions."""

    pct: float | None = None
    mtbf_h: float | None = None
    """Mean time between failures, trading hours; None without a failure."""
    up_h: float = 0.0
    failures: int = 0
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class TelemetryView:
    """Times, counters of the run and uptime."""

    timings: tuple[TimingRow, ...] = ()
    bars: int = 0
    proposed: int = 0
    approved: int = 0
    submitted: int = 0
    cycles: int = 0
    degraded: int = 0
    """Decision cycles that ran while health blocked entries."""
    degraded_limit_pct: float = 0.5
    uptime: UptimeView = UptimeView()

    @property
    def degraded_pct(self) -> float | None:
        """Share of degraded cycles, percent; None before the first cycle."""
        return 100.0 * self.degraded / self.cycles if self.cycles else None
