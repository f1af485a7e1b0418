"""All trials of a sweep as one Parquet table: a row per trial, a column per setting and per metric."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from engine.backtest.ledgers import write_table
from engine.backtest.sweep.campaign import Row, deflated_of
from engine.backtest.trials import Tried

_TIME = pa.timestamp("ns", tz="UTC")
SETTING = "set."
"""Columns of what was varied begin so."""


def sweep_table(rows: Sequence[Row], tried: Tried) -> pa.Table:
    """The table, in the order of the trials; what a trial that failed has no value for is null."""
    columns: dict[str, Any] = {
        "trial_id": pa.array([row.job.trial_id for row in rows], pa.string()),
        "window": pa.array([row.job.window.name for row in rows], pa.string()),
        "part": pa.array([row.job.window.part.value for row in rows], pa.string()),
        "begin": pa.array([row.job.window.begin_ns for row in rows], _TIME),
        "end": pa.array([row.job.window.end_ns for row in rows], _TIME),
        "error": pa.array([row.outcome.error for row in rows], pa.string()),
    }
    for name in dict.fromkeys(name for row in rows for name, _ in row.job.settings):
        columns[f"{SETTING}{name}"] = _column([dict(row.job.settings).get(name) for row in rows])
    for name in dict.fromkeys(name for row in rows for name in row.outcome.figures):
        columns[name] = _column([row.outcome.figures.get(name) for row in rows])
    columns["deflated_sharpe"] = pa.array([deflated_of(row.outcome, tried) for row in rows], pa.float64())
    columns["trials_on_data"] = pa.array([tried.count] * len(rows), pa.int64())
    return pa.table(columns)


def write_sweep(sweeps: Path, rows: Sequence[Row], tried: Tried) -> Path:
    """Write the table of a sweep; the same trials have the same file, made anew. Raises OSError."""
    name = hashlib.sha256("".join(row.job.trial_id for row in rows).encode()).hexdigest()[:12]
    sweeps.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = sweeps / f"{name}.parquet"
    partial = path.with_name(f".{path.name}.partial")
    write_table(partial, sweep_table(rows, tried))
    partial.replace(path)
    return path


def _column(values: Sequence[object]) -> Any:
    """Numbers where all are numbers, truth values where all are, else text."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return pa.array(values, pa.bool_())
    if all(isinstance(value, int) and not isinstance(value, bool) for value in known):
        return pa.array(values, pa.int64())
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return pa.array([None if value is None else float(str(value)) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())
