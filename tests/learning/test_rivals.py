"""Rivals in the champion's shadow: judged by what they said in time, told of once, and never traded on."""

from __future__ import annotations

import math
from collections import deque

import pytest

from engine.learning.challengers import ChallengerKind
from engine.learning.rivals import Rivals
from tests.learning.worlds import HORIZON, edge_world
from tests.strategy.learned_market import KEY, made, play, quotes


def watched(rivals: Rivals, champion: float, count: int = 300) -> Rivals:
    """A world with an edge, its labels due after a horizon, beside a champion who always says the same."""
    owed = deque(list(edge_world(7, count, strength=2.5)))
    steps = list(owed)
    for event, step in enumerate(steps):
        rivals.say(event, step.x)
        if event >= HORIZON:
            past = owed.popleft()
            up = past.outcome > 0
            rivals.learn(event - HORIZON, past.x, p_up=champion, up=up, uniqueness=1.0)
    return rivals


@pytest.mark.req("FUT-DO-3", "FUT-EDGE-6")
def test_a_rival_that_forecasts_better_than_the_champion_is_told_of_once() -> None:
    rivals = watched(Rivals((ChallengerKind.FTRL,), alpha=0.05), champion=0.5)
    (row,) = rivals.report()
    (said,) = rivals.take_news()

    assert row.labels == 300 - HORIZON
    assert row.leads
    assert row.loss < row.champion_loss == pytest.approx(math.log(2.0))
    assert said.startswith("ftrl in its shadow forecasts better, beyond chance: log-loss 0.")
    assert rivals.take_news() == []


def test_a_rival_is_judged_by_what_it_said_when_the_decision_was_taken() -> None:
    # Before its first label it knew nothing.
    (row,) = watched(Rivals((ChallengerKind.SGD,), alpha=0.05), champion=0.5, count=HORIZON + 1).report()
    assert (row.labels, row.loss) == (
        1,
        pytest.approx(math.log(2.0)),
    )


def test_what_will_never_be_known_is_forgotten_and_no_rival_is_no_work() -> None:
    rivals, nobody = Rivals((ChallengerKind.SGD,), alpha=0.05), Rivals((), alpha=0.05)
    rivals.say(1, {"f0": 1.0})
    rivals.forget()
    rivals.learn(1, {"f0": 1.0}, p_up=0.5, up=True, uniqueness=1.0)
    (row,) = rivals.report()
    assert row.labels == 0
    assert math.isnan(row.loss)
    nobody.say(1, {"f0": 1.0})
    nobody.learn(1, {"f0": 1.0}, p_up=0.5, up=True, uniqueness=1.0)
    assert nobody.report() == ()


@pytest.mark.req("FUT-DO-3")
def test_the_strategy_does_what_it_does_whether_rivals_watch_or_not() -> None:
    tape = list(quotes(3, 300, leaning=0.5))
    alone, watched_by = made(), made(rivals=True)

    wished = play(alone, iter(tape)).entries
    assert wished == play(watched_by, iter(tape)).entries
    assert wished
    rows = watched_by.contracts[KEY].trader.rivals.report()
    assert [row.kind for row in rows] == list(ChallengerKind)
    assert {row.labels > 200 for row in rows} == {True}
    assert {row.champion_loss for row in rows} == {rows[0].champion_loss}
