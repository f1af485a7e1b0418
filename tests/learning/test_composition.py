"""The strategy in the loop, where labels overlap; `python -m tests.learning --composition` plays hundreds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from engine.domain.market import Quote
from engine.learning.estimator import Plain
from engine.strategy.learned_contract import Memory
from tests.learning.composition import Floor, Lived, World, tape_of, turned
from tests.strategy.learned_market import KEY, START_S, made

WORLD = World(2, 720.0, leaning=0.5, turns_s=640.0, then=-0.5)
WRITTEN_S = 1.0
"""Models and lessons reach the disk about so often."""


class Past(NamedTuple):
    """A trader's life, and what was on the disk when its first alarm rang."""

    lived: Lived
    written: dict[str, Plain]
    alarm_s: float


@pytest.fixture(scope="module")
def past() -> Past:
    floor, written, last_s = Floor(made(appetite="standard")), dict[str, Plain](), 0.0
    contract = floor.trader.contracts[KEY]

    def watched() -> Iterator[Quote]:
        nonlocal written, last_s
        for quote in tape_of(WORLD):
            at = quote.at - START_S
            if not floor.lived.alarms and at >= WORLD.turns_s and at - last_s >= WRITTEN_S:
                written, last_s = json.loads(json.dumps(contract.state(), allow_nan=False)), at
            yield quote

    lived = floor.play(watched())
    return Past(lived, written, lived.alarms[0])


@pytest.mark.req("FUT-EDGE-6", "FUT-F5")
def test_an_edge_that_turns_under_the_strategy_is_left_within_a_dozen_trades(past: Past) -> None:
    found = turned(WORLD, past.lived)

    assert found.opened
    assert found.early_alarms == 0
    assert past.lived.alarms
    assert found.trades <= 12
    assert found.loss_r >= -15.0
    # Not one more from then on, and what was held is left at once.
    assert max(one.ended_s for one in past.lived.trades) < 640.0 + found.shut_s + 2.0


@pytest.mark.req("FUT-EDGE-6", "FUT-F5")
def test_an_alarm_that_a_kill_took_along_rings_again_within_a_few_outcomes(past: Past) -> None:
    again = made(appetite="standard")
    contract = again.contracts[KEY]
    contract.restore(Memory(past.written))
    assert contract.trader.judge.drift.alarms == 0
    assert contract.trader.judge.gate.lives == 1  # the alarm fell after this was written

    began_s = past.alarm_s + 5.0
    floor = Floor(again)
    lived = floor.play(quote for quote in tape_of(WORLD) if quote.at - START_S >= began_s)
    assert lived.alarms
    assert contract.trader.judge.gate.lives >= 2
    outcomes = lived.alarms[0] - began_s
    assert outcomes <= 30.0  # decisions are a second apart
    assert sum(one.decided_s < lived.alarms[0] for one in lived.trades) <= 6
