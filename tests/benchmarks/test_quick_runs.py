"""Every benchmark runs from a shell and prints its ratio; how good the figures are is not a test's matter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.figures import Figure, quantile

ROOT = Path(__file__).resolve().parents[2]

PRINTED = {
    "first_paint": r"first frame, median .* ms .*x a bare interpreter .*x the bare screen",
    "tick_to_order": r"tick to order bytes, p50 / echo +[\d.]+ x .*two commits",
    "pivot_to_order": r"bar close to the last of ten orders, worst .* ms .*x an echo",
    "monitoring": r"monitoring pass over 50 positions, p95 .* ms .*x an echo",
    "gate": r"gate: one decision that passes, CPU .* us .*20 orders",
    "learning": r"learned trader: one decision, p99, CPU .* us .*x the control",
    "queues": r"cancel behind 600 requests.* ms .*x an echo",
    "durable_write": r"durable write: intent, p50 / bare FULL commit +[\d.]+ x",
    "market_fill": r"market order to fill in Snapshot, p99 .* ms .*x an echo",
    "table_refresh": r"refresh of 200 rows.* ms .*DataTable",
    "keys": r"at an attached screen, p99 .* ms .*x a key in a bare Textual screen",
    "terminal_bytes": r"to the terminal: idle .* bytes/s",
    "attached_gap": r"acting one killed with -9 .* ms +<= ",
    "recovery": r"READY after kill -9, p95 +[\d.]+ s .*kills",
}


LONG = (
    frozenset()
    if os.environ.get("COCKPIT_SOAK")
    else {
        "attached_gap",
        "keys",
        "market_fill",
        "monitoring",
        "pivot_to_order",
        "recovery",
        "table_refresh",
        "tick_to_order",
    }
)
"""A quarter of a minute each even so: `.ci/soak` runs them too."""


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PRINTED.keys() - LONG))
def test_a_quick_run_prints_its_figure_beside_its_control(name: str) -> None:
    command = [sys.executable, "-m", "benchmarks", name, "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode in (0, 1), done.stderr
    assert re.search(PRINTED[name], done.stdout), done.stdout + done.stderr


def test_an_unknown_name_lists_the_benchmarks_there_are() -> None:
    command = [sys.executable, "-m", "benchmarks", "nonsense"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert "no benchmark nonsense; there are first_paint, " in done.stderr


@pytest.mark.parametrize(("value", "verdict"), [(2.0, "PASS"), (3.0, "PASS"), (3.01, "FALLS SHORT")])
def test_a_figure_says_whether_it_reaches_its_aim(value: float, verdict: str) -> None:
    figure = Figure("some ratio", value, "x", 3.0)

    assert verdict in figure.line()
    assert figure.passes is (verdict == "PASS")


def test_a_quantile_is_a_measured_value() -> None:
    values = [float(number) for number in range(100, 0, -1)]

    assert quantile(values, 0.5) == 51.0
    assert quantile(values, 0.99) == 100.0
    with pytest.raises(ValueError, match="nothing was measured"):
        quantile([], 0.5)
