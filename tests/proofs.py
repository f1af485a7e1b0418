"""Collects which requirement rows a whole run of the tests proved, for the gate that asks for it."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

RESULTS = "COCKPIT_CI_RESULTS"
"""Environment variable that names the file for the results; without it nothing is written."""

_outcomes: Counter[str] = Counter()
_rows: dict[str, bool] = {}


def carry_rows(items: list[pytest.Item]) -> None:
    """Let each report carry the rows of its test, also from another process."""
    for item in items:
        item.user_properties += [("req", row) for mark in item.iter_markers("req") for row in mark.args]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count a test where it is decided: by its call, or by a set-up or end that failed."""
    if report.skipped or (report.when != "call" and report.passed):
        return
    _outcomes["passed" if report.passed else "failed"] += 1
    for name, row in report.user_properties:
        if name == "req":
            _rows[str(row)] = _rows.get(str(row), True) and report.passed


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Add what was seen to the file; the processes of a spread run tell their results to the first one."""
    target = os.environ.get(RESULTS)
    if target and not hasattr(session.config, "workerinput"):
        before = Path(target).read_text(encoding="utf-8") if Path(target).exists() else ""
        told = json.loads(before) if before.strip() else {"passed": 0, "failed": 0, "rows": {}}
        rows = {row: told["rows"].get(row, True) and is_proven for row, is_proven in _rows.items()}
        seen = {
            "passed": told["passed"] + _outcomes["passed"],
            "failed": told["failed"] + _outcomes["failed"],
            "rows": told["rows"] | rows,
        }
        Path(target).write_text(json.dumps(seen), encoding="utf-8")
