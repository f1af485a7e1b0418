"""`cockpit scan` at a terminal: what is told, which file is written, and what a bad file says."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from engine.domain.setup import Setup
from engine.market.scan_file import parse_scan_file
from engine.runtime.process.errors import FailedError, RefusedError, StartError, UsageError
from engine.runtime.shell.scan import Found, _write, check_file, lines_of

DAY = date(2026, 11, 20)
SPY = Setup(key="SPY", day=DAY, resistance=101.0, support=99.0, long_targets=(102.0,), score=40.0)
QQQ = Setup(key="QQQ", day=DAY, resistance=51.0, support=49.0, score=60.0)
FOUND = Found(DAY, (SPY, QQQ), ("NEW\x1b[2J (no_history)",))


def test_people_read_the_best_first_and_what_has_no_levels() -> None:
    assert lines_of(FOUND, Path("x.json")) == [
        "2 setups for 2026-11-20",
        "  QQQ      score  60.0  above 51 → no target  below 49 → no target",
        "  SPY      score  40.0  above 101 → 102  below 99 → no target",
        "  no levels: NEW [2J (no_history)",
        "written to x.json",
    ]


def test_a_level_is_told_to_its_last_tick() -> None:
    zn = Setup(key="ZNZ6", day=DAY, resistance=108.671875, support=108.234375, score=45.0)

    assert lines_of(Found(DAY, (zn,), ()), None)[1].endswith(
        "above 108.671875 → no target  below 108.234375 → no target"
    )


@pytest.mark.req("PS60-SCANNER")
def test_a_written_file_is_one_that_engines_read_and_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = _write(tmp_path / "scanner", FOUND, replace=False)
    assert path.name == "scanner_results_20261120.json"
    read = parse_scan_file(path.read_text(), name=path.name, day=DAY)
    assert ({s.key for s in read.setups}, read.bad) == ({"SPY", "QQQ"}, ())

    with pytest.raises(RefusedError, match="left alone"):
        _write(tmp_path / "scanner", FOUND._replace(setups=(SPY,)), replace=False)
    _write(tmp_path / "scanner", FOUND._replace(setups=(SPY,)), replace=True)
    assert "QQQ" not in path.read_text()


def test_a_file_with_bad_rows_names_them_and_counts_the_others(tmp_path: Path) -> None:
    path = tmp_path / "scanner_results_20261120.json"
    rows = [{"symbol": "SPY", "resistance": 101.0, "support": 99.0}, {"symbol": "X\x1b", "resistance": "1"}]
    path.write_text(json.dumps({"date": "2026-11-20", "setups": rows}))
    said: list[str] = []
    assert check_file(path, say=said.append) == 1
    assert said == [
        "row 2 X : resistance: Input should be a valid number",
        "1 setups for 2026-11-20, 1 rows left out",
    ]


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("watch.json", "{}", UsageError),
        ("scanner_results_20261120.json", "{", FailedError),
        ("scanner_results_20261121.json", '{"date": "2026-11-20", "setups": []}', FailedError),
        ("scanner_results_20261122.json", None, FailedError),
    ],
)
def test_a_file_of_no_use_is_an_error(
    tmp_path: Path, name: str, text: str | None, error: type[StartError]
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(error):
        check_file(tmp_path / name, say=print)
