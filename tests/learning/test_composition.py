"""The strategy in the loop, where labels overlap; `python -m tests.learning --composition` plays hundreds."""

from __future__ import annotations

import pytest

from tests.learning.composition import World, live, turned


@pytest.mark.req("FUT-EDGE-6", "FUT-F5")
def test_an_edge_that_turns_under_the_strategy_is_left_within_a_dozen_trades() -> None:
    world = World(2, 720.0, leaning=0.5, turns_s=640.0, then=-0.5)
    lived = live(world)
    found = turned(world, lived)

    assert found.opened
    assert found.early_alarms == 0
    assert lived.alarms
    assert found.trades <= 12
    assert found.loss_r >= -15.0
    # Not one more from then on, and what was held is left at once.
    assert max(one.ended_s for one in lived.trades) < 640.0 + found.shut_s + 2.0
