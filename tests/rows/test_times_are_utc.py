"""Times are aware: no call anywhere that makes one without a zone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("engine", "cockpit", "tools", "benchmarks")
NAIVE = re.compile(r"now|today|utcfromtimestamp")
"""A file without one of these need not be parsed."""


def naive_calls(tree: ast.Module) -> Iterator[int]:
    """Lines that ask for a time without saying in which zone."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, has_arguments = node.func.attr, bool(node.args or node.keywords)
        of_datetime = isinstance(node.func.value, ast.Name | ast.Attribute) and (
            ast.unparse(node.func.value).endswith(("datetime", "dt"))
        )
        if name in {"utcnow", "utcfromtimestamp"} or (
            name in {"now", "today"} and of_datetime and not has_arguments
        ):
            yield node.lineno


@pytest.mark.req("REQ-DATA-003")
def test_nobody_makes_a_time_without_a_zone() -> None:
    paths = (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path in paths
        if NAIVE.search(text := path.read_text(encoding="utf-8"))
        if (lines := list(naive_calls(ast.parse(text))))
    }

    assert found == {}


@pytest.mark.parametrize("line", ["datetime.utcnow()", "datetime.now()", "dt.datetime.now()", "x.utcnow()"])
def test_the_scan_would_see_one(line: str) -> None:
    assert list(naive_calls(ast.parse(line))) == [1]


def test_the_scan_lets_an_injected_clock_pass() -> None:
    assert list(naive_calls(ast.parse("self.clock.now(); datetime.now(UTC)"))) == []
