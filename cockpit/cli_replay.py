"""The command that shows a past session again. Its body is imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, leave, load_config
from cockpit.cli_state import Account

Session = Annotated[
    str, typer.Argument(metavar="[SESSION]", help="Number in the list, a date, or the start of a run's id.")
]


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command("replay")(replay)


def replay(
    context: typer.Context,
    session: Session = "",
    speed: Annotated[
        float, typer.Option(metavar="N", help="Seconds of the session in one, 1 to 1000.")
    ] = 1.0,
    account: Account = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Show a past session again, in the same screens; without a session, list them.

    Reads only; an engine may run meanwhile. Nothing can act in a replay.
    """
    from cockpit import launcher
    from engine.runtime.shell import replay as replays

    def body() -> int:
        loaded, _ = load_config(context, config, state)
        if not session:
            return replays.list_sessions(loaded.state_dir, account, say=typer.echo)
        return launcher.replay(replays.player_of(loaded.state_dir, account, session, speed=speed), loaded)

    leave(body)
