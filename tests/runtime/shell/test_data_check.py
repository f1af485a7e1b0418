"""`cockpit data check`: what is wrong in a file is said line by line, and a clean copy is one that loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import Loaded, load
from engine.runtime.process.errors import FailedError, UsageError
from engine.runtime.shell.data_check import Wish, check
from tests.backtest.data.made import csv_file

ROWS = [f"2024-03-04T14:{minute}:00Z,10,11,9,10.5,100" for minute in range(30, 42)]
DIRTY = [*ROWS, ROWS[3], "2024-03-04T14:45:00Z,10,11,9,NaN,100"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """A state folder of its own, in which the calendar is made once."""
    folder = tmp_path_factory.mktemp("state")
    return load(overrides={"state.dir": str(folder)}, environ={}, cwd=folder, mode="PAPER")


@pytest.mark.req("PLAN-M2-DATA-FILE")
def test_a_dirty_file_is_named_row_by_row_and_a_clean_copy_of_it_loads(
    loaded: Loaded, tmp_path: Path
) -> None:
    said: list[str] = []
    dirty, clean = csv_file(tmp_path, *DIRTY), tmp_path / "clean.parquet"

    refused = check(loaded, [dirty], Wish("SPY"), say=said.append)
    cleaned = check(loaded, [dirty], Wish("SPY", clean=True, to=clean), say=said.append)
    good = check(loaded, [clean], Wish("SPY", bars="1m"), say=said.append)

    assert (refused, cleaned, good) == (1, 0, 0)
    assert said[:3] == [
        "SPY.csv (14 rows) is not clean and was not used:",
        "  column close, 1 row: has no price (empty, NaN or infinite): line 15 (2024-03-04T14:45:00Z)",
        "  column ts, 1 row: repeats the first row of its time: line 14 (2024-03-04T14:33:00Z)",
    ]
    assert "SPY.csv: 14 rows, 12 kept" in said
    assert "clean.parquet: 12 rows, clean" in said
    assert said[-1].startswith("clean: 378 bars are missing inside 1 sessions, most on 2024-03-04")


def test_nothing_is_written_over_and_a_copy_is_of_one_file(loaded: Loaded, tmp_path: Path) -> None:
    file = csv_file(tmp_path, *ROWS)

    with pytest.raises(FailedError, match="is there already; nothing was written"):
        check(loaded, [file], Wish("SPY", clean=True, to=file), say=print)
    with pytest.raises(UsageError, match="--to takes --clean and one file"):
        check(loaded, [file, file], Wish("SPY", clean=True, to=file), say=print)
    with pytest.raises(UsageError, match="no calendar for 'MOON'"):
        check(loaded, [file], Wish("ES@MOON"), say=print)


def test_one_file_that_cannot_be_used_does_not_hide_the_others(loaded: Loaded, tmp_path: Path) -> None:
    said: list[str] = []
    good = csv_file(tmp_path, *ROWS, name="good.csv")

    assert check(loaded, [tmp_path / "none.csv", good], Wish("SPY"), say=said.append) == 1
    assert said[0].startswith("none.csv cannot be read")
    assert said[1] == "good.csv: 12 rows, clean"
