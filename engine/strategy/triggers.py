"""Deterministic triggers of the rules trader: breakout and volume spike, scored from bars. Pure.

The same bars give the same triggers in the same order; at most so many of a cycle count, the best first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import NamedTuple

from engine.domain.market import Bar
from engine.domain.order import Side


class TriggerKind(StrEnum):
    """What was seen. Stable codes."""

    BREAKOUT = "breakout"
    VOLUME_SPIKE = "volume_spike"


@dataclass(frozen=True, slots=True)
class TriggerRules:
    """Lookbacks and what counts."""

    breakout_bars: int = 20
    """Bars whose highest high (lowest low) must be passed."""
    volume_bars: int = 20
    """Bars whose mean volume is the ordinary one."""
    full_breakout_pct: float = 0.5
    """So far beyond, a breakout scores 1, in percent of price."""
    full_volume_ratio: float = 4.0
    """So many times the ordinary volume, a spike scores 1; ordinary volume scores 0."""
    min_score: float = 0.5
    """Least score that counts."""
    max_per_cycle: int = 5
    """Most triggers of one cycle."""


class Trigger(NamedTuple):
    """One instrument that asks for attention."""

    key: str
    kind: TriggerKind
    side: Side
    score: float
    """0 to 1; also the conviction of what is proposed because of it."""
    text: str


def triggers_of(bars: Sequence[Bar], rules: TriggerRules) -> tuple[Trigger, ...]:
    """Triggers of the last of these bars, whatever their score; empty while there are too few bars."""
    if len(bars) <= max(rules.breakout_bars, rules.volume_bars):
        return ()
    found = (_breakout(bars, rules), _volume_spike(bars, rules))
    return tuple(trigger for trigger in found if trigger is not None)


def select(found: Iterable[Trigger], rules: TriggerRules) -> tuple[Trigger, ...]:
    """The triggers of one cycle that count: scored high enough, one per instrument, best first, capped."""
    best: dict[str, Trigger] = {}
    for trigger in found:
        if trigger.score >= rules.min_score and _order(trigger) < _order(best.get(trigger.key)):
            best[trigger.key] = trigger
    return tuple(sorted(best.values(), key=_order)[: rules.max_per_cycle])


def _order(trigger: Trigger | None) -> tuple[float, str, str]:
    """Sorts the best first; equal scores by name, so that the order never depends on arrival."""
    return (math.inf, "", "") if trigger is None else (-trigger.score, trigger.key, trigger.kind.value)


def _breakout(bars: Sequence[Bar], rules: TriggerRules) -> Trigger | None:
    """The close beyond every high (or low) of the lookback before it."""
    before, last = bars[-rules.breakout_bars - 1 : -1], bars[-1]
    top, bottom = max(bar.high for bar in before), min(bar.low for bar in before)
    if last.close > top:
        side, level = Side.BUY, top
    elif last.close < bottom:
        side, level = Side.SELL, bottom
    else:
        return None
    beyond_pct = 100.0 * abs(last.close - level) / level
    score = _share(beyond_pct, rules.full_breakout_pct)
    text = f"close {last.close:g} is {beyond_pct:.2f} % beyond {level:g} of {len(before)} bars"
    return Trigger(last.symbol, TriggerKind.BREAKOUT, side, score, text)


def _volume_spike(bars: Sequence[Bar], rules: TriggerRules) -> Trigger | None:
    """Far more volume than usual, with the direction of its own bar."""
    before, last = bars[-rules.volume_bars - 1 : -1], bars[-1]
    ordinary = fmean(bar.volume for bar in before)
    if ordinary <= 0.0 or last.close == last.open or last.volume <= ordinary:
        return None
    ratio = last.volume / ordinary
    side = Side.BUY if last.close > last.open else Side.SELL
    score = _share(ratio - 1.0, rules.full_volume_ratio - 1.0)
    text = f"volume {ratio:.1f} times that of {len(before)} bars"
    return Trigger(last.symbol, TriggerKind.VOLUME_SPIKE, side, score, text)


def _share(value: float, full: float) -> float:
    return min(1.0, value / full) if full > 0 else 1.0
