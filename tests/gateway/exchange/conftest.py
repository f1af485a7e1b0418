"""A fresh exchange per test, with a two-sided market in the stock and the future."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.exchange.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.quote(99.99, 100.01, size=500)
    world.print(100.0)
    world.quote(5_000.0, 5_000.25, size=20, con=2)
    yield world
    world.close()
