"""The commands about go/no-go: what --live still lacks, and waivers. Bodies are imported when they run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, absolute, asker, fail, leave, options

if TYPE_CHECKING:
    from engine.config import Loaded

gates_app = typer.Typer(
    help="Show what --live still lacks; waive one gate.", rich_markup_mode=None, invoke_without_command=True
)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(gates_app, name="gates")


@gates_app.callback()
def gates(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Show every gate of --live with its evidence and its age.

    Exit code 1 where one is closed. Reads only; an engine may run meanwhile.
    """
    if context.invoked_subcommand is not None:
        context.find_root().obj = options(context, config, state)
        return
    from engine.runtime.shell.gates import show_gates

    leave(
        lambda: show_gates(
            _loaded(context, config, state), environ=os.environ, as_json=as_json, say=typer.echo
        )
    )


@gates_app.command()
def waive(
    context: typer.Context,
    gate: Annotated[str, typer.Argument(metavar="GATE", help="Its name, as `cockpit gates` lists it.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the waiver.")],
    days: Annotated[float, typer.Option("--days", metavar="N", help="How long, at most 7.")] = 1.0,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Do without one gate for some days; its name must be typed again.

    Refused while an engine runs here.
    """
    from engine.runtime.shell.gates import waive as do

    leave(
        lambda: do(
            _loaded(context, config, state), gate, reason=reason, days=days, ask=asker(), say=typer.echo
        )
    )


def _loaded(context: typer.Context, config: Path | None, state: Path | None) -> Loaded:
    """The configuration as --live would read it. Raises ConfigError."""
    from engine.config import load

    config, state = options(context, config, state)
    overrides = {"state.dir": absolute(state)}
    return load(path=config, overrides=overrides, environ=os.environ, cwd=Path.cwd(), mode="LIVE")


def ask_live(config: Path | None, overrides: dict[str, object]) -> str:
    """Whether --live may start: the account id that was typed for it, empty where it is remembered.

    Leaves with the list of what is missing.
    """
    from engine.config import ConfigError, load
    from engine.runtime.modes.live import permission
    from engine.runtime.process.errors import StartError

    try:
        loaded = load(path=config, overrides=overrides, environ=os.environ, cwd=Path.cwd(), mode="LIVE")
        return permission(loaded, environ=os.environ, ask=asker(), say=typer.echo)
    except ConfigError as err:
        fail(str(err), code=2)
    except StartError as err:
        fail(str(err), code=err.exit_code)
