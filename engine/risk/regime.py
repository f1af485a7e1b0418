"""The market's weather: bull, chop, bear or crash, from a benchmark's bars; and what it multiplies.

Trend is the mean step of log prices over a window in standard errors (a t-value); volatility is its
quantile among earlier windows, which share no bar with this one. Pure; nothing here is a price or a symbol.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple


class Regime(StrEnum):
    """Weather of the market. Stable codes."""

    BULL = "bull"
    CHOP = "chop"
    BEAR = "bear"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class RegimeMultipliers:
    """Factor on sizes and caps per regime; a factor above 1 never passes `hard_cap_factor`."""

    bull: float = 1.2
    chop: float = 1.0
    bear: float = 0.6
    crash: float = 0.0
    hard_cap_factor: float = 1.2

    def of(self, regime: Regime) -> float:
        """The factor of a regime, bounded by the hard cap."""
        factors = {
            Regime.BULL: self.bull,
            Regime.CHOP: self.chop,
            Regime.BEAR: self.bear,
            Regime.CRASH: self.crash,
        }
        return min(factors[regime], self.hard_cap_factor)

    def factor(self, regime: Regime | None) -> float:
        """The same; while the regime is not known nothing is widened: that of chop, and never above 1."""
        return min(1.0, self.of(Regime.CHOP)) if regime is None else self.of(regime)


@dataclass(frozen=True, slots=True)
class RegimeRules:
    """When a trend is one, and when a fall is a crash."""

    window: int = 60
    """Bars of one look."""
    history: int = 390
    """Windows among which volatility is ranked."""
    min_history: int = 30
    """Windows before a rank means anything; until then it is chop."""
    trend_t: float = 3.0
    """Least drift, in standard errors of its mean step, that is a trend."""
    crash_quantile: float = 0.95
    """Volatility above this quantile while falling is a crash."""


class RegimeView(NamedTuple):
    """What was found, with the figures behind it."""

    regime: Regime
    trend_t: float
    """NaN while not known."""
    volatility_quantile: float
    """NaN while not known."""

    @property
    def is_known(self) -> bool:
        """False while there was too little history to tell."""
        return not math.isnan(self.volatility_quantile)


UNSEEN = RegimeView(Regime.CHOP, math.nan, math.nan)


def regime_of(closes: Iterable[float], rules: RegimeRules) -> RegimeView:
    """What these closes, oldest first, say at their end. No rank of volatility: not known yet."""
    detector = RegimeDetector(rules)
    for close in closes:
        detector.add(close)
    return detector.view


class RegimeDetector:
    """Takes one close after the other; constant cost per close but for the rank (a bisection)."""

    def __init__(self, rules: RegimeRules) -> None:
        self._rules = rules
        self._logs: deque[float] = deque(maxlen=rules.window)
        self._recent: deque[float] = deque()
        """Volatilities of windows that still share bars with the present one."""
        self._past: deque[float] = deque(maxlen=rules.history)
        self._ranked: list[float] = []
        self.view = UNSEEN

    def add(self, close: float) -> RegimeView:
        """Take the next close of the benchmark; one that is no price changes nothing."""
        if not (math.isfinite(close) and close > 0.0):
            return self.view
        self._logs.append(math.log(close))
        if len(self._logs) == self._rules.window:
            slope_t, volatility = trend_and_volatility(tuple(self._logs))
            quantile = self._rank(volatility)
            self.view = RegimeView(self._judge(slope_t, quantile), slope_t, quantile)
        return self.view

    def _rank(self, volatility: float) -> float:
        """Share of earlier windows that were quieter; NaN while there are too few."""
        self._recent.append(volatility)
        if len(self._recent) > self._rules.window:
            self._remember(self._recent.popleft())
        known = len(self._past)
        return bisect_left(self._ranked, volatility) / known if known >= self._rules.min_history else math.nan

    def _remember(self, volatility: float) -> None:
        if len(self._past) == self._past.maxlen:
            del self._ranked[bisect_left(self._ranked, self._past[0])]
        self._past.append(volatility)
        insort(self._ranked, volatility)

    def _judge(self, slope_t: float, quantile: float) -> Regime:
        if math.isnan(quantile):
            return Regime.CHOP
        if slope_t <= -self._rules.trend_t:
            return Regime.CRASH if quantile >= self._rules.crash_quantile else Regime.BEAR
        return Regime.BULL if slope_t >= self._rules.trend_t else Regime.CHOP


def trend_and_volatility(logs: tuple[float, ...]) -> tuple[float, float]:
    """Trend of a log price in standard errors, and the standard deviation of its steps.

    t = sqrt(n) * mean(step) / stdev(step), the t-value of the mean step (any statistics text). A price that
    moves evenly has no noise: its t-value is signed infinity, of a flat one 0.
    """
    steps = [after - before for before, after in pairwise(logs)]
    count = len(steps)
    mean = math.fsum(steps) / count
    variance = math.fsum((step - mean) ** 2 for step in steps) / max(1, count - 1)
    deviation = math.sqrt(variance)
    if deviation <= 1e-15:
        return (math.copysign(math.inf, mean) if abs(mean) > 1e-15 else 0.0), 0.0
    return math.sqrt(count) * mean / deviation, deviation
