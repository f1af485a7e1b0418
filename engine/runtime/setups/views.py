"""The watch lists of all strategies as rows for the front end. Pure reading; rows are made once per news."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from engine.api import FilterView, SetupView, WhyNot
from engine.domain.price import decimals
from engine.runtime.desk import Desk
from engine.runtime.trading import Trading
from engine.strategy.base import SetupState


class _Row(NamedTuple):
    """A row, and all it was made of."""

    state: SetupState
    why: WhyNot | None
    max_attempts: int
    decimals: int
    view: SetupView
    nearness: tuple[float, str]


class SetupRows:
    """One row per strategy and instrument that has levels. A hundred are shown up to ten times a second."""

    def __init__(self, desk: Desk, trading: Trading) -> None:
        self._desk, self._trading = desk, trading
        self._known: dict[tuple[str, str], _Row] = {}
        """(strategy, key) -> its row as of the last asking."""

    def rows(self, why_not: Iterable[WhyNot]) -> tuple[SetupView, ...]:
        """The nearest to a level first. `why_not` is what `trading` says now."""
        said = {(why.strategy, why.symbol): why for why in why_not}
        fresh = {}
        for running in self._trading.running:
            if running.strategy.wants_setups and not running.off:
                name = running.strategy.name
                for state in running.strategy.setup_states():
                    place = name, state.key
                    fresh[place] = self._row(name, state, said.get(place))
        self._known = fresh
        return tuple([row.view for row in sorted(fresh.values(), key=_nearness)])

    def _row(self, name: str, state: SetupState, why: WhyNot | None) -> _Row:
        instrument, known = self._desk.instruments.get(state.key), self._known.get((name, state.key))
        places = 2 if instrument is None else decimals(instrument)
        made_of = state, why, self._desk.limits().max_attempts, places
        if known is not None and known[:4] == made_of:
            return known
        view = _view(name, *made_of)
        ways = [abs(way) for way in (view.above_pct, view.below_pct) if way is not None]
        return _Row(*made_of, view, (min(ways, default=math.inf), view.symbol))


def _nearness(row: _Row) -> tuple[float, str]:
    return row.nearness


def _view(name: str, state: SetupState, why: WhyNot | None, max_attempts: int, places: int) -> SetupView:
    code, text = ("in_position", "in position") if why is None else (why.code, why.text)
    return SetupView(
        symbol=state.key,
        strategy=name,
        resistance=state.resistance,
        support=state.support,
        score=state.score,
        above_pct=_known(state.above_pct),
        below_pct=_known(state.below_pct),
        stage_above=state.stages[0],
        stage_below=state.stages[1],
        attempts_long=state.attempts[0],
        attempts_short=state.attempts[1],
        max_attempts=max_attempts,
        code=code,
        text=text,
        source=state.source,
        filters=tuple(FilterView(name, ok, _known(value), limit) for name, ok, value, limit in state.filters),
        decimals=places,
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
