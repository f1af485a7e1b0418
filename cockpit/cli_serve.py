"""The command that shows a running engine in a browser. Its body is imported when it runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit.cli_parts import ConfigFile, StateDir, fail, leave, load_config, options

if TYPE_CHECKING:
    from engine.config import Loaded

_LACKS = "the web view needs textual-serve: pip install -c constraints.txt '.[web]'."


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command("serve")(serve)


def serve(
    context: typer.Context,
    token: Annotated[
        bool, typer.Option("--token", help="Make a token; the page that shows it may take over and act.")
    ] = False,
    port: Annotated[int | None, typer.Option(metavar="N", help="Port instead of web.port.")] = None,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Show a running engine in a browser, on this machine only.

    Read-only without --token: no key of the page does anything. Ends with ctrl+c.
    """

    def body() -> int:
        from engine.runtime.process import remote

        loaded, is_named = load_config(context, config, state)
        engine = remote.find(loaded, is_named=is_named, environ=os.environ)
        file, _ = options(context, config, state)
        return _serve(loaded, Path(engine.holder.socket), port=port, with_token=token, config=file)

    leave(body)


def _serve(loaded: Loaded, socket: Path, *, port: int | None, with_token: bool, config: Path | None) -> int:
    import secrets

    from cockpit.web_guard import is_local

    try:
        from cockpit.web_server import WebView
    except ImportError:
        fail(_LACKS, code=2)
    section = loaded.config.web
    if not is_local(section.host) and not with_token:
        fail(f"web.host = {section.host} is reached from other machines: start it with --token.", code=2)
    word = secrets.token_urlsafe(24) if with_token else ""
    used = port or section.port
    file = None if config is None else config.absolute()
    view = WebView(socket, host=section.host, port=used, token=word, config=file)
    address = f"http://{section.host}:{used}/"
    typer.echo(f"cockpit: {address}{f'?token={word}' if word else ''}")
    typer.echo(
        "cockpit: whoever has this address may act." if word else "cockpit: read-only; nothing can act."
    )
    view.serve()
    return 0
