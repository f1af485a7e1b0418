"""The command that tests strategies on recorded bars. Its body is imported when it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, leave, load_config

_SHOWN = 40
"""Characters of the bar that shows the progress."""


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(backtest)


def backtest(
    context: typer.Context,
    strategy: Annotated[
        str,
        typer.Option("--strategy", metavar="NAME", help="One configured strategy instead of all enabled."),
    ] = "",
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="First day; earlier bars warm up."),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="Last day.")
    ] = None,
    bars: Annotated[
        str, typer.Option("--bars", metavar="LENGTH", help="Bars to read: 1d, 1m or 5s; else the strategy's.")
    ] = "",
    sample: Annotated[
        bool, typer.Option("--sample", help="On an invented market: needs no data and no set-up.")
    ] = False,
    report: Annotated[bool, typer.Option("--report", help="Make the HTML report, too.")] = False,
    results: Annotated[
        Path | None, typer.Option("--results", metavar="DIR", help="Folder of runs instead of STATE/results.")
    ] = None,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Test strategies on recorded bars, through the gate and the ledger that trade."""

    def body() -> int:
        from engine.runtime.shell.backtests import Asked, backtest

        loaded, _ = load_config(context, config, state)
        asked = Asked(strategy, _day(first), _day(last), bars, sample, report or sample, results)
        return backtest(loaded, asked, say=typer.echo, progress=_progress())

    leave(body)


def _day(at: datetime | None) -> date | None:
    return None if at is None else at.date()


def _progress() -> Callable[[int, int], None] | None:
    """Shows how far it is, where a person sits at the terminal."""
    if not sys.stderr.isatty():
        return None
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        full = _SHOWN * done // total
        if full != shown:
            shown = full
            end = "\n" if done == total else ""
            typer.echo(f"\r[{'#' * full:{_SHOWN}}] {done:,} of {total:,} bars{end}", err=True, nl=False)

    return show
