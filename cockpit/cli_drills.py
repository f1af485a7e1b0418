"""The commands that practise for a bad day: drills listed, run and remembered. Bodies are imported late."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit import __version__
from cockpit.cli_parts import ConfigFile, StateDir, leave, load_config

if TYPE_CHECKING:
    from engine.config import Loaded


def add_to(app: typer.Typer) -> None:
    """Put these commands under `drill`."""
    app.command("list")(list_drills)
    app.command("run")(run)
    app.command("all")(run_all)
    app.command("results")(results)


def list_drills(context: typer.Context, config: ConfigFile = None, state: StateDir = None) -> None:
    """Tell every drill, its limits and how it went last."""
    from engine.runtime.shell.drills import list_drills as do

    leave(lambda: do(_loaded(context, config, state), say=typer.echo))


def run(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="As `cockpit drill list` names them.")],
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Run these drills on a private paper gateway; no running session is touched.

    Exit code 1 where one failed.
    """
    from engine.runtime.shell.drills import run_drills

    leave(lambda: run_drills(_loaded(context, config, state), names, version=__version__, say=typer.echo))


def run_all(context: typer.Context, config: ConfigFile = None, state: StateDir = None) -> None:
    """Run every drill, one after the other; about a minute.

    Exit code 1 where one failed.
    """
    from engine.runtime.drills.catalogue import DRILLS
    from engine.runtime.shell.drills import run_drills

    leave(
        lambda: run_drills(
            _loaded(context, config, state), tuple(DRILLS), version=__version__, say=typer.echo
        )
    )


def results(context: typer.Context, config: ConfigFile = None, state: StateDir = None) -> None:
    """Tell every drill that was run here, oldest first."""
    from engine.runtime.shell.drills import show_results

    leave(lambda: show_results(_loaded(context, config, state), say=typer.echo))


def _loaded(context: typer.Context, config: Path | None, state: Path | None) -> Loaded:
    """The configuration whose state folder keeps the results. Raises ConfigError."""
    return load_config(context, config, state)[0]
