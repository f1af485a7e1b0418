"""What every command of the shell shares: its options, the configuration it loads, how it leaves."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

if TYPE_CHECKING:
    from engine.config import Loaded

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration file instead of cockpit.toml.")
]
StateDir = Annotated[
    Path | None, typer.Option("--state", metavar="DIR", help="State folder instead of state.dir.")
]


SYSTEM: Final[str] = sys.platform


def need_linux() -> None:
    """Leave with a sentence where this is another system, instead of with an import that fails somewhere."""
    if SYSTEM != "linux":
        fail("the cockpit runs on Linux only; on Windows use it inside WSL2 (docs/install.md).", code=4)


def load_config(context: typer.Context, config: Path | None, state: Path | None) -> tuple[Loaded, bool]:
    """The configuration, and whether the state folder was named on purpose. Raises ConfigError."""
    from engine.config import load

    config, state = options(context, config, state)
    overrides = {"state.dir": absolute(state)}
    loaded = load(path=config, overrides=overrides, environ=os.environ, cwd=Path.cwd(), mode="PAPER")
    return loaded, config is not None or state is not None


def options(
    context: typer.Context, config: Path | None, state: Path | None
) -> tuple[Path | None, Path | None]:
    """--config and --state are taken before and after the command's name."""
    root = context.find_root().obj
    before: tuple[Path | None, Path | None] = root if isinstance(root, tuple) else (None, None)
    return config or before[0], state or before[1]


def leave(body: Callable[[], int]) -> NoReturn:
    """Run a command's body and leave with its exit code; expected failures become a sentence."""
    from engine.config import ConfigError
    from engine.runtime.process.errors import StartError

    try:
        code = body()
    except ConfigError as err:
        fail(str(err), code=2)
    except StartError as err:
        fail(str(err), code=err.exit_code)
    raise typer.Exit(code)


def absolute(path: Path | None) -> str | None:
    """A path as a configuration value, from the current folder."""
    return str(path.absolute()) if path is not None else None


def fail(sentence: str, *, code: int) -> NoReturn:
    """Leave with a sentence on standard error."""
    typer.echo(f"cockpit: {sentence}", err=True)
    raise typer.Exit(code)


def asker() -> Callable[[str], str] | None:
    """How to ask for a word; None where nobody sits at a terminal."""
    return input if sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() else None
