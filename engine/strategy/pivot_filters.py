"""What a break of a pivot must show before it is entered: each filter alone, with value and limit.

A break is either *momentum* (it comes with volume and thrust: entered on the tick) or it has to come back
and hold first (*retest*). Both must leave room to the target and must not be chased.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import fmean
from typing import NamedTuple

from engine.domain.market import Bar
from engine.strategy.continuity import missing_s
from engine.strategy.indicators import Atr, day_range


class FilterName(StrEnum):
    """Filters of a break. Codes as shown, stored and counted."""

    BARS = "bars"
    VOLUME = "volume"
    THRUST = "thrust"
    EXTENSION = "extension"
    ROOM = "room"


class FilterResult(NamedTuple):
    """What one filter said."""

    name: FilterName
    passed: bool
    value: float
    limit: float

    def text(self) -> str:
        """For people: `volume 0.8 of 1.5`."""
        return f"{self.name.value} {self.value:.2f} of {self.limit:.2f}"


@dataclass(frozen=True, slots=True)
class FilterLimits:
    """Where each filter lets pass."""

    bars: int
    """5-second bars that must be there."""
    min_volume_ratio: float
    """Volume of the last bar, over the mean of those before it."""
    min_thrust_ratio: float
    """Range of the last bar, over the mean of those before it."""
    max_extension_pct: float
    """Farthest the price may already be beyond the pivot, in percent of it."""
    min_room_r: float
    """Least way to the first target, in R (entry to stop)."""


class BarWindow:
    """The last bars of one instrument, reduced to what the filters ask. They begin anew after a hole."""

    def __init__(self, length: int, *, longest_gap_s: float = math.inf) -> None:
        """A longer stretch without bars than `longest_gap_s` is a hole; in a shorter one nothing traded."""
        self._bars: deque[Bar] = deque(maxlen=length)
        self._before: deque[Bar] = deque(maxlen=length)
        """Those before the hole, for history that fills it."""
        self._longest_gap_s = longest_gap_s

    def add(self, bar: Bar) -> None:
        """Take the next complete bar; one that is not newer changes nothing."""
        last = self.last
        if last is not None:
            if bar.end <= last.end:
                return
            if missing_s(last.end, bar) > self._longest_gap_s:
                self._before.extend(self._bars)
                self._bars.clear()
        self._bars.append(bar)

    def merge(self, bars: Iterable[Bar]) -> None:
        """Take history in any order; what was seen live stays as it was seen."""
        merged = {bar.end: bar for bar in (*bars, *self._before, *self._bars)}
        self._bars.clear()
        self._before.clear()
        for end in sorted(merged):
            self.add(merged[end])

    @property
    def hole_since(self) -> datetime | None:
        """Where the hole before the first of them begins; None where there is none."""
        return self._before[-1].end if self._before else None

    def __len__(self) -> int:
        return len(self._bars)

    @property
    def last(self) -> Bar | None:
        """The newest bar."""
        return self._bars[-1] if self._bars else None

    def day_range(self) -> float | None:
        """Their average true range, scaled to one session; None where it is not known."""
        if not self._bars:
            return None
        average = Atr(len(self._bars))
        for bar in self._bars:
            average.update(bar)
        return day_range(average.value, self._bars[-1].seconds)

    def volume_ratio(self) -> float:
        """Volume of the last bar over the mean before it; NaN where nothing traded before."""
        return self._ratio([float(bar.volume) for bar in self._bars])

    def thrust_ratio(self) -> float:
        """Range of the last bar over the mean range before it; NaN where nothing moved before."""
        return self._ratio([bar.high - bar.low for bar in self._bars])

    @staticmethod
    def _ratio(values: list[float]) -> float:
        if len(values) < 2:
            return math.nan
        before = fmean(values[:-1])
        return values[-1] / before if before > 0 else math.nan


class Wish(NamedTuple):
    """The entry that the filters judge. Prices per unit; `sign` is +1 for long."""

    price: float
    pivot: float
    stop: float
    target: float | None
    sign: int


def _at_least(name: FilterName, value: float, limit: float) -> FilterResult:
    return FilterResult(name, value >= limit, value, limit)


def check_ready(window: BarWindow, limits: FilterLimits) -> FilterResult:
    """Enough bars to judge by."""
    return _at_least(FilterName.BARS, float(len(window)), float(limits.bars))


def check_path(wish: Wish, limits: FilterLimits) -> tuple[FilterResult, ...]:
    """What every entry needs: not chased, and room to its target (none given: as much as it likes)."""
    extension_pct = 100.0 * wish.sign * (wish.price - wish.pivot) / wish.pivot
    extended = FilterResult(
        FilterName.EXTENSION,
        extension_pct <= limits.max_extension_pct,
        extension_pct,
        limits.max_extension_pct,
    )
    if wish.target is None:
        return (extended,)
    risk = wish.sign * (wish.price - wish.stop)
    room_r = wish.sign * (wish.target - wish.price) / risk if risk > 0 else math.nan
    return extended, _at_least(FilterName.ROOM, room_r, limits.min_room_r)


def check_momentum(window: BarWindow, limits: FilterLimits) -> tuple[FilterResult, ...]:
    """What lets a break be entered on the tick."""
    return (
        _at_least(FilterName.VOLUME, window.volume_ratio(), limits.min_volume_ratio),
        _at_least(FilterName.THRUST, window.thrust_ratio(), limits.min_thrust_ratio),
    )
