"""The command that tries many settings on recorded bars. Its body is imported when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, absolute, leave, options
from cockpit.cli_report import Results

if TYPE_CHECKING:
    from engine.config import Loaded


Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=A,B,C", help="What to vary: strategies.x.fast=5,10,20; repeatable."),
]
Grid = Annotated[
    Path | None, typer.Option("--grid", metavar="FILE", help="The same as TOML, a list per key.")
]
Walk = Annotated[
    str,
    typer.Option(
        "--walk-forward", metavar="TRAIN:TEST", help="Choose on TRAIN trading days, test on the next TEST."
    ),
]
Metric = Annotated[
    str,
    typer.Option(
        "--metric",
        metavar="NAME[:END]",
        help="What the best is chosen by: sharpe, max_drawdown …; END is highest or lowest.",
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=0, help="Processes; 0 = one per core.")]
Scheduler = Annotated[
    str, typer.Option("--scheduler", metavar="ADDRESS", help="A Dask cluster, tcp://host:8786.")
]
Strategy = Annotated[
    str, typer.Option("--strategy", metavar="NAME", help="One configured strategy instead of all enabled.")
]
First = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="First day.")
]
Last = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="Last day.")
]
Bars = Annotated[
    str, typer.Option("--bars", metavar="LENGTH", help="Bars to read: 1d, 1m or 5s; else the strategy's.")
]
Sample = Annotated[bool, typer.Option("--sample", help="On an invented market, as strategies.sample.")]


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(sweep)


def sweep(
    context: typer.Context,
    settings: Set = None,
    grid: Grid = None,
    walk_forward: Walk = "",
    metric: Metric = "sharpe",
    jobs: Jobs = 0,
    scheduler: Scheduler = "",
    strategy: Strategy = "",
    first: First = None,
    last: Last = None,
    bars: Bars = "",
    sample: Sample = False,
    results: Results = None,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Try every combination of settings on recorded bars; no trial runs twice, each one counts."""

    def body() -> int:
        from engine.runtime.shell import sweeps
        from engine.runtime.shell.backtests import Asked

        wish = sweeps.Wish(
            Asked(strategy, _day(first), _day(last), bars, sample, results=results),
            options=tuple(settings or ()),
            grid=grid,
            walk=walk_forward,
            metric=metric,
            processes=jobs or len(os.sched_getaffinity(0)),
            scheduler=scheduler,
        )
        return sweeps.sweep(_configure(context, config, state), wish, say=typer.echo, progress=_progress)

    leave(body)


def _configure(
    context: typer.Context, config: Path | None, state: Path | None
) -> Callable[[Mapping[str, object]], Loaded]:
    """Reads the configuration with some keys set as if on the command line."""
    from engine.config import load

    path, folder = options(context, config, state)

    def configured(chosen: Mapping[str, object]) -> Loaded:
        overrides = {"state.dir": absolute(folder), **chosen}
        return load(path=path, overrides=overrides, environ=os.environ, cwd=Path.cwd(), mode="PAPER")

    return configured


def _progress(done: int, total: int) -> None:
    """How many trials are finished, where a person sits at the terminal."""
    if sys.stderr.isatty():
        typer.echo(f"\r{done} of {total} trials{'' if done < total else chr(10)}", err=True, nl=False)


def _day(at: datetime | None) -> date | None:
    return None if at is None else at.date()
