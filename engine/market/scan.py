"""Finds the day's levels in history: resistance, support, targets and how promising the setup is. Pure.

Levels are the extremes that many watch: the day before, before the open, several days. The pivot of a side
is the nearest of them that still lies ahead of the price by a part of the ordinary day's range; levels that
lie close together count as one, at its far end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

from engine.domain.instrument import Instrument
from engine.domain.market import Bar
from engine.domain.price import round_to_tick
from engine.domain.setup import Setup


class NoSetup(StrEnum):
    """Why an instrument has no setup today."""

    SHORT_HISTORY = "short_history"
    NO_RANGE = "no_range"
    """Its days have no range: it does not trade, or its history is broken."""


@dataclass(frozen=True, slots=True)
class ScanRules:
    """How levels are chosen. Distances in ordinary days' ranges (mean true range)."""

    range_days: int = 14
    """Days of the mean true range."""
    level_days: int = 5
    """Days whose extremes are levels."""
    ahead: float = 0.05
    """A level must be so far ahead of the price to be a pivot."""
    together: float = 0.10
    """Levels nearer to each other than this are one."""
    first_target: float = 0.5
    """Way from the pivot to the first target."""
    second_target: float = 1.0
    """Way from the pivot to the second target."""


@dataclass(frozen=True, slots=True)
class ScanInput:
    """History of one instrument up to a moment before the session."""

    instrument: Instrument
    days: Sequence[Bar]
    """Complete daily bars, oldest first."""
    early: Sequence[Bar] = ()
    """Bars of any length since the last of them: the evening, and before the open."""


class _Field(NamedTuple):
    """What the levels are judged by. Prices per unit."""

    price: float
    """Where it stands before the session."""
    ordinary: float
    """Range of an ordinary day."""
    highs: tuple[float, ...]
    lows: tuple[float, ...]


def scan(given: ScanInput, *, day: date, rules: ScanRules) -> Setup | NoSetup:
    """The setup of one instrument for the session of `day`, or why there is none."""
    if len(given.days) < max(rules.range_days + 1, rules.level_days):
        return NoSetup.SHORT_HISTORY
    field = _field(given, rules)
    if not (math.isfinite(field.ordinary) and field.ordinary > 0 and field.price > 0):
        return NoSetup.NO_RANGE
    resistance = field.price + _pivot((high - field.price for high in field.highs), field.ordinary, rules)
    support = field.price - _pivot((field.price - low for low in field.lows), field.ordinary, rules)
    on_grid = partial(round_to_tick, given.instrument)
    if support <= 0 or not on_grid(support) < on_grid(resistance):
        return NoSetup.NO_RANGE
    return Setup(
        key=given.instrument.key,
        day=day,
        resistance=on_grid(resistance),
        support=on_grid(support),
        long_targets=_targets(on_grid, resistance, field.ordinary, rules, sign=1),
        short_targets=_targets(on_grid, support, field.ordinary, rules, sign=-1),
        score=_score(field, resistance, support, rules),
        source="scan",
    )


def _field(given: ScanInput, rules: ScanRules) -> _Field:
    """Price, ordinary range, and the highs and lows that may be pivots: recent days, and before the open."""
    recent = given.days[-rules.level_days :]
    highs, lows = [bar.high for bar in recent], [bar.low for bar in recent]
    if given.early:
        highs.append(max(bar.high for bar in given.early))
        lows.append(min(bar.low for bar in given.early))
    price = given.early[-1].close if given.early else given.days[-1].close
    return _Field(price, _mean_true_range(given.days[-rules.range_days - 1 :]), tuple(highs), tuple(lows))


def _mean_true_range(days: Sequence[Bar]) -> float:
    """Mean of the true range over all but the first day: its range, a gap from the close before included."""
    return fmean(
        max(today.high, before.close) - min(today.low, before.close) for before, today in pairwise(days)
    )


def _pivot(distances: Iterable[float], ordinary: float, rules: ScanRules) -> float:
    """Way to the pivot. Where no level lies ahead, as far as levels must lie apart to be two."""
    ahead = sorted(d for d in distances if d >= rules.ahead * ordinary)
    if not ahead:
        return rules.together * ordinary
    pivot = ahead[0]
    for distance in ahead[1:]:
        if distance - pivot > rules.together * ordinary:
            break
        pivot = distance
    return pivot


def _targets(
    on_grid: Callable[[float], float], pivot: float, ordinary: float, rules: ScanRules, *, sign: int
) -> tuple[float, ...]:
    """Targets beyond the pivot, each at least one step from the last; none at or below zero."""
    made: list[float] = []
    last = on_grid(pivot)
    for way in (rules.first_target, rules.second_target):
        target = on_grid(pivot + sign * way * ordinary)
        if target > 0 and sign * (target - last) > 0:
            made.append(target)
            last = target
    return tuple(made)


def _score(field: _Field, resistance: float, support: float, rules: ScanRules) -> float:
    """0 to 100: how near the nearer pivot is (50), how many levels agree on it (30), how it moves (20)."""
    above, below = resistance - field.price, field.price - support
    near = max(0.0, 1.0 - min(above, below) / field.ordinary)
    pivot, levels = (resistance, field.highs) if above <= below else (support, field.lows)
    agreeing = sum(1 for level in levels if abs(level - pivot) <= rules.together * field.ordinary)
    moves_pct = 100.0 * field.ordinary / field.price
    score = 50.0 * near + 30.0 * min(1.0, max(0, agreeing - 1) / 2.0) + 20.0 * min(1.0, moves_pct / 2.0)
    return round(score, 1)
