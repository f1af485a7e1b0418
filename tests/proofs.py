"""Collects which requirement rows a whole run of the tests proved, and how each level of them went."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from pathlib import Path

import pytest

RESULTS = "COCKPIT_CI_RESULTS"
"""Environment variable that names the file for the results; without it nothing is written."""

_outcomes: Counter[str] = Counter()
_rows: dict[str, bool] = {}
_levels: defaultdict[str, Counter[str]] = defaultdict(Counter)

FOLDERS = {
    "storm": "storm",
    "process": "process",
    "e2e": "e2e",
    "days": "e2e",
    "first_evening": "e2e",
    "rows": "e2e",
    "cockpit": "screens",
    "benchmarks": "acceptance",
}
"""Folder of tests -> its level. All others are units, and properties where examples are drawn for them."""


def level_of(item: pytest.Item) -> str:
    """The level that a test belongs to."""
    folder = item.nodeid.split("/")[1]
    drawn = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return FOLDERS.get(folder) or ("property" if drawn else "unit")


def carry_rows(items: list[pytest.Item]) -> None:
    """Let each report carry the rows and the level of its test, also from another process."""
    for item in items:
        item.user_properties += [("req", row) for mark in item.iter_markers("req") for row in mark.args]
        item.user_properties.append(("level", level_of(item)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count a test where it is decided: by its call, or by a set-up or end that failed."""
    level = _levels[dict(report.user_properties).get("level", "unit")]
    level["seconds"] += report.duration
    if report.skipped or (report.when != "call" and report.passed):
        return
    outcome = "passed" if report.passed else "failed"
    _outcomes[outcome] += 1
    level[outcome] += 1
    for name, row in report.user_properties:
        if name == "req":
            _rows[str(row)] = _rows.get(str(row), True) and report.passed


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Add what was seen to the file; the processes of a spread run tell their results to the first one."""
    target = os.environ.get(RESULTS)
    if target and not hasattr(session.config, "workerinput"):
        before = Path(target).read_text(encoding="utf-8") if Path(target).exists() else ""
        told = json.loads(before) if before.strip() else {"passed": 0, "failed": 0, "rows": {}, "levels": {}}
        rows = {row: told["rows"].get(row, True) and is_proven for row, is_proven in _rows.items()}
        seen = {
            "passed": told["passed"] + _outcomes["passed"],
            "failed": told["failed"] + _outcomes["failed"],
            "rows": told["rows"] | rows,
            "levels": {
                name: dict(Counter(told["levels"].get(name, {})) + _levels.get(name, Counter()))
                for name in sorted(told["levels"].keys() | _levels.keys())
            },
        }
        Path(target).write_text(json.dumps(seen), encoding="utf-8")
