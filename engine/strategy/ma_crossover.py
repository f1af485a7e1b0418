"""Follows the cross of a fast and a slow moving average."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from engine.domain.market import Bar
from engine.strategy.indicators import Indicator
from engine.strategy.params import ParamError, at_least, parse_params
from engine.strategy.registry import INDICATORS, strategy
from engine.strategy.trend import Lean, StopRule, TrendStrategy

AVERAGES = ("sma", "ema")
"""Indicators that stay on the scale of price, so that two of them can cross."""


SHOWN_GAP_PCT = 0.001
"""A smaller gap between the averages is not told as nothing."""


@dataclass(frozen=True, slots=True)
class CrossoverParams:
    """Parameters of `ma_crossover`."""

    fast: int = 20
    """Bars of the fast average."""
    slow: int = 50
    """Bars of the slow average; more than `fast`."""
    average: str = "sma"
    """Kind of average: sma or ema."""
    atr: int = 14
    """Bars of the average true range."""
    stop_atr: float = 3.0
    """Distance of the protective stop, in average true ranges."""
    min_stop_pct: float = 0.1
    """Least distance of the protective stop, in percent of price."""
    allow_gaps: bool = False
    """true = bars that are missing within a day do not matter; false = warms up anew after a hole."""

    def __post_init__(self) -> None:
        at_least(self, 1, "fast", "atr")
        at_least(self, 0.1, "stop_atr")
        at_least(self, 0, "min_stop_pct")
        if self.slow <= self.fast:
            raise ParamError("slow", f"more bars than fast ({self.fast}), not {self.slow}")
        if self.average not in AVERAGES:
            raise ParamError("average", f"one of {', '.join(AVERAGES)}, not {self.average!r}")


class _CrossLean:
    """Up while the fast average is above the slow one. Equal averages change nothing."""

    def __init__(self, params: CrossoverParams) -> None:
        average = INDICATORS.get(params.average)
        self._label = params.average.upper()
        self._fast: Indicator = average(params.fast)
        self._slow: Indicator = average(params.slow)
        self._lengths = (params.fast, params.slow)
        self._lean = 0

    def update(self, bar: Bar) -> int:
        gap = self._fast.update(bar) - self._slow.update(bar)
        if not math.isnan(gap) and gap != 0.0:
            self._lean = 1 if gap > 0 else -1
        return self._lean

    def text(self) -> str:
        fast, slow = self._lengths
        gap_pct = 100 * abs(self._fast.value / self._slow.value - 1.0)
        where = "above" if self._lean > 0 else "below"
        by = "less than 0.001" if gap_pct < SHOWN_GAP_PCT else f"{gap_pct:.3f}"
        return f"{self._label} {fast} {where} {slow} by {by} %"


@strategy("ma_crossover")
class MaCrossover(TrendStrategy):
    """Long after the fast average crosses above the slow one, short after it crosses below."""

    def __init__(self, name: str, *, params: CrossoverParams, keys: Sequence[str]) -> None:
        self.params = params
        stop = StopRule(params.atr, params.stop_atr, params.min_stop_pct)
        super().__init__(name, keys=keys, stop=stop, allow_gaps=params.allow_gaps)

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """One instance from a configuration table. Raises ParamError."""
        return cls(name, params=parse_params(CrossoverParams, params), keys=keys)

    def new_lean(self) -> Lean:
        """A fresh pair of averages."""
        return _CrossLean(self.params)

    def lean_bars(self) -> int:
        """Bars until the slow average is known."""
        return self.params.slow
