"""Puts a finished run on the disk for good: one folder per run, written once, never again.

Everything but `run.json` depends on what went into the run alone, so two runs of the same inputs have the
same bytes there. `run.json` holds what belongs to the moment: run id, wall time, the trials counted by then.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from engine.backtest.fingerprint import data_hash
from engine.backtest.ledgers import tables_of, write_table
from engine.backtest.metrics import Metrics, as_json, measure, sharpe_per_day
from engine.backtest.result import NOT_MODELLED, RunResult
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.backtest.trials import Trial, TrialRegistry, honest
from engine.backtest.unopened import why_nothing_opened
from engine.config.model import masked
from engine.ledger.summary import trade_record

SCHEMA: Final = 1
"""Of `summary.json`; a reader may refuse what it does not know."""
SUMMARY: Final = "summary.json"
MOMENT: Final = "run.json"
UNADJUSTED: Final = "unadjusted"
"""Stands in the words of a series whose prices were not adjusted, or only for splits."""


class RunExistsError(Exception):
    """The folder of this run is there already; nothing was written."""


class NoRunError(Exception):
    """There is no finished run where one was looked for."""


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What went into a run, for the record."""

    config_hash: str
    """`Config.fingerprint`: over every key but secrets."""
    code_revision: str
    strategies: tuple[str, ...]
    series: Sequence[BarSeries]
    parameters: Mapping[str, object] = field(default_factory=dict)
    """What was set, by dotted key; values that look like secrets are masked."""
    multipliers: Mapping[str, Decimal] = field(default_factory=dict)


def results_folder(state_dir: Path) -> Path:
    """Where runs go unless another folder is named."""
    return state_dir / "results"


def free_run_id(results: Path, at: datetime, config_hash: str) -> str:
    """A name that sorts by time and shows which runs belong together: `20260302T210000Z-1a2b3c4d`.

    A further run of the same configuration within the same second gets `-2`, and so on.
    """
    name = f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{config_hash[:8]}"
    names = itertools.chain((name,), (f"{name}-{number}" for number in itertools.count(2)))
    return next(free for free in names if not (results / free).exists())


def write_run(
    results: Path,
    result: RunResult,
    inputs: RunInputs,
    *,
    run_id: str,
    generated_at: datetime,
    took_s: float,
) -> Path:
    """Write a run to `results/<run id>`; it appears whole or not at all. Returns the folder.

    The run counts as a trial on its data, unless the same configuration was counted before.

    Raises:
        RunExistsError: there is a run of this id.
        OSError: the disk refuses.
    """
    target = results / run_id
    if target.exists():
        raise RunExistsError(f"run {run_id} is written already ({target}): runs are never overwritten")
    results.mkdir(mode=0o700, parents=True, exist_ok=True)
    metrics = measure(result, multipliers=inputs.multipliers)
    summary = summary_of(result, inputs, metrics)
    sharpe = sharpe_per_day(result)
    data = str(summary["data_hash"])
    trial = Trial(data=data, config=tried_by(inputs), sharpe=sharpe.ratio, days=sharpe.returns)
    moment: dict[str, object] = {
        "run_id": run_id,
        "generated_at": generated_at.astimezone(UTC).isoformat(),
        "took_s": round(took_s, 3),
        "bars_per_s": round(result.bars / took_s) if took_s > 0.0 else None,
        **honest(sharpe, TrialRegistry(results).record(trial)),
    }
    _write_whole(target, result, inputs, {SUMMARY: summary, MOMENT: moment})
    return target


def tried_by(inputs: RunInputs) -> str:
    """What was tried: the configuration, and what was asked for beyond it (a strategy, a stretch of time)."""
    asked = [inputs.config_hash, inputs.strategies, masked(inputs.parameters)]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def summary_of(result: RunResult, inputs: RunInputs, metrics: Metrics) -> dict[str, object]:
    """What `summary.json` says; plain values, nothing of the clock or of this machine."""
    return {
        "schema": SCHEMA,
        "code_revision": inputs.code_revision,
        "config_hash": inputs.config_hash,
        "data_hash": data_hash(inputs.series),
        "strategies": list(inputs.strategies),
        "parameters": masked(inputs.parameters),
        "instruments": [_instrument(one, inputs) for one in _ordered(inputs.series)],
        "unadjusted": sorted({one.key for one in inputs.series if UNADJUSTED in one.adjustment}),
        "halted": result.halted,
        "not_modelled": list(NOT_MODELLED),
        "nothing_opened": [row._asdict() for row in why_nothing_opened(result)],
        "pnl_usd": metrics.pnl_usd,
        "max_drawdown": metrics.max_drawdown,
        "exposure": metrics.exposure,
        "exposure_by_theme": metrics.exposure_by_theme,
        "metrics": as_json(metrics),
        "trades": [trade_record(trade) for trade in result.trades],
    }


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """One of the two JSON files of a run.

    Raises:
        NoRunError: it is not there, cut short, or no object.
    """
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise NoRunError(f"{folder} holds no finished run: {name} cannot be read ({err})") from err
    if not isinstance(found, dict):
        raise NoRunError(f"{folder} holds no finished run: {name} is no object")
    return found


def honest_line(folder: Path) -> str:
    """How far the Sharpe ratio of a run can be believed, for people. Raises NoRunError."""
    metrics, moment = read_json(folder, SUMMARY)["metrics"], read_json(folder, MOMENT)
    error, odds = metrics["sharpe_standard_error"], metrics["sharpe_probability"]
    left, trials = moment["deflated_sharpe"], moment["trials"]
    if error is None or odds is None:
        return "Sharpe: the days do not vary, so nothing can be said"
    known = f"Sharpe {metrics['sharpe']:.2f} ± {error:.2f}, {odds:.0%} likely above nought"
    tries = f"{trials} trial{'' if trials == 1 else 's'} on these bars"
    after = f"{'-' if left is None else f'{left:.0%}'} after {tries}"
    few = "" if metrics["enough_days"] else f"; {metrics['days']} trading days are not enough to say"
    return f"{known}, {after}{few}"


def find_run(results: Path, name: str) -> Path:
    """The folder of a run by its path, its id, an unambiguous beginning of it, or `last`.

    Raises:
        NoRunError: none or several.
    """
    if (Path(name) / SUMMARY).is_file():
        return Path(name)
    runs = sorted(path.parent for path in results.glob(f"*/{SUMMARY}"))
    found = runs[-1:] if name == "last" else [run for run in runs if run.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoRunError(f"no run {name!r} in {results} ({len(runs)} runs there)")
    raise NoRunError(f"{name!r} names {len(found)} runs: {', '.join(run.name for run in found)}")


def _write_whole(
    target: Path, result: RunResult, inputs: RunInputs, documents: Mapping[str, Mapping[str, object]]
) -> None:
    """Into a folder beside it that takes its name last, so that a crash leaves no half run."""
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    partial.mkdir(mode=0o700)
    try:
        for name, table in tables_of(result, inputs.series).items():
            write_table(partial / f"{name}.parquet", table)
        for name, document in documents.items():
            text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
            (partial / name).write_text(text + "\n", encoding="utf-8")
        for path in partial.iterdir():
            path.chmod(0o400)
        _take_name(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _take_name(partial: Path, target: Path) -> None:
    try:
        partial.rename(target)
    except OSError as err:
        if target.exists():
            raise RunExistsError(f"run {target.name} was written meanwhile by somebody else") from err
        raise


def _ordered(series: Sequence[BarSeries]) -> list[BarSeries]:
    return sorted(series, key=lambda one: (one.key, one.seconds))


def _instrument(one: BarSeries, inputs: RunInputs) -> dict[str, object]:
    return {
        "key": one.key,
        "bar_s": one.seconds,
        "bars": len(one),
        "first": _utc_text(int(one.end_ns[0])) if len(one) else None,
        "last": _utc_text(int(one.end_ns[-1])) if len(one) else None,
        "adjustment": one.adjustment,
        "multiplier": str(inputs.multipliers.get(one.key, Decimal(1))),
    }


def _utc_text(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / NANOSECONDS, UTC).isoformat()
