"""Behind `cockpit sweep`: plans the trials of a grid, runs them where they are to run, and tells the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from engine.backtest.data.problems import DataError
from engine.backtest.engine import run_backtest
from engine.backtest.fingerprint import data_hash
from engine.backtest.result import RunResult
from engine.backtest.run_directory import results_folder
from engine.backtest.series import BarSeries
from engine.backtest.setting import BacktestError
from engine.backtest.sweep.campaign import (
    Campaign,
    Row,
    best_of,
    deflated_of,
    out_of_sample,
    walk_forward,
)
from engine.backtest.sweep.choice import Choice, ChoiceError, choice_of
from engine.backtest.sweep.folder import TrialFolder
from engine.backtest.sweep.grid import GridError, axes_of
from engine.backtest.sweep.plan import (
    Fold,
    Job,
    Part,
    Settings,
    Window,
    combinations,
    folds,
    trading_days,
    trial_id,
)
from engine.backtest.sweep.pools import Cluster, Cores, Here, Pool, PoolError
from engine.backtest.sweep.table import write_sweep
from engine.backtest.trials import TrialRegistry, Tried
from engine.config import Loaded
from engine.domain.instrument import Instrument
from engine.runtime import catalogue
from engine.runtime.modes.code import code_id
from engine.runtime.process.errors import FailedError, UsageError
from engine.runtime.shell.backtest_setting import backtest_config, strategy_run
from engine.runtime.shell.backtests import SAMPLE, Asked, market_of, midnight_ns, strategies_of

Say = Callable[[str], None]
Configure = Callable[[Settings], Loaded]
"""The configuration with these keys set as if by the command line. Raises ConfigError."""

SHOWN: Final = 5
"""Best trials told; the table has all."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line."""

    asked: Asked
    options: tuple[str, ...] = ()
    """`KEY=VALUE,VALUE…` each."""
    grid: Path | None = None
    walk: str = ""
    """`TRAIN:TEST` in trading days; empty: every combination on the whole time."""
    metric: str = "sharpe"
    """By what the best is chosen; `NAME:lowest` or `NAME:highest` where the name does not say which end."""
    processes: int = 1
    scheduler: str = ""
    """Address of a Dask scheduler; empty: this machine."""


class Kit(NamedTuple):
    """What all trials share; it goes to each process once."""

    names: tuple[str, ...]
    series: tuple[BarSeries, ...]
    instruments: Mapping[str, Instrument]


def play(kit: Kit, job: Job) -> RunResult:
    """Run one trial; its payload is the configuration with the trial's settings."""
    loaded = job.payload
    if not isinstance(loaded, Loaded):
        raise TypeError("a trial came without its configuration")
    sections = loaded.config.strategies
    runs = [
        strategy_run(
            loaded.config, name, catalogue.create(loaded, name, sections[name], sections[name].symbols)
        )
        for name in kit.names
    ]
    setting = backtest_config(loaded.config, runs, begin_ns=job.window.begin_ns, end_ns=job.window.end_ns)
    setting = replace(setting, checks_orders=False)
    return run_backtest(setting, kit.series, kit.instruments)


def sweep(
    configure: Configure, wish: Wish, *, say: Say, progress: Callable[[int, int], None] = lambda _d, _t: None
) -> int:
    """Run every trial that never ran before, write the table, tell the best.

    Raises:
        UsageError: what was asked for does not fit together, or its data is not here.
        FailedError: trials cannot run any more, or the disk refuses; finished ones are kept.
    """
    try:
        planned = _plan(configure, wish, say)
        rows, tried, table = _carry_out(planned, wish, progress)
    except (BacktestError, DataError, GridError, ChoiceError) as err:
        raise UsageError(f"{err}.".replace("..", ".")) from err
    except PoolError as err:
        raise FailedError(f"{err}; finished trials are kept and will not run again.") from err
    except OSError as err:
        raise FailedError(f"the trials could not be kept: {err}.") from err
    for line in summary_lines(rows, tried, planned.choice):
        say(line)
    say(f"all trials: {table}")
    return 0 if any(not row.outcome.error for row in rows) else 1


@dataclass(frozen=True, slots=True)
class _Planned:
    """A sweep, ready to begin."""

    kit: Kit
    results: Path
    choice: Choice
    data: str
    job_of: Callable[[Settings, Window], Job]
    settings: Sequence[Settings]
    steps: Sequence[Fold] = field(default=())
    whole: Window = field(default=Window("whole", Part.WHOLE))


def _plan(configure: Configure, wish: Wish, say: Say) -> _Planned:
    choice = choice_of(wish.metric)
    axes = axes_of(wish.options, wish.grid)
    if not axes:
        raise GridError("nothing is varied: name a key and its values with --set or --grid")
    asked, fixed = wish.asked, _sample_settings(wish.asked)
    base, names = strategies_of(configure(fixed), asked, say)
    series, instruments = market_of(base, asked, names)
    data, code = data_hash(series), code_id()
    # Every combination is checked before anything runs.
    settings = combinations(axes)
    ready = {_key(one): _portable(configure({**fixed, **one})) for one in settings}

    def job_of(chosen: Settings, window: Window) -> Job:
        loaded = ready[_key(chosen)]
        config = loaded.config.fingerprint
        name = trial_id(data=data, config=config, code=code, strategies=names, window=window)
        return Job(name, tuple(chosen.items()), window, loaded)

    begin, end = midnight_ns(asked.first), midnight_ns(asked.last, days_later=1)
    return _Planned(
        kit=Kit(names, series, instruments),
        results=asked.results or results_folder(base.state_dir),
        choice=choice,
        data=data,
        job_of=job_of,
        settings=settings,
        steps=_steps(wish.walk, trading_days(series, begin_ns=begin, end_ns=end)),
        whole=Window("whole", Part.WHOLE, begin, end),
    )


def _carry_out(
    planned: _Planned, wish: Wish, progress: Callable[[int, int], None]
) -> tuple[list[Row], Tried, Path]:
    folder, registry = TrialFolder(planned.results), TrialRegistry(planned.results)
    pool: Pool = Cluster(wish.scheduler) if wish.scheduler else _local(wish.processes)
    campaign = Campaign(play, planned.kit, pool, folder, registry, planned.data, progress)
    if planned.steps:
        rows = walk_forward(
            campaign, planned.steps, planned.choice, job_of=planned.job_of, settings=planned.settings
        )
    else:
        rows = campaign.run([planned.job_of(one, planned.whole) for one in planned.settings])
    tried = registry.on(planned.data)
    return rows, tried, write_sweep(folder.sweeps, rows, tried)


def summary_lines(rows: Sequence[Row], tried: Tried, choice: Choice) -> tuple[str, ...]:
    """What came of a sweep, for people: the best of what was chosen from, and how the chosen did later."""
    failed = [row for row in rows if row.outcome.error]
    lines = [f"{len(rows)} trials, {len(failed)} of them failed; {tried.count} ever run on these bars"]
    lines += [f"failed: {_settings(row)}: {row.outcome.error}" for row in failed[:SHOWN]]
    tests = [row for row in rows if row.job.window.part is Part.TEST]
    if tests:
        lines += [
            f"{row.job.window.name}: {_settings(row)} -> {_figures(row, choice.metric, tried)}"
            for row in tests
        ]
    else:
        lines += [f"{_settings(row)} -> {_figures(row, choice.metric, tried)}" for row in _best(rows, choice)]
    chained = out_of_sample(rows, tried)
    if chained is not None:
        left = "-" if chained.deflated is None else f"{chained.deflated:.0%}"
        lines.append(
            f"out of sample: {chained.days} days, {chained.total_return:+.2%}, "
            f"Sharpe {chained.sharpe:.2f}, deflated {left}"
        )
    return tuple(lines)


def _best(rows: Sequence[Row], choice: Choice) -> list[Row]:
    left, found = list(rows), list[Row]()
    while len(found) < SHOWN and (best := best_of(left, choice)) is not None:
        found.append(best)
        left.remove(best)
    return found


def _figures(row: Row, metric: str, tried: Tried) -> str:
    value, left = row.outcome.figures.get(metric), deflated_of(row.outcome, tried)
    shown = "-" if value is None else f"{value:.4g}"
    return f"{metric} {shown}, deflated Sharpe {'-' if left is None else f'{left:.0%}'}"


def _settings(row: Row) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.job.settings)


def _steps(walk: str, days: Sequence[int]) -> Sequence[Fold]:
    if not walk:
        return ()
    train, sign, test = walk.partition(":")
    if not (sign and train.isdecimal() and test.isdecimal()):
        raise GridError(f"--walk-forward {walk}: expected TRAIN:TEST in trading days, such as 504:126")
    try:
        return folds(days, train_days=int(train), test_days=int(test))
    except ValueError as err:
        raise GridError(f"--walk-forward {walk}: {err}") from err


def _sample_settings(asked: Asked) -> dict[str, object]:
    """What the invented market needs to be set, so that a grid may vary the rest of it."""
    if not asked.sample:
        return {}
    section = SAMPLE.model_dump(mode="json")
    if asked.strategy:
        names = ("symbols", "timeframe", "from_scanner")
        return {f"strategies.{asked.strategy}.{name}": section[name] for name in names}
    params = section.pop("params")
    return {
        **{f"strategies.sample.{name}": value for name, value in section.items()},
        **{f"strategies.sample.params.{name}": value for name, value in params.items()},
    }


def _local(processes: int) -> Pool:
    return Cores(processes) if processes > 1 else Here()


def _key(settings: Settings) -> str:
    return repr(sorted(settings.items()))


def _portable(loaded: Loaded) -> Loaded:
    """The same for another process: where values came from is of no concern there, and cannot be sent."""
    return replace(loaded, origins={}, changed={}, switched_off={})
