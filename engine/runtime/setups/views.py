"""The watch lists of all strategies as rows for the front end. Pure reading."""

from __future__ import annotations

import math
from collections.abc import Iterable

from engine.api import FilterView, SetupView, WhyNot
from engine.domain.price import decimals
from engine.runtime.desk import Desk
from engine.runtime.running import Running
from engine.runtime.trading import Trading
from engine.strategy.base import SetupState


def setup_views(desk: Desk, trading: Trading, why_not: Iterable[WhyNot]) -> tuple[SetupView, ...]:
    """One row per strategy and instrument, the nearest to a level first.

    `why_not` is what `trading` says now: putting that into words is most of the work, done once a snapshot.
    """
    said = {(why.strategy, why.symbol): why for why in why_not}
    rows = []
    for running in trading.running:
        if running.strategy.wants_setups and not running.off:
            for state in running.strategy.setup_states():
                why = said.get((running.strategy.name, state.key))
                code, text = ("in_position", "in position") if why is None else (why.code, why.text)
                rows.append(_view(desk, running, state, code=code, text=text))
    return tuple(sorted(rows, key=_nearness))


def _view(desk: Desk, running: Running, state: SetupState, *, code: str, text: str) -> SetupView:
    instrument = desk.instruments.get(state.key)
    return SetupView(
        symbol=state.key,
        strategy=running.strategy.name,
        resistance=state.resistance,
        support=state.support,
        score=state.score,
        above_pct=_known(state.above_pct),
        below_pct=_known(state.below_pct),
        stage_above=state.stages[0],
        stage_below=state.stages[1],
        attempts_long=state.attempts[0],
        attempts_short=state.attempts[1],
        max_attempts=desk.limits().max_attempts,
        code=code,
        text=text,
        source=state.source,
        filters=tuple(FilterView(name, ok, _known(value), limit) for name, ok, value, limit in state.filters),
        decimals=2 if instrument is None else decimals(instrument),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _nearness(row: SetupView) -> tuple[float, str]:
    ways = [abs(way) for way in (row.above_pct, row.below_pct) if way is not None]
    return min(ways, default=math.inf), row.symbol
