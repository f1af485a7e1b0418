"""Behind `cockpit report`: makes the page of a run that is on the disk, and a notebook to go on from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.backtest.notebook import notebook
from engine.backtest.run_directory import NoRunError, find_run
from engine.backtest.run_page import write_report
from engine.config.atomic import write_atomically
from engine.runtime.process.errors import FailedError, UsageError

Say = Callable[[str], None]


def report_run(results: Path, name: str, *, to: Path | None, notebook_to: Path | None, say: Say) -> int:
    """Write the page of a run (its path, its id or a beginning of it, or `last`), and a notebook where asked.

    Raises:
        UsageError: no run is meant by that name, or several.
        FailedError: it cannot be read or written.
    """
    try:
        folder = find_run(results, name)
    except NoRunError as err:
        raise UsageError(f"{err}; name another folder with --results DIR.") from err
    try:
        say(f"{write_report(folder, to)}: the report of run {folder.name}")
        if notebook_to is not None:
            write_atomically(notebook_to, notebook(folder.absolute()))
            say(f"{notebook_to}: a notebook that reads it")
    except (NoRunError, OSError) as err:
        raise FailedError(f"the report of run {folder.name} could not be made: {err}.") from err
    return 0
