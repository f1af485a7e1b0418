"""The commands about alerts: acknowledge, list, try the channels. Bodies are imported when they run."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, leave, load_config

alerts_app = typer.Typer(help="See alerts, try their channels.", rich_markup_mode=None, no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(alerts_app, name="alerts")
    app.command("ack")(acknowledge)


def acknowledge(
    context: typer.Context,
    alert_id: Annotated[int, typer.Argument(metavar="ID", help="Number of the alert.", min=1)],
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Acknowledge an alert of the running engine: it no longer blocks and is not escalated."""
    from engine.api import CommandKind
    from engine.runtime.process import remote

    def body() -> int:
        loaded, is_named = load_config(context, config, state)
        engine = remote.find(loaded, is_named=is_named, environ=os.environ)
        command = remote.new_command(CommandKind.ACKNOWLEDGE, target=str(alert_id))
        return remote.give(engine, command, say=typer.echo)

    leave(body)


@alerts_app.command("list")
def alerts_list(context: typer.Context, config: ConfigFile = None, state: StateDir = None) -> None:
    """Show every alert that stands in the running engine, with what to do."""
    from engine.runtime.process import remote

    def body() -> int:
        loaded, is_named = load_config(context, config, state)
        engine = remote.find(loaded, is_named=is_named, environ=os.environ)
        return remote.show_alerts(engine, say=typer.echo)

    leave(body)


@alerts_app.command("test")
def alerts_test(context: typer.Context, config: ConfigFile = None, state: StateDir = None) -> None:
    """Send a test message through every channel and remember which worked.

    Exit code 1 where one did not. An engine may run meanwhile.
    """
    from engine.runtime.alerts.trial import try_channels
    from engine.runtime.process.paths import private_state_dir

    def body() -> int:
        loaded, _ = load_config(context, config, state)
        folder = private_state_dir(loaded.state_dir)
        return try_channels(loaded.config, folder, environ=os.environ, say=typer.echo)

    leave(body)
