"""The commands that brake a running engine, and lift its brakes. Bodies are imported when they run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit import cli_drills
from cockpit.cli_parts import ConfigFile, StateDir, asker, fail, leave, load_config

if TYPE_CHECKING:
    from engine.api import CommandKind, Scope
    from engine.runtime.process.registry import Running

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the brake.")]
NeededReason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why it may go on; kept with the brake.")
]
Strategy = Annotated[
    str | None, typer.Option("--strategy", metavar="NAME", help="Only this strategy instead of the account.")
]
Symbol = Annotated[
    str | None, typer.Option("--symbol", metavar="SYMBOL", help="Only this symbol instead of the account.")
]


drill_app = typer.Typer(help="Practise for the worst, in PAPER.", rich_markup_mode=None, no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(drill_app, name="drill")
    cli_drills.add_to(drill_app)
    for command in (pause, halt, kill, resume):
        app.command()(command)


def pause(
    context: typer.Context,
    reason: Reason = "operator",
    strategy: Strategy = None,
    symbol: Symbol = None,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Block new entries; exits and stops go on."""
    from engine.api import CommandKind

    scope = _scope(strategy, symbol)
    leave(lambda: _brake(_find(context, config, state), CommandKind.PAUSE, scope, reason))


def halt(
    context: typer.Context,
    reason: Reason = "operator",
    strategy: Strategy = None,
    symbol: Symbol = None,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Block entries, cancel what adds risk; stops stay."""
    from engine.api import CommandKind

    scope = _scope(strategy, symbol)
    leave(lambda: _brake(_find(context, config, state), CommandKind.HALT, scope, reason))


def kill(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Flatten without asking for the word.")] = False,
    at_open: Annotated[
        bool, typer.Option("--at-open", help="Close at the open what a shut market keeps open.")
    ] = False,
    reason: Reason = "operator",
    strategy: Strategy = None,
    symbol: Symbol = None,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Halt at once, then close every position.

    Asks for the word FLATTEN at a terminal; elsewhere it needs --yes, or it only halts. An engine that does
    not answer within 2 s is ended, and the same is done in its name.
    """
    from engine.runtime.process.remote_kill import KillRequest
    from engine.runtime.process.remote_kill import kill as kill_now

    request = KillRequest(_scope(strategy, symbol), reason, yes, at_open)

    def body() -> int:
        engine = _find(context, config, state)
        return kill_now(engine, request, ask=asker(), say=typer.echo, environ=os.environ)

    leave(body)


def resume(
    context: typer.Context,
    reason: NeededReason,
    strategy: Strategy = None,
    symbol: Symbol = None,
    account: Annotated[
        str,
        typer.Option(metavar="ID", help="The account id, needed after HALT or KILL; else it is asked for."),
    ] = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Lift a brake."""
    from engine.runtime.process import remote

    scope = _scope(strategy, symbol)

    def body() -> int:
        engine = _find(context, config, state)
        return remote.resume(engine, scope=scope, reason=reason, account=account, ask=asker(), say=typer.echo)

    leave(body)


@drill_app.command("kill")
def drill_kill(context: typer.Context, config: ConfigFile = None, state: StateDir = None) -> None:
    """Place far-away test orders, kill, measure, keep the result, go on.

    Refused outside PAPER and while anything is held, worked or braked.
    """
    from engine.api import CommandKind
    from engine.runtime.process import remote

    def body() -> int:
        command = remote.new_command(CommandKind.DRILL, target="kill", reason="drill")
        return remote.give(_find(context, config, state), command, say=typer.echo)

    leave(body)


def _brake(engine: Running, kind: CommandKind, scope: Scope, reason: str) -> int:
    from engine.runtime.process import remote

    return remote.pause_or_halt(engine, kind, scope=scope, reason=reason, say=typer.echo)


def _scope(strategy: str | None, symbol: str | None) -> Scope:
    if strategy and symbol:
        fail("choose one of --strategy and --symbol.", code=2)
    from engine.runtime.process.remote import scope_of

    return scope_of(strategy=strategy, symbol=symbol)


def _find(context: typer.Context, config: Path | None, state: Path | None) -> Running:
    """The engine that is meant. Raises ConfigError, NotRunningError or UsageError."""
    from engine.runtime.process import remote

    loaded, is_named = load_config(context, config, state)
    return remote.find(loaded, is_named=is_named, environ=os.environ)
