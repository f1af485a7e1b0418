"""What a run of the whole suite saves: waits for a disk, and looking for garbage in the imports."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 1 << 30
"""A whole run has less than a tenth of this at a time."""


def is_spread(config: pytest.Config) -> bool:
    """One of the processes of a spread run, or the one that leads them.

    A run in a single process stays as it is: what measures time does so on the disk, collecting as usual.
    """
    return hasattr(config, "workerinput") or bool(config.getoption("numprocesses", 0))


def pytest_configure(config: pytest.Config) -> None:
    """Temporary folders in memory where there is room: thousands of durable writes wait for no disk.

    And no looking for garbage while all is imported: there is none.
    """
    if is_spread(config):
        gc.disable()
    if is_spread(config) and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
        tempfile.tempdir = str(MEMORY)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Take what the imports left out of the collector's sight; have it look less often at the rest."""
    if is_spread(session.config):
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        gc.enable()


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect at the end of each file: what was left unawaited or open fails the file that left it."""
    yield
    if is_spread(request.config):
        gc.collect()
        gc.freeze()
