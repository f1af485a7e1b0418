"""A few planted bugs are found within a few seeds; `python -m tests.storm.mutants` hunts all of them."""

from __future__ import annotations

import pytest

from tests.storm.mutants import hunt
from tests.storm.plant import PLANTS, Plant, gate_alone, planted

QUICK = (
    "persist_after_send",
    "executions_booked_twice",
    "held_is_no_reason",
    "cancel_not_awaited",
    "fills_not_stored",
)
SEEDS = 20
FIRST = {"cancel_not_awaited": 14}
"""Where to begin, where the first seeds are known to need nothing of what the bug breaks."""
GATE_SEEDS = range(100)


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own() -> None:
    names = {plant.name for plant in PLANTS}
    assert len(names) == len(PLANTS) >= 25
    assert set(QUICK) <= names


@pytest.mark.parametrize("plant", [p for p in PLANTS if p.name in QUICK], ids=lambda p: p.name)
def test_a_planted_bug_is_found(plant: Plant) -> None:
    first = FIRST.get(plant.name, 0)

    assert hunt(plant, range(first, first + SEEDS)).seed is not None


@pytest.mark.req("247-NFR-SAFE", "REQ-E2")
def test_at_least_nine_of_ten_bugs_of_the_gate_are_found() -> None:
    bugs = [plant for plant in PLANTS if plant.run is gate_alone]

    missed = [plant.name for plant in bugs if hunt(plant, GATE_SEEDS).seed is None]

    assert len(bugs) >= 30
    assert len(missed) <= len(bugs) // 10, missed


@pytest.mark.parametrize("plant", PLANTS, ids=lambda p: p.name)
def test_every_bug_can_still_be_planted(plant: Plant) -> None:
    with planted(plant):
        pass  # an AttributeError would say that the part it was put over is gone
