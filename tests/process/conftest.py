"""Each test has a cockpit's place of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.terminal import Place, end_all, write_config
from tests.storm.real import RealCockpit


@pytest.fixture
def place() -> Iterator[Place]:
    """A short path: a socket's may have only 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="ck-"))
    here = Place(folder)
    write_config(here)
    yield here
    end_all(here)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cockpit() -> Iterator[RealCockpit]:
    """With the real engine in it."""
    here = RealCockpit(Path(tempfile.mkdtemp(prefix="ck-")))
    yield here
    here.end()
