"""What one trial came to, as plain values that go from process to process and onto the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from engine.backtest.metrics import as_json, daily_equity, daily_returns, measure
from engine.backtest.result import EquityCurve, RunResult
from engine.backtest.sharpe import sharpe_of
from engine.backtest.sweep.plan import Job

Play = Callable[[Any, Job], RunResult]
"""Runs one trial with what all trials share. A function of a module, so that other processes find it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a trial."""

    trial_id: str
    figures: Mapping[str, float | int | bool | None] = field(default_factory=dict)
    """Metrics by name, flat."""
    sharpe: float = 0.0
    """Per day."""
    returns: tuple[float, ...] = ()
    """Of each trading day."""
    error: str = ""
    """Why it could not be run; empty where it was."""


def play_one(play: Play, kit: object, job: Job) -> Outcome:
    """Run a trial and measure it; one that fails is told and stops no other."""
    try:
        result = play(kit, job)
    except Exception as err:  # noqa: BLE001 - one bad combination must not cost a night of good ones
        return Outcome(job.trial_id, error=f"{type(err).__name__}: {err}")
    returns = daily_returns(float(result.initial_cash_usd), daily_equity(result.equity))
    return Outcome(
        job.trial_id,
        figures=flat_figures(as_json(measure(result))),
        sharpe=sharpe_of(returns).ratio,
        returns=tuple(float(value) for value in returns),
    )


def metric_names() -> frozenset[str]:
    """Every figure a trial can be chosen by."""
    nothing = np.zeros(0, dtype=np.float64)
    curve = EquityCurve(np.zeros(0, dtype=np.int64), nothing, nothing, nothing, {})
    none = RunResult(Decimal(0), (), (), (), (), curve, 0)
    return frozenset(flat_figures(as_json(measure(none))))


def flat_figures(tree: Mapping[str, Any], prefix: str = "") -> dict[str, float | int | bool | None]:
    """Numbers of a nested tree by their names joined with `_`; anything else is left out."""
    found: dict[str, float | int | bool | None] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found.update(flat_figures(value, f"{prefix}{name}_"))
        elif value is None or isinstance(value, int | float):
            found[f"{prefix}{name}"] = value
    return found
