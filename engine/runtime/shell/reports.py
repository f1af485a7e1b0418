"""Behind `cockpit report`: the page of a backtest or of a trading day, made from what is on the disk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from engine.backtest.notebook import notebook
from engine.backtest.run_directory import NoRunError, find_run, results_folder
from engine.backtest.run_page import write_report
from engine.config.atomic import write_atomically
from engine.runtime.keeping.day_report import page_of
from engine.runtime.process.errors import FailedError, UsageError
from engine.runtime.shell.state_tools import the_database
from engine.store.errors import StoreError

Say = Callable[[str], None]


def report_run(
    state_dir: Path, results: Path | None, name: str, *, to: Path | None, notebook_to: Path | None, say: Say
) -> int:
    """Write the page of a run (its path, its id or a beginning of it, or `last`), and a notebook where asked.

    Runs are looked for in `results`, else where they go by themselves.

    Raises:
        UsageError: no run is meant by that name, or several.
        FailedError: it cannot be read or written.
    """
    try:
        folder = find_run(results or results_folder(state_dir), name)
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


def report_day(state_dir: Path, account: str, day: str, *, to: Path | None, say: Say) -> int:
    """Write the page of a trading day (`YYYY-MM-DD`, a date of New York); an engine may run meanwhile.

    Raises:
        UsageError: no day, or no (single) account is meant.
        FailedError: the store cannot be read, or the page not written.
    """
    try:
        asked = date.fromisoformat(day)
    except ValueError as err:
        raise UsageError(f"--day {day}: expected a date such as 2026-11-20.") from err
    database = the_database(state_dir, account)
    target = to or database.parent / "days" / f"report_{asked:%Y%m%d}.html"
    try:
        page = page_of(database, asked)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(target, page)
    except (StoreError, OSError) as err:
        raise FailedError(f"the report of {asked} could not be made: {err}.") from err
    say(f"{target}: the report of {asked}")
    return 0
