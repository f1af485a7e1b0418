"""Commands about what strategies learn. Their bodies are imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, leave, load_config
from cockpit.cli_state import Account

model_app = typer.Typer(help="What strategies have learnt.", rich_markup_mode=None, no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(model_app, name="model")


@model_app.callback()
def model() -> None:
    """What strategies have learnt."""


@model_app.command("report")
def model_report(
    context: typer.Context,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write the page here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say the figures as JSON, write nothing.")] = False,
    account: Account = "",
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Make the page of everything that was learnt: reliability, evidence, drift, real and shadow trades.

    It opens without network; the figures lie beside it as JSON. Reads only; an engine may run meanwhile.
    """
    from engine.runtime.shell.model_report import report_models

    def body() -> int:
        loaded, _ = load_config(context, config, state)
        return report_models(loaded.state_dir, account, to=to, as_json=as_json, say=typer.echo)

    leave(body)
