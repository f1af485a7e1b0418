"""The commands about the day ahead: what is planned, and which levels there are. Bodies run when they do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, fail, leave, load_config


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(plan)
    app.command()(scan)


def plan(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Print the day without trading.

    Sessions, universe with reasons, setups, limits, data lines. Asks a running engine; without one it comes
    from the configuration, the calendars and the scanner files.
    """
    from engine.runtime.shell.plan import show_plan

    def body() -> int:
        loaded, is_named = load_config(context, config, state)
        return show_plan(loaded, is_named=is_named, environ=os.environ, as_json=as_json, say=typer.echo)

    leave(body)


def scan(
    context: typer.Context,
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="[SYMBOL]...", help="SPY, ES@CME; all that is traded.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scanner file itself.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Put it into universe.scanner_dir, where engines look.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Write over the file of the day.")] = False,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Only read a scanner file, name bad rows.")
    ] = None,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Find the pivots, targets and scores of the day in history.

    Asks a running engine, else the broker itself, read-only. Nothing is traded by it.
    """
    from engine.runtime.shell.scan import Wish, check_file, show_scan

    if check is not None:
        if symbols or write or as_json:
            fail("--check reads one file and takes nothing else.", code=2)
        leave(lambda: check_file(check, say=typer.echo))
    wish = Wish(tuple(symbols or ()), as_json, write or replace, replace)

    def body() -> int:
        loaded, is_named = load_config(context, config, state)
        return show_scan(loaded, wish, is_named=is_named, environ=os.environ, say=typer.echo)

    leave(body)
