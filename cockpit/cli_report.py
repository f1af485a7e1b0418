"""The command that makes a report of what is on the disk. Its body is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, leave, load_config
from cockpit.cli_state import Account

Results = Annotated[
    Path | None, typer.Option("--results", metavar="DIR", help="Folder of runs instead of STATE/results.")
]


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(report)


def report(
    context: typer.Context,
    run: Annotated[
        str,
        typer.Argument(metavar="[RUN]", help="A run: its folder, its id or how it begins; else the last."),
    ] = "last",
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write the page here.")] = None,
    notebook: Annotated[
        Path | None, typer.Option("--notebook", metavar="FILE", help="Write a notebook that reads the run.")
    ] = None,
    results: Results = None,
    day: Annotated[
        str, typer.Option("--day", metavar="DATE", help="The report of a trading day instead, 2026-11-20.")
    ] = "",
    account: Account = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Make the HTML report of a backtest or of a trading day; it opens without network."""
    from engine.runtime.shell.reports import report_day, report_run

    def body() -> int:
        loaded, _ = load_config(context, config, state)
        if day:
            return report_day(loaded.state_dir, account, day, to=to, say=typer.echo)
        return report_run(loaded.state_dir, results, run, to=to, notebook_to=notebook, say=typer.echo)

    leave(body)
