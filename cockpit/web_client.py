"""The screen behind one page of the web view: an attach client that textual-serve starts and ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import cast

from cockpit.app import CockpitApp
from cockpit.exits import Exit
from cockpit.launcher import settings_of
from engine.config import load
from engine.runtime.process.errors import StartError
from engine.runtime.process.link import Role, SocketHandle


def main(arguments: list[str]) -> int:
    """`SOCKET ROLE [CONFIG]`; the driver is the one that textual-serve names in the environment."""
    socket, role, *config = arguments
    loaded = load(
        path=Path(config[0]) if config else None,
        overrides={},
        environ=os.environ,
        cwd=Path.cwd(),
        mode="PAPER",
    )
    try:
        handle = SocketHandle.connect(Path(socket), role=cast("Role", role))
    except StartError as err:
        print(f"cockpit: {err}", file=sys.stderr)  # noqa: T201 - for whoever started the web view
        return err.exit_code
    how = CockpitApp(handle, settings=settings_of(loaded)).run(mouse=False)
    if how in {Exit.STOP_FLATTEN, Exit.STOP_KEEP}:
        from engine.runtime.process.remote import stop_and_wait

        return stop_and_wait(handle, "flatten" if how is Exit.STOP_FLATTEN else "keep", say=_quiet)
    handle.close(asked=how is Exit.DETACH)
    return 0


def _quiet(_line: str) -> None:
    """The page is gone; nobody reads."""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
