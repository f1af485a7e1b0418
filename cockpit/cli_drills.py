"""The commands that practise for a bad day: drills listed, run and remembered. Bodies are imported late."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit import __version__
from cockpit.cli_parts import ConfigFile, StateDir, leave, load_config

if TYPE_CHECKING:
    from engine.config import Loaded


Steps = Annotated[bool, typer.Option("--steps", help="Tell each step of a drill when it is taken.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands under `drill`."""
    app.command("list")(list_drills)
    app.command("run")(run)
    app.command("all")(run_all)
    app.command("results")(results)


def _end_cleanly() -> None:
    """Make ctrl+c and `kill` take the drill's place down, also where this was started in the background.

    Shells have what they start there ignore ctrl+c.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def list_drills(context: typer.Context, config: ConfigFile = None, state: StateDir = None) -> None:
    """Tell every drill, its limits and how it went last."""
    from engine.runtime.shell.drills import list_drills as do

    leave(lambda: do(_loaded(context, config, state), say=typer.echo))


def run(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="As `cockpit drill list` names them.")],
    config: ConfigFile = None,
    state: StateDir = None,
    steps: Steps = False,
) -> None:
    """Run these drills on a private paper gateway; no running session is touched.

    Exit code 1 where one failed.
    """
    from engine.runtime.shell.drills import run_drills

    _end_cleanly()
    leave(
        lambda: run_drills(
            _loaded(context, config, state), names, version=__version__, say=typer.echo, steps=steps
        )
    )


def run_all(
    context: typer.Context, config: ConfigFile = None, state: StateDir = None, steps: Steps = False
) -> None:
    """Run every drill, one after the other; about a minute.

    Exit code 1 where one failed.
    """
    from engine.runtime.drills.catalogue import DRILLS
    from engine.runtime.shell.drills import run_drills

    _end_cleanly()
    leave(
        lambda: run_drills(
            _loaded(context, config, state), tuple(DRILLS), version=__version__, say=typer.echo, steps=steps
        )
    )


def results(context: typer.Context, config: ConfigFile = None, state: StateDir = None) -> None:
    """Tell every drill that was run here, oldest first."""
    from engine.runtime.shell.drills import show_results

    leave(lambda: show_results(_loaded(context, config, state), say=typer.echo))


def _loaded(context: typer.Context, config: Path | None, state: Path | None) -> Loaded:
    """The configuration whose state folder keeps the results. Raises ConfigError."""
    return load_config(context, config, state)[0]
