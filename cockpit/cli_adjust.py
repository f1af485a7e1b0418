"""The commands that change limits and switch strategies while it runs. Bodies are imported when they run."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, asker, leave, load_config

if TYPE_CHECKING:
    from engine.runtime.process.registry import Running

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the change.")]
Yes = Annotated[bool, typer.Option("--yes", help="Let more risk in without asking.")]


class Turn(StrEnum):
    """The two ways of a switch."""

    ON = "on"
    OFF = "off"


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command("set")(set_value)
    app.command()(strategy)
    app.command()(regime)


def set_value(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="What to change; none: list.")] = "",
    value: Annotated[float | None, typer.Argument(metavar="[VALUE]", help="What it shall be.")] = None,
    reason: Reason = "",
    yes: Yes = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Change a limit while it runs: risk per trade, most positions, the caps on one position and on all.

    A lower value acts at once. A higher one is asked for again, at a terminal, or needs --yes.
    """
    from engine.runtime.shell import adjust

    def body() -> int:
        engine = _find(context, config, state)
        if not key:
            return adjust.show(engine, say=typer.echo)
        return adjust.set_value(engine, key, value, reason=reason, yes=yes, ask=asker(), say=typer.echo)

    leave(body)


def strategy(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="As in [strategies.NAME].")],
    turn: Annotated[Turn, typer.Argument(metavar="on|off", help="Off: it enters nothing more.")],
    reason: Reason = "",
    yes: Yes = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Switch a strategy off or on while it runs.

    Off acts at once and lasts over restarts; what it holds it manages to the exit. On is asked for again.
    """
    from engine.runtime.shell import adjust

    def body() -> int:
        engine = _find(context, config, state)
        return adjust.switch(engine, name, turn.value, reason=reason, yes=yes, ask=asker(), say=typer.echo)

    leave(body)


def regime(
    context: typer.Context,
    word: Annotated[str, typer.Argument(metavar="auto|bull|chop|bear|crash", help="auto: as detected.")],
    reason: Reason = "",
    yes: Yes = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Say the regime while it runs, instead of what history says; auto takes it back.

    What narrows acts at once and lasts over restarts. What widens is asked for again.
    """
    from engine.runtime.shell import adjust

    def body() -> int:
        engine = _find(context, config, state)
        return adjust.regime(engine, word, reason=reason, yes=yes, ask=asker(), say=typer.echo)

    leave(body)


def _find(context: typer.Context, config: Path | None, state: Path | None) -> Running:
    """The engine that is meant. Raises ConfigError, NotRunningError or UsageError."""
    from engine.runtime.process import remote

    loaded, is_named = load_config(context, config, state)
    return remote.find(loaded, is_named=is_named, environ=os.environ)
