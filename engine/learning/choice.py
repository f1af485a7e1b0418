"""Which of several claims trades, and which decisions may explore: one position, one budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.learning import plain
from engine.learning.appetite import Appetite
from engine.learning.estimator import Plain
from engine.learning.record import TradeRecord


class Candidate(NamedTuple):
    """A claim that may trade, among others."""

    key: str
    net: float
    """Its expected net outcome in ticks."""
    stop_risk: float
    """What it loses at its stop, in the same unit."""
    record: TradeRecord
    """Net outcomes of its level's shadow trades, in multiples of the stop risk."""

    @property
    def lower_bound(self) -> float:
        """Its net per unit of stop risk, less the error of the outcomes behind it.

        The best of several equal guesses is the luckiest, not the best: ranking by a lower bound does not
        reward being known badly.
        """
        if not (self.stop_risk > 0.0 and self.record.n > 1):
            return -math.inf
        return self.net / self.stop_risk - self.record.error


def best_of(candidates: Sequence[Candidate]) -> tuple[Candidate | None, Sequence[Candidate]]:
    """The one that trades, and those that are outranked. Equal bounds go by name, so that it repeats."""
    ranked = sorted(candidates, key=lambda one: (-one.lower_bound, one.key))
    if not ranked or ranked[0].lower_bound == -math.inf:
        return None, ranked
    return ranked[0], ranked[1:]


@dataclass(slots=True)
class ExplorationBudget:
    """What exploration may still lose today. PAPER only; its trades are never evidence.

    A trade is charged with its worst case before it begins and given back what it did not lose, so that
    open ones cannot overrun the day together.
    """

    day: str = ""
    spent_usd: float = 0.0
    held_usd: float = 0.0

    def may_explore(
        self, day: str, *, appetite: Appetite, is_paper: bool, equity_usd: float, worst_usd: float
    ) -> bool:
        """A minimum-size trade of this worst case still fits into the day's budget."""
        if not is_paper or not (math.isfinite(equity_usd) and math.isfinite(worst_usd) and worst_usd > 0):
            return False
        used = self.spent_usd + self.held_usd if day == self.day else self.held_usd
        return used + worst_usd <= appetite.explore_pct / 100.0 * equity_usd

    def begin(self, day: str, worst_usd: float) -> None:
        """One begins: its worst case is set aside. A new day begins with nothing spent."""
        if day != self.day:
            self.day, self.spent_usd = day, 0.0
        self.held_usd += worst_usd

    def end(self, worst_usd: float, net_usd: float) -> None:
        """It is over: what it lost is spent. Gains are no new budget."""
        self.held_usd = max(0.0, self.held_usd - worst_usd)
        self.spent_usd += max(0.0, -net_usd) if math.isfinite(net_usd) else worst_usd

    def state(self) -> dict[str, Plain]:
        """Day and sums."""
        return {"day": self.day, "spent": self.spent_usd, "held": self.held_usd}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        self.day = plain.text(state, "day")
        self.spent_usd, self.held_usd = plain.number(state, "spent"), plain.number(state, "held")
