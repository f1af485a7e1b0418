"""The commands for positions, orders and the record by hand. Bodies are imported when they run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, asker, fail, leave, load_config

if TYPE_CHECKING:
    from pathlib import Path

    from engine.runtime.process.registry import Running

Held = Annotated[str, typer.Argument(metavar="SYMBOL", help="A position, as the cockpit names it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command("move-stop")(move_stop)
    for command in (partial, flatten, cancel, note):
        app.command()(command)


def move_stop(
    context: typer.Context,
    symbol: Held,
    price: Annotated[float, typer.Argument(help="Where it shall stand; rounded away from the market.")],
    yes: Yes = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Move the protective stop of a position.

    Nearer to the market at once. Further away it is asked for again, at a terminal, or needs --yes, and is
    refused where an entry would be or where one trade may not risk so much.
    """
    from engine.runtime.shell import by_hand

    leave(
        lambda: by_hand.move_stop(
            _find(context, config, state), symbol, price, yes=yes, ask=asker(), say=typer.echo
        )
    )


def partial(
    context: typer.Context,
    symbol: Held,
    share: Annotated[float, typer.Argument(metavar="[PERCENT]", help="Of what is held now.")] = 50.0,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Close a part of a position at market; its stop keeps the rest."""
    from engine.runtime.process import remote
    from engine.runtime.shell import by_hand

    leave(
        lambda: remote.give(
            _find(context, config, state), by_hand.partial_command(symbol, share), say=typer.echo
        )
    )


def flatten(
    context: typer.Context,
    symbol: Annotated[str, typer.Argument(metavar="[SYMBOL]", help="A position.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every position of ours.")] = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Close a position, or all; entries stay as they are."""
    if bool(symbol) is every:
        fail("name a position, or say --all.", code=2)
    from engine.api import CommandKind
    from engine.runtime.process import remote

    def body() -> int:
        command = remote.new_command(CommandKind.FLATTEN, target=symbol, reason="shell", confirmed=True)
        return remote.give(_find(context, config, state), command, say=typer.echo)

    leave(body)


def cancel(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="REFERENCE", help="Of an order, as the cockpit names it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Also a stop that protects a position.")] = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Cancel an order at the broker."""
    from engine.api import CommandKind
    from engine.runtime.process import remote

    def body() -> int:
        command = remote.new_command(CommandKind.CANCEL_ORDER, target=ref, reason="shell", confirmed=yes)
        return remote.give(_find(context, config, state), command, say=typer.echo)

    leave(body)


def note(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORDS…", help="What to keep.")],
    symbol: Annotated[str, typer.Option("--symbol", metavar="SYMBOL", help="What it is about.")] = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Keep a note in the record, beside what the engine did; the day's report shows it."""
    from engine.api import CommandKind
    from engine.runtime.process import remote

    def body() -> int:
        command = remote.new_command(CommandKind.NOTE, target=symbol, reason=" ".join(words))
        return remote.give(_find(context, config, state), command, say=typer.echo)

    leave(body)


def _find(context: typer.Context, config: Path | None, state: Path | None) -> Running:
    """The engine that is meant. Raises ConfigError, NotRunningError or UsageError."""
    from engine.runtime.process import remote

    loaded, is_named = load_config(context, config, state)
    return remote.find(loaded, is_named=is_named, environ=os.environ)
