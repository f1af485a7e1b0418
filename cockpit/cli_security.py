"""The commands about secrets and about deleting what is old. Bodies are imported when they run."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, asker, leave, load_config

secrets_app = typer.Typer(
    help="See which secrets are in use, record a change.", rich_markup_mode=None, no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(secrets_app, name="secrets")
    app.command("purge")(purge)


@secrets_app.command("list")
def secrets_list(context: typer.Context, config: ConfigFile = None, state: StateDir = None) -> None:
    """Show each secret in use: where it lies, when it was changed. Never the secret.

    Exit code 1 where one is missing or due.
    """
    from engine.runtime.shell.secret_tools import show_secrets

    leave(
        lambda: show_secrets(load_config(context, config, state)[0], environ=os.environ, say=typer.echo),
    )


@secrets_app.command("rotated")
def secrets_rotated(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As listed: alert-phone, gateway.")],
    on: Annotated[str, typer.Option("--on", metavar="DATE", help="The day, instead of today.")] = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Record that a secret was changed; only the day is kept."""
    from engine.runtime.shell.secret_tools import record_rotation

    def body() -> int:
        loaded, _ = load_config(context, config, state)
        return record_rotation(loaded.config, loaded.state_dir, name, on, say=typer.echo)

    leave(body)


def purge(
    context: typer.Context,
    older_than: Annotated[
        int | None, typer.Option("--older-than", metavar="DAYS", help="Instead of log.retention_days.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Delete old logs, records, backups and reports now.

    Never what is held, trades or evidence. Refused while an engine runs here.
    """
    from datetime import UTC, datetime

    from engine.runtime.shell import purge as room

    def body() -> int:
        loaded, _ = load_config(context, config, state)
        days = loaded.config.log.retention_days if older_than is None else older_than
        return room.purge(
            loaded.state_dir, days=days, yes=yes, ask=asker(), say=typer.echo, now=datetime.now(UTC)
        )

    leave(body)
