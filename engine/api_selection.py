"""What the front end is told of markets: who may be entered and why not, the regime, data lines, cycles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.api_pipeline import NO_CYCLE, PipelineView


@dataclass(frozen=True, slots=True)
class UniverseRow:
    """One instrument of the universe, or one that is kept out of it."""

    symbol: str
    tier: int
    """1 is the most liquid; 0 where it is not entered."""
    theme: str
    """Cluster whose exposure is capped together; empty for none."""
    value_usd: float | None
    """Traded in the last trading day; None where it is not known."""
    spread_bps: float | None
    """Median of the last minute; None before the first quote."""
    code: str = ""
    """Why it is not entered (stable); empty where it may be."""
    text: str = ""
    """The same for people."""


@dataclass(frozen=True, slots=True)
class RegimeRow:
    """The market's weather and what it multiplies."""

    regime: str = ""
    """In force: `bull`, `chop`, `bear`, `crash`; empty while it is not known."""
    factor: float = 1.0
    """On the risk of a trade and on the caps in percent; 0 = no entries."""
    detected: str = ""
    """What history says; empty while it is not known."""
    override: str = ""
    """What an operator said instead; empty where it is as detected."""
    who: str = ""
    """Who said so, and since when (`since`)."""
    since: datetime | None = None
    reference: str = ""
    """Instrument whose history was looked at."""
    looked_at: datetime | None = None
    """Exchange time of the last look that found something."""
    trend_t: float | None = None
    """Drift of the last window in standard errors."""
    volatility_rank: float | None = None
    """Share of earlier windows that were quieter, 0 to 1."""
    text: str = ""
    """One line for people."""


@dataclass(frozen=True, slots=True)
class LinesRow:
    """How the account's market data lines are used."""

    limit: int = 0
    used: int = 0
    left_out: tuple[str, ...] = ()
    """Instruments without a line, the most important first: they are not entered."""


@dataclass(frozen=True, slots=True)
class SelectionView:
    """All of it."""

    universe: tuple[UniverseRow, ...] = ()
    """Best tier first, then by name; those that are left out last."""
    regime: RegimeRow = RegimeRow()
    lines: LinesRow = LinesRow()
    pipeline: PipelineView = NO_CYCLE
    """What became of all of them in the last decision cycle."""


NOTHING_SELECTED = SelectionView()
