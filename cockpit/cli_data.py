"""The commands about recorded bars: fetch them from the broker, check files. Bodies run when they do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, fail, leave, load_config

if TYPE_CHECKING:
    from engine.backtest.data.fetch import Progress as Told

data_app = typer.Typer(
    help="Recorded bars for backtests: fetch, check.", rich_markup_mode=None, no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(data_app, name="data")


@data_app.command("fetch")
def data_fetch(
    context: typer.Context,
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="SPY, ES@CME.")],
    bars: Annotated[str, typer.Option("--bars", metavar="1d|1m|5s", help="Length of the bars.")] = "1d",
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="First session, as in 2024-03-01.")
    ] = "",
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="Last session; else the latest.")] = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Get past bars from the broker and keep them in the state folder.

    Asks only for what is not there yet, within the broker's pacing; stopped and given again, it goes on where
    it was. Connects read-only; an engine may run meanwhile. Without --paper's gateway it asks TWS.
    """
    from engine.runtime.shell import data_fetch as room

    def body() -> int:
        loaded, _ = load_config(context, config, state)
        wish = room.Wish(
            tuple(one.upper() for one in symbols), bars, _day(first, "--from"), _day(last, "--to")
        )
        said: list[str] = []
        with _bar() as tell:
            code = room.fetch(loaded, wish, environ=os.environ, say=said.append, tell=tell)
        for line in said:  # below the bar, not in it
            typer.echo(line)
        return code

    leave(body)


@data_app.command("check")
def data_check(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV or Parquet.")],
    bars: Annotated[str, typer.Option("--bars", metavar="1d|1m|5s", help="Instead of by the file.")] = "",
    symbol: Annotated[str, typer.Option("--symbol", help="Whose calendar counts: SPY, ES@CME.")] = "SPY",
    expiry: Annotated[str, typer.Option("--expiry", metavar="YYYYMM", help="Which contract of a file.")] = "",
    clean: Annotated[
        bool, typer.Option("--clean", help="Drop what cannot be used, and say how much.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write the clean bars here.")
    ] = None,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Read files as a backtest would and name every kind of dirt by row, column and reason.

    Exit code 1 where a file cannot be used as it is. Files are never changed.
    """
    from engine.runtime.shell import data_check as room

    def body() -> int:
        loaded, _ = load_config(context, config, state)
        wish = room.Wish(bars=bars, symbol=symbol.upper(), expiry=expiry, clean=clean, to=to)
        return room.check(loaded, files, wish, say=typer.echo)

    leave(body)


@contextmanager
def _bar() -> Iterator[Callable[[Told], None]]:
    """A progress bar on standard error while requests are answered; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task("asking the broker", total=None)

        def tell(told: Told) -> None:
            wait = f", the broker's pacing: {told.wait_s:.0f} s" if told.wait_s >= 1 else ""
            said = f"{told.key}: {told.bars:,} bars{wait}"
            shown.update(task, description=said, completed=told.done, total=told.total)

        yield tell


def _day(text: str, option: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text!r} is no date like 2024-03-01.", code=2)
