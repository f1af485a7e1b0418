"""The commands that settle what differs from the broker from a shell. Bodies are imported when they run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, asker, leave, load_config, options

if TYPE_CHECKING:
    from engine.runtime.process.registry import Running

Rows = Annotated[list[str], typer.Argument(metavar="ROW…", help="Row ids or symbols, as listed.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]

orphans_app = typer.Typer(
    help="List and settle what differs from the broker.", rich_markup_mode=None, invoke_without_command=True
)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(orphans_app, name="orphans")


@orphans_app.callback()
def orphans(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """List what differs from the broker, or settle it: adopt, close, foreign, cancel, not-sent."""
    if context.invoked_subcommand is not None:
        context.find_root().obj = options(context, config, state)
        return
    from engine.runtime.shell.orphans import show

    leave(lambda: show(_find(context, config, state), as_json=as_json, say=typer.echo))


@orphans_app.command()
def adopt(
    context: typer.Context,
    rows: Rows,
    stop: Annotated[
        float | None, typer.Option("--stop", metavar="PRICE", help="Stop instead of the proposed one.")
    ] = None,
    yes: Yes = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Take positions over, with a protective stop at the broker."""
    _settle(context, "adopt", rows, stop=stop, yes=yes, config=config, state=state)


@orphans_app.command()
def close(
    context: typer.Context, rows: Rows, yes: Yes = False, config: ConfigFile = None, state: StateDir = None
) -> None:
    """Close exactly these quantities at market, reducing only."""
    _settle(context, "close", rows, yes=yes, config=config, state=state)


@orphans_app.command()
def foreign(
    context: typer.Context, rows: Rows, yes: Yes = False, config: ConfigFile = None, state: StateDir = None
) -> None:
    """Leave positions or orders alone for good."""
    _settle(context, "foreign", rows, yes=yes, config=config, state=state)


@orphans_app.command()
def cancel(
    context: typer.Context, rows: Rows, yes: Yes = False, config: ConfigFile = None, state: StateDir = None
) -> None:
    """Cancel orders at the broker."""
    _settle(context, "cancel", rows, yes=yes, config=config, state=state)


@orphans_app.command("not-sent")
def not_sent(
    context: typer.Context, rows: Rows, yes: Yes = False, config: ConfigFile = None, state: StateDir = None
) -> None:
    """Say that orders of unknown fate never reached the market. Look in TWS first: they stop counting."""
    _settle(context, "not_sent", rows, yes=yes, config=config, state=state)


def _settle(
    context: typer.Context,
    choice: str,
    rows: list[str],
    *,
    yes: bool,
    config: Path | None,
    state: Path | None,
    stop: float | None = None,
) -> None:
    from engine.api_recovery import RecoveryChoice
    from engine.runtime.shell.orphans import settle

    def body() -> int:
        engine = _find(context, config, state)
        return settle(engine, RecoveryChoice(choice), rows, stop=stop, yes=yes, ask=asker(), say=typer.echo)

    leave(body)


def _find(context: typer.Context, config: Path | None, state: Path | None) -> Running:
    from engine.runtime.process import remote

    loaded, is_named = load_config(context, config, state)
    return remote.find(loaded, is_named=is_named, environ=os.environ)
