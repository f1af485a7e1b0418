"""The commands about the state on disk: audit, backup, restore, export. Bodies are imported when they run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, leave, load_config

if TYPE_CHECKING:
    from engine.config import Loaded

Account = Annotated[
    str, typer.Option("--account", metavar="ID", help="Whose state, where the folder holds several.")
]
To = Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write here.")]

audit_app = typer.Typer(
    help="Check the event log, look at one order.", rich_markup_mode=None, no_args_is_help=True
)
export_app = typer.Typer(help="Write what is known as JSON.", rich_markup_mode=None, no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(audit_app, name="audit")
    app.add_typer(export_app, name="export")
    app.command("backup")(backup)
    app.command("restore")(restore)


@audit_app.command("verify")
def audit_verify(
    context: typer.Context, account: Account = "", config: ConfigFile = None, state: StateDir = None
) -> None:
    """Recompute every hash of the event log and name the first bad row.

    Exit code 1 where one is bad. Reads only; an engine may run meanwhile.
    """
    from engine.runtime.shell.state_tools import verify_audit

    _run(context, config, state, lambda loaded: verify_audit(loaded.state_dir, account, say=typer.echo))


@audit_app.command("replay")
def audit_replay(
    context: typer.Context, account: Account = "", config: ConfigFile = None, state: StateDir = None
) -> None:
    """Decide every recorded session once more, by the same strategies, gate and ledger.

    Exit code 1 where a wish, a verdict, an order or a row is not as it was written then. Reads only; for a
    session that has ended, with the configuration and the version it ran with.
    """
    from engine.runtime.shell.relive import replay_audit

    _run(context, config, state, lambda loaded: replay_audit(loaded, account, say=typer.echo))


@audit_app.command("order")
def audit_order(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="REF", help="Its reference, or a part no other order has.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    account: Account = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Tell the whole story of one order: preview, verdict, ids, every status, fills, fees.

    Reads only; an engine may run meanwhile.
    """
    from engine.runtime.shell.order_audit import show_order

    def body(loaded: Loaded) -> int:
        return show_order(loaded.state_dir, account, ref, as_json=as_json, say=typer.echo)

    _run(context, config, state, body)


def backup(
    context: typer.Context,
    to: To = None,
    account: Account = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Make a checked backup of the state now; an engine may run meanwhile."""
    from engine.runtime.shell.state_tools import make_backup

    _run(context, config, state, lambda loaded: make_backup(loaded.state_dir, account, to, say=typer.echo))


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup, of this host or another.")],
    account: Account = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Put a backup in the place of the state; what was there is kept aside.

    Refused while an engine runs here, and for the state of another gateway or account.
    """
    from engine.runtime.shell import state_tools

    _run(context, config, state, lambda loaded: state_tools.restore(loaded, account, file, say=typer.echo))


@export_app.command("state")
def export_state(
    context: typer.Context,
    to: To = None,
    account: Account = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Positions, attempts, session, bars, analytics and brakes as JSON, from the database."""
    from engine.runtime.shell.state_tools import export

    _run(context, config, state, lambda loaded: export(loaded.state_dir, account, to, say=typer.echo))


def _run(
    context: typer.Context, config: Path | None, state: Path | None, body: Callable[[Loaded], int]
) -> None:
    leave(lambda: body(load_config(context, config, state)[0]))
