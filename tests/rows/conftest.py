"""A state folder with a short path: a socket's may have only 107 bytes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def place() -> Iterator[Path]:
    """Removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ck-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
