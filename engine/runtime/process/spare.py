"""A dry run opens even where nothing can be kept: it gets a spare folder for this run, and says so."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from engine.api import Mode
from engine.config import Loaded
from engine.runtime.process.errors import FailedError
from engine.runtime.process.paths import private_state_dir


def usable_state(loaded: Loaded, mode: Mode) -> tuple[Loaded, str]:
    """The configuration with a state folder that can be written, and a warning where it is a spare one.

    Raises FailedError where the configured folder cannot be used and the mode sends orders: trading never
    starts without a memory that survives it.
    """
    try:
        private_state_dir(loaded.state_dir)
    except FailedError as err:
        if mode is not Mode.DRY_RUN:
            raise
        folder = spare_folder()
        return replace(loaded, state_dir=folder), not_kept(str(err), folder)
    return loaded, ""


def spare_folder() -> Path:
    """A new folder that only this user can read. It is left behind, for its log."""
    return Path(tempfile.mkdtemp(prefix="cockpit-dry-run-"))


def not_kept(why: str, folder: Path) -> str:
    """The warning for people."""
    return f"DRY RUN WITHOUT STATE: {why} This dry run uses {folder}; --paper would be refused."
