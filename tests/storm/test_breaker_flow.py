"""The breakers keep to the documents whatever goes wrong in whatever order, and planted bugs are found."""

from __future__ import annotations

import pytest

from tests.storm.breaker_flow import BreakerFlow
from tests.storm.mutants import hunt
from tests.storm.plant import PLANTS, Plant, breakers_alone

SEEDS = range(25)


@pytest.mark.req("REQ-ARCH-006", "REQ-ARCH-007", "REQ-ERR-003", "REQ-ERR-004")
def test_the_breakers_agree_with_a_second_reckoning() -> None:
    assert {seed: found for seed in SEEDS if (found := BreakerFlow(seed).run().violations)} == {}


@pytest.mark.parametrize("plant", [p for p in PLANTS if p.run is breakers_alone], ids=lambda p: p.name)
def test_a_planted_bug_of_the_breakers_is_found(plant: Plant) -> None:
    assert hunt(plant, SEEDS).seed is not None
