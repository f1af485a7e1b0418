"""When the pivot trader leaves: targets by the tick, the five-minute rule by the clock. Pure."""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple

from engine.domain.reasons import Reason
from engine.strategy.base import Holding
from engine.strategy.pivot_params import PivotParams


class ExitWish(NamedTuple):
    """How much of the position is to be closed, and why."""

    reason: Reason
    fraction: float
    note: str


def gain_r(holding: Holding, price: float, sign: int) -> float:
    """Gain of the position at that price, in R; NaN where its stop at entry is not known."""
    stop = holding.initial_stop if holding.initial_stop is not None else holding.stop_price
    if stop is None or stop == holding.entry_price:
        return math.nan
    return sign * (price - holding.entry_price) / abs(holding.entry_price - stop)


def at_target(holding: Holding, price: float, sign: int, params: PivotParams) -> ExitWish | None:
    """A part at the first target, all at the second; all at the first where no part is ever taken."""

    def reached(target: float | None) -> bool:
        return target is not None and sign * (price - target) >= 0.0

    if reached(holding.target2):
        return ExitWish(Reason.TARGET, 1.0, f"second target {holding.target2:g} reached")
    if holding.has_partial or not reached(holding.target1):
        return None
    note = f"first target {holding.target1:g} reached"
    whole = params.partial_pct in {0.0, 100.0}
    return ExitWish(Reason.TARGET, 1.0 if whole else params.partial_pct / 100.0, note)


def five_minute_rule(
    holding: Holding, price: float, sign: int, now: datetime, params: PivotParams
) -> ExitWish | None:
    """No progress within its time, and no partial taken: out. Without a known R any gain is progress."""
    if params.five_minute_minutes <= 0.0 or holding.has_partial or not math.isfinite(price):
        return None
    age_s = (now - holding.opened_at).total_seconds()
    if age_s < params.five_minute_minutes * 60.0:
        return None
    gained = gain_r(holding, price, sign)
    if math.isnan(gained):
        gained = math.inf if sign * (price - holding.entry_price) > 0.0 else -math.inf
    if gained >= params.five_minute_min_gain_r:
        return None
    note = f"after {age_s / 60.0:.1f} min {gained:+.2f} R, needs {params.five_minute_min_gain_r:.2f} R"
    return ExitWish(Reason.FIVE_MINUTE_RULE, 1.0, note)
