"""Makes the curve of equity after a run: positions as steps over the moments, prices as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.backtest.feed import Feed
from engine.backtest.result import EquityCurve
from engine.backtest.series import BarSeries
from engine.backtest.slot import Slot

NO_THEME = "none"


def equity_curve(
    feed: Feed,
    series: Sequence[BarSeries],
    slots: Sequence[Slot],
    steps: Sequence[tuple[int, int, int, float]],
    *,
    initial_usd: Decimal,
    themes: Mapping[str, str],
) -> EquityCurve:
    """Cash and market value at every moment at which a bar ended.

    `steps` are the fills: moment (ns), slot, signed quantity, cash afterwards. Futures are paid in full here,
    which leaves the equity what it is.
    """
    at = feed.moments()
    columns = zip(*steps, strict=True) if steps else ((), (), (), ())
    when, where, moved, left = (np.asarray(column) for column in columns)
    cash = _stepped(at, when, left, float(initial_usd))
    gross = np.zeros(len(at))
    equity = cash.copy()
    by_theme: dict[str, NDArray[np.float64]] = {}
    for slot, one, (first, last) in zip(slots, series, feed.spans, strict=True):
        own = where == slot.index
        if not own.any():
            continue
        held = _stepped(at, when[own], np.cumsum(moved[own]), 0)
        value = held * _closes(at, one, first, last) * slot.multiplier
        equity += value
        size = np.abs(value)
        gross += size
        theme = themes.get(slot.key, NO_THEME)
        by_theme[theme] = by_theme.get(theme, 0.0) + size
    return EquityCurve(at, equity, cash, gross, dict(sorted(by_theme.items())))


def _stepped(
    at: NDArray[np.int64], when: NDArray[Any], levels: NDArray[Any], start: float
) -> NDArray[np.float64]:
    """At every moment, what a figure came to that changed at some of them."""
    known = np.concatenate(([start], levels)).astype(np.float64)
    # From which moment on each of them holds: there are far fewer changes than moments.
    edges = np.concatenate(([0], np.searchsorted(at, when.astype(np.int64), side="left"), [len(at)]))
    return np.repeat(known, np.diff(edges))


def _closes(at: NDArray[np.int64], one: BarSeries, first: int, last: int) -> NDArray[np.float64]:
    """The last close known at every moment; the first open before there was one."""
    ends, closes = one.end_ns[first:last], one.close[first:last]
    if len(ends) == len(at):
        return closes
    rows = np.searchsorted(ends, at, side="right") - 1
    return np.where(rows < 0, one.open[first], closes[np.maximum(rows, 0)])
