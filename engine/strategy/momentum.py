"""Buys what rises fast enough and leaves when it no longer does. Never short."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from engine.domain.market import Bar
from engine.strategy.indicators import Roc
from engine.strategy.params import ParamError, at_least, parse_params
from engine.strategy.registry import strategy
from engine.strategy.trend import Lean, StopRule, TrendStrategy


@dataclass(frozen=True, slots=True)
class MomentumParams:
    """Parameters of `momentum`."""

    bars: int = 20
    """Bars over which the rate of change is taken."""
    enter_pct: float = 0.2
    """Rate of change above which it enters, in percent."""
    exit_pct: float = 0.0
    """Rate of change below which it leaves, in percent; less than `enter_pct`."""
    atr: int = 14
    """Bars of the average true range."""
    stop_atr: float = 3.0
    """Distance of the protective stop, in average true ranges."""
    min_stop_pct: float = 0.1
    """Least distance of the protective stop, in percent of price."""
    allow_gaps: bool = False
    """true = bars that are missing within a day do not matter; false = warms up anew after a hole."""

    def __post_init__(self) -> None:
        at_least(self, 1, "bars", "atr")
        at_least(self, 0.1, "stop_atr")
        at_least(self, 0, "min_stop_pct")
        if not self.exit_pct < self.enter_pct:
            raise ParamError("exit_pct", f"less than enter_pct ({self.enter_pct:g}), not {self.exit_pct:g}")


class _MomentumLean:
    """Up above the entry threshold, down below the exit one; between them it stays as it was."""

    def __init__(self, params: MomentumParams) -> None:
        self._params = params
        self._roc = Roc(params.bars)
        self._lean = 0

    def update(self, bar: Bar) -> int:
        rate = self._roc.update(bar)
        if math.isnan(rate):
            return self._lean
        if rate > self._params.enter_pct:
            self._lean = 1
        elif rate < self._params.exit_pct or not self._lean:
            self._lean = -1
        return self._lean

    def text(self) -> str:
        params = self._params
        limits = f"enters above {params.enter_pct:g} %, leaves below {params.exit_pct:g} %"
        return f"{self._roc.value:+.2f} % in {params.bars} bars, {limits}"


@strategy("momentum")
class Momentum(TrendStrategy):
    """Long while price rises faster than a threshold. Long only."""

    long_only: ClassVar[bool] = True

    def __init__(self, name: str, *, params: MomentumParams, keys: Sequence[str]) -> None:
        self.params = params
        stop = StopRule(params.atr, params.stop_atr, params.min_stop_pct)
        super().__init__(name, keys=keys, stop=stop, allow_gaps=params.allow_gaps)

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """One instance from a configuration table. Raises ParamError."""
        return cls(name, params=parse_params(MomentumParams, params), keys=keys)

    def new_lean(self) -> Lean:
        """A fresh rate of change."""
        return _MomentumLean(self.params)

    def lean_bars(self) -> int:
        """Bars until the rate of change is known."""
        return self.params.bars + 1
