"""The command line: what can be asked for. Every body is imported when its command runs, so help is quick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cockpit import (
    __version__,
    cli_adjust,
    cli_alerts,
    cli_backtest,
    cli_brakes,
    cli_by_hand,
    cli_data,
    cli_day,
    cli_gates,
    cli_model,
    cli_order,
    cli_orphans,
    cli_replay,
    cli_report,
    cli_security,
    cli_serve,
    cli_state,
    cli_sweep,
)
from cockpit.cli_parts import ConfigFile, StateDir, absolute, fail, leave, load_config, need_linux, options

if TYPE_CHECKING:
    from engine.runtime.process.registry import Running

app = typer.Typer(
    name="cockpit",
    help="A keyboard-driven trading cockpit: strategies trade, the engine keeps them safe, you steer.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 no engine running, 4 refused.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
)
config_app = typer.Typer(help="Look at the configuration.", rich_markup_mode=None, no_args_is_help=True)
app.add_typer(config_app, name="config")


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    paper: Annotated[bool, typer.Option("--paper", help="Trade a paper account.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Connect and decide, send nothing (default).")
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="Trade real money: says what is missing.")] = False,
    headless: Annotated[bool, typer.Option("--headless", help="Run without a screen.")] = False,
    speed: Annotated[float | None, typer.Option(metavar="N", help="Speed of the simulated exchange.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed of the simulated market.")] = None,
    world: Annotated[
        str | None, typer.Option(metavar="W", help="What is to be learnt of it: null, edge, flip, costly.")
    ] = None,
    tape: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Recorded day that becomes the market.")
    ] = None,
    config: ConfigFile = None,
    state: StateDir = None,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Start the cockpit, or attach to the engine that already runs here."""
    if version:
        typer.echo(f"cockpit {__version__}")
        raise typer.Exit(0)
    need_linux()
    if context.invoked_subcommand is not None:
        context.obj = (config, state)
        return
    if paper + dry_run + live > 1:
        fail("choose one of --paper, --dry-run and --live.", code=2)
    overrides: dict[str, object] = {
        "broker.speed": speed,
        "broker.seed": seed,
        "broker.world": world,
        "broker.tape": str(tape.absolute()) if tape is not None else None,
        "state.dir": absolute(state),
    }
    typed = cli_gates.ask_live(config, overrides) if live else ""
    from cockpit import launcher

    asked = launcher.Start(
        mode="LIVE" if live else "PAPER" if paper else "DRY_RUN",
        headless=headless,
        config=config,
        overrides=overrides,
        version=__version__,
        typed_account=typed,
    )
    raise typer.Exit(launcher.start(asked))


@app.command()
def attach(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Only watch, also where nobody acts.")] = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Open the screen on a running engine; it acts where no other screen does, else it watches."""
    from cockpit import launcher

    launcher.draw_first()
    from engine.runtime.process import remote

    def body() -> int:
        loaded, is_named = load_config(context, config, state)
        engine = remote.find(loaded, is_named=is_named, environ=os.environ)
        return launcher.attach(Path(engine.holder.socket), loaded, role="watcher" if watch else "screen")

    leave(body)


@app.command()
def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """Show what a running engine holds and does."""
    from engine.runtime.process import remote

    engine = _find(context, config, state)
    leave(lambda: remote.show_status(engine, as_json=as_json, say=typer.echo))


@app.command()
def stop(
    context: typer.Context,
    keep: Annotated[
        bool, typer.Option("--keep", help="Positions stay, with their stops at the broker.")
    ] = False,
    flatten: Annotated[bool, typer.Option("--flatten", help="Close the positions first.")] = False,
    config: ConfigFile = None,
    state: StateDir = None,
) -> None:
    """End a running engine.

    Without an option, shutdown.on_signal says what happens to the positions.
    """
    if keep and flatten:
        fail("choose one of --keep and --flatten.", code=2)
    from engine.runtime.process import remote
    from engine.runtime.process.errors import NotRunningError

    target = "keep" if keep else "flatten" if flatten else ""

    def body() -> int:
        loaded, is_named = load_config(context, config, state)
        try:
            engine = remote.find(loaded, is_named=is_named, environ=os.environ)
        except NotRunningError:
            return remote.stop_gateway(loaded.state_dir, say=typer.echo)
        return remote.stop(engine, target, say=typer.echo)

    leave(body)


@app.command()
def doctor(context: typer.Context, config: ConfigFile = None, state: StateDir = None) -> None:
    """Check that everything a run needs is here."""
    from cockpit.tty import colours
    from engine.runtime.shell.doctor import examine

    config, state = options(context, config, state)
    failed = False
    for check in examine(
        config=config,
        overrides={"state.dir": absolute(state)},
        environ=os.environ,
        cwd=Path.cwd(),
        colours=colours(),
    ):
        failed = failed or check.verdict == "fail"
        typer.echo(str(check))
    raise typer.Exit(1 if failed else 0)


@app.command()
def strategies() -> None:
    """List the strategies that a configuration can name."""
    from engine.runtime.catalogue import lines

    for line in lines():
        typer.echo(line)


@config_app.command("show")
def config_show(context: typer.Context, config: ConfigFile = None, state: StateDir = None) -> None:
    """Show every key, its value, its unit and where it came from."""

    def body() -> int:
        from engine.config import render

        loaded, _ = load_config(context, config, state)
        typer.echo(render(loaded))
        return 0

    leave(body)


cli_adjust.add_to(app)
cli_alerts.add_to(app)
cli_brakes.add_to(app)
cli_by_hand.add_to(app)
cli_order.add_to(app)
cli_state.add_to(app)
cli_orphans.add_to(app)
cli_gates.add_to(app)
cli_security.add_to(app)
cli_day.add_to(app)
cli_data.add_to(app)
cli_model.add_to(app)
cli_report.add_to(app)
cli_replay.add_to(app)
cli_serve.add_to(app)
cli_backtest.add_to(app)
cli_sweep.add_to(app)


def run() -> int:
    """Run the command line; returns the process exit code."""
    os.umask(0o077)  # whatever this process and its children write is its owner's alone
    try:
        app(standalone_mode=True)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    except KeyboardInterrupt:
        return 1
    return 0


def _find(context: typer.Context, config: Path | None, state: Path | None) -> Running:
    """The engine that is meant; leaves with a sentence where there is none."""
    from engine.config import ConfigError
    from engine.runtime.process import remote
    from engine.runtime.process.errors import StartError

    try:
        loaded, is_named = load_config(context, config, state)
        return remote.find(loaded, is_named=is_named, environ=os.environ)
    except ConfigError as err:
        fail(str(err), code=2)
    except StartError as err:
        fail(str(err), code=err.exit_code)
