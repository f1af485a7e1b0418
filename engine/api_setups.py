"""The watch list as a front end shows it: levels of the day, the way to them, what the filters said."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FilterView:
    """What one filter said of the last break."""

    name: str
    passed: bool
    value: float | None
    """None where it could not be measured."""
    limit: float


@dataclass(frozen=True, slots=True)
class SetupView:
    """One instrument of one strategy's watch list. Distances in percent of price; None where not known."""

    symbol: str
    strategy: str
    resistance: float
    support: float
    score: float
    """0 to 100."""
    above_pct: float | None
    """Way up to resistance; negative beyond it."""
    below_pct: float | None
    """Way down to support; negative beyond it."""
    stage_above: str
    """Where the pivot above stands: `armed`, `broken`, `retested`, `spent`, `outside`."""
    stage_below: str
    attempts_long: int
    attempts_short: int
    max_attempts: int
    """Entries allowed per pivot, side and day."""
    code: str
    """Why it is not entered now (stable); `in_position` where it is held."""
    text: str
    """The same for people."""
    source: str
    """The file the levels came from, or `scan`."""
    filters: tuple[FilterView, ...] = ()
    decimals: int = 2
