"""Profiles of the property tests (no deadlines: machines here are noisy), and what a run proves."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.logged import plain_logs
from tests.proofs import (  # noqa: F401 - hooks that pytest calls
    carry_rows,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)
from tests.thrift import (  # noqa: F401 - hooks and a fixture that pytest calls
    _nothing_left_behind,
    pytest_collection_finish,
    pytest_configure,
)

# Also where the environment forbids it: else every worker, and each of the hundreds of processes they start,
# would compile all anew, which is a fifth of the time that they take.
sys.dont_write_bytecode = False

plain_logs()

HERE = Path(__file__).parent

settings.register_profile(
    "shared", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("soak", parent=settings.get_profile("shared"), max_examples=2000)
settings.load_profile("shared")

WAITING = ("process", "storm", "e2e", "first_evening", "rows")
"""Folders whose tests take long, mostly waiting for real processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the rows; spread the long files over the first four fifths of the run.

    Side by side they would be in each other's way, at the end all would wait for the last one.
    """
    carry_rows(items)
    files = list(dict.fromkeys(item.path for item in items))
    waiting = {path for path in files if path.relative_to(HERE).parts[0] in WAITING}
    place: dict[Path, float] = {}
    for chosen, share in ((waiting, 0.8), (set(files) - waiting, 1.0)):
        ordered = [path for path in files if path in chosen]
        place |= {path: share * index / len(ordered) for index, path in enumerate(ordered)}
    items.sort(key=lambda item: place[item.path])
