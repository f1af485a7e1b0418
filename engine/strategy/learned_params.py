"""Parameters of the learned futures trader, checked when a configuration is read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.learning.appetite import APPETITES, Appetite, AppetiteName
from engine.strategy.params import ParamError, at_least


@dataclass(frozen=True, slots=True)
class LearnedParams:
    """Parameters of `learned_futures`. A range is what a price moves in one horizon, as a rule."""

    appetite: str = "standard"
    """How much is dared: cautious, standard or aggressive. Everything else is learnt."""
    explore: bool = False
    """It may trade single contracts before anything is proven, to learn; never counted as evidence."""
    explore_pct: float = -1.0
    """What exploring may lose per day, in percent of the account's value; -1 = as the appetite says."""
    horizon_s: float = 30.0
    """How far it looks ahead, and after which it leaves, in seconds."""
    step_s: float = 2.0
    """Between two decisions, in seconds."""
    latency_s: float = 0.25
    """From a decision to its fill, as shadow trades are booked, in seconds."""
    stop_ranges: float = 4.0
    """Distance of the protective stop, in ranges."""
    target_ranges: float = 4.0
    """Distance of the target, in ranges."""
    gap_ranges: float = 1.0
    """Allowance for a price that jumps over its stop, in ranges."""
    least_ticks: float = 4.0
    """No stop and no target is nearer than this, in ticks."""
    loss_weight: float = 2.0
    """How often an outcome counts on which a trade lost."""
    least_outcomes: int = 30
    """Outcomes without which it does not trade, whatever was proven."""
    rivals: bool = False
    """River's logistic pipelines forecast in its shadow; one that is better beyond chance takes its place.
    Takes a second at the start and a quarter of a millisecond per decision."""
    bars: int = 60
    """5-second bars from which it takes what a price moves."""

    def __post_init__(self) -> None:
        if self.appetite not in set(AppetiteName):
            raise ParamError("appetite", f"{', '.join(AppetiteName)}, not {self.appetite!r}")
        at_least(self, 0.1, "step_s", "stop_ranges", "target_ranges")
        at_least(self, 0.0, "latency_s", "gap_ranges")
        at_least(self, 1.0, "loss_weight", "least_outcomes", "least_ticks")
        at_least(self, 10, "bars")
        if not self.horizon_s >= self.step_s:
            raise ParamError("horizon_s", f"at least step_s ({self.step_s:g}), not {self.horizon_s:g}")
        if not (self.explore_pct == -1.0 or 0.0 <= self.explore_pct <= 100.0):
            raise ParamError("explore_pct", f"-1, or 0 to 100, not {self.explore_pct:g}")

    def dared(self) -> Appetite:
        """The appetite with the budget for exploring that counts; 0 where it does not explore."""
        appetite = APPETITES[AppetiteName(self.appetite)]
        explore_pct = appetite.explore_pct if self.explore_pct < 0.0 else self.explore_pct
        return replace(appetite, explore_pct=explore_pct if self.explore else 0.0)
