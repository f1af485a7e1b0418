"""From evidence to the two numbers on screen: the probability a decision needs, and the one it has."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

from engine.learning.appetite import Appetite


class WhyNot(StrEnum):
    """Why a claim may not trade."""

    NONE = ""
    NO_EVIDENCE = "no_evidence"
    """Nothing is proven yet, or no longer."""
    BELOW = "below_threshold"
    ABOVE_CEILING = "above_ceiling"
    """It would need more confidence than the appetite believes in."""
    UNFAMILIAR = "unfamiliar"
    """The market looks unlike anything that was learnt."""
    IN_POSITION = "in_position"
    OUTRANKED = "outranked"
    """Another contract's claim has the better lower bound."""
    FEW_OUTCOMES = "few_outcomes"
    """Fewer outcomes than the least that a claim needs."""


class Claim(NamedTuple):
    """What the model says about one decision. Amounts are in units of R (ticks, or any one unit)."""

    decision: int
    is_up: bool
    p: float
    """Calibrated probability of its direction, given a move; at least one half."""
    p_move: float
    """Calibrated probability of a move at all."""
    move: float
    """Mean size of a move."""
    cost: float
    """Spread, fees and slippage of the round trip, as they are now."""
    strangeness: float = 0.0

    @property
    def net(self) -> float:
        """Expected net outcome by its own account."""
        return self.p_move * (2.0 * self.p - 1.0) * self.move - self.cost

    def p_needed(self, net: float) -> float:
        """Probability at which its net would be `net`; infinite where none would do or a part is unknown."""
        gross = self.p_move * self.move
        needed_net = net + self.cost
        if not (gross > 0.0 and math.isfinite(needed_net)):
            return math.inf
        return 0.5 * (1.0 + needed_net / gross)


class Verdict(NamedTuple):
    """May this claim trade, and why not."""

    may_trade: bool
    p_needed: float
    """By evidence alone; infinite while nothing is proven."""
    threshold: float
    """What is shown: never below the appetite's floor."""
    why_not: WhyNot


def judged(claim: Claim, *, proven_net: float, appetite: Appetite) -> Verdict:
    """Hold a claim against what is proven: `proven_net` is the net claim from which trading was proven.

    A ceiling never lowers a threshold: what needs more than the ceiling does not trade.
    """
    if not math.isfinite(proven_net):
        return Verdict(False, math.inf, math.inf, WhyNot.NO_EVIDENCE)
    needed = claim.p_needed(max(0.0, proven_net))
    threshold = max(appetite.floor, needed)
    if threshold > appetite.ceiling:
        return Verdict(False, needed, threshold, WhyNot.ABOVE_CEILING)
    if not (claim.p > threshold and math.isfinite(claim.p)):
        return Verdict(False, needed, threshold, WhyNot.BELOW)
    return Verdict(True, needed, threshold, WhyNot.NONE)
