"""How much the operator dares, as one of three named settings; everything else is learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class AppetiteName(StrEnum):
    """The settings an operator chooses from."""

    CAUTIOUS = "cautious"
    STANDARD = "standard"
    AGGRESSIVE = "aggressive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appetite:
    """One setting. Percentages are of net liquidation value."""

    name: AppetiteName
    alpha: float
    """Accepted chance of ever trading without an edge, over the whole life, all resets included."""
    risk_pct: float
    """f0: what one trade may lose before volatility, drawdown and evidence cut it."""
    drawdown_max_pct: float
    """Drawdown at which size is zero and no evidence is enough."""
    floor: float
    """Lowest calibrated probability that may trade, whatever the evidence says."""
    ceiling: float
    """Where more than this would be needed there is no trade; it never lowers a threshold."""
    explore_pct: float
    """What exploration may lose per day, in PAPER only; 0 = it never explores."""


APPETITES: Final[Mapping[AppetiteName, Appetite]] = MappingProxyType(
    {
        one.name: one
        for one in (
            Appetite(
                name=AppetiteName.CAUTIOUS,
                alpha=0.01,
                risk_pct=0.25,
                drawdown_max_pct=3.0,
                floor=0.60,
                ceiling=0.95,
                explore_pct=0.0,
            ),
            Appetite(
                name=AppetiteName.STANDARD,
                alpha=0.05,
                risk_pct=0.5,
                drawdown_max_pct=6.0,
                floor=0.55,
                ceiling=0.90,
                explore_pct=0.1,
            ),
            Appetite(
                name=AppetiteName.AGGRESSIVE,
                alpha=0.20,
                risk_pct=1.5,
                drawdown_max_pct=12.0,
                floor=0.52,
                ceiling=0.85,
                explore_pct=0.5,
            ),
        )
    }
)
