"""Rows of the Model screen: what the trader knows, made anew only when it knows more, and luck taken off."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from engine.api import ModelView
from engine.api_learning import ModelState
from engine.runtime.learning.model_rows import ModelRows, luck_of
from engine.runtime.process.wire import dump, load_snapshot
from engine.strategy.learned import LearnedFutures
from tests.cockpit.learning import LEARNING
from tests.runtime.learning.running import running_of
from tests.strategy.learned_market import KEY, made, play, quotes


@pytest.fixture(scope="module")
def edge() -> LearnedFutures:
    """A trader that has proven an edge."""
    trader = made()
    play(trader, quotes(3, 500, leaning=0.5))
    return trader


def row(strategy: LearnedFutures, **changes: Any) -> ModelView:
    (view,) = ModelRows().rows([replace(running_of(strategy), **changes)])
    return view


@pytest.mark.req("FUT-F6", "FUT-DO-4", "FUT-QA-UI-2")
def test_a_proven_contract_is_shown_with_all_that_it_knows(edge: LearnedFutures) -> None:
    view, trader = row(edge), edge.contracts[KEY].trader
    assert view.state in {ModelState.OPEN, ModelState.HELD}
    assert view.labels == trader.judge.labels
    assert view.evidence is not None
    assert view.evidence_needed is not None
    assert view.evidence >= view.evidence_needed
    assert view.progress == 1.0
    assert view.deflated is not None
    assert 0.5 < view.deflated <= 1.0
    assert view.open_share is not None
    assert 0.0 < view.open_share < 1.0
    assert sum(one.n for one in view.bins) == trader.insight.calibration.n
    contract, *others = view.cells
    assert (contract.regime, contract.half_hour, contract.n) == ("", None, trader.insight.coverage.n)
    assert sum(c.n for c in others if c.half_hour is None) == contract.n
    assert sum(c.n for c in others if c.half_hour is not None) == contract.n
    assert math.isclose(sum(share for _, share in view.experts), 1.0)
    assert view.course == tuple(point.p for point in edge.contracts[KEY].course.points)
    assert view.course_from is not None
    assert view.course_to is not None
    assert view.course_from < view.course_to


def test_a_row_is_made_anew_only_when_there_is_news() -> None:
    trader = made()
    tape = quotes(3, 60, leaning=0.5)
    play(trader, tape)
    rows, all_running = ModelRows(), [running_of(trader)]
    (one,) = rows.rows(all_running)
    assert rows.rows(all_running)[0] is one
    play(trader, quotes(3, 90, leaning=0.5))
    assert rows.rows(all_running)[0] is not one


def test_few_outcomes_no_contract_and_a_strategy_that_is_off_say_so() -> None:
    fresh = LearnedFutures.create("learner", params={}, keys=(KEY,))
    assert (row(fresh).state, row(fresh).probability) == (ModelState.WAITING, None)
    few = made()
    play(few, quotes(3, 20, leaning=0.5))
    assert (row(few).state, row(few).probability, row(few).deflated) == (ModelState.FEW, None, None)
    assert row(few, off="by a person").text == "switched off: by a person"
    assert row(few, off_at={KEY: "3 errors"}).state is ModelState.OFF


def test_more_tries_make_the_same_trades_less_believable(edge: LearnedFutures) -> None:
    gate = edge.contracts[KEY].trader.judge.gate
    (alone, few), (among, many) = luck_of(gate, contracts=1), luck_of(gate, contracts=40)
    assert many == 40 * few
    assert alone is not None
    assert among is not None
    assert among <= alone


@pytest.mark.req("FUT-DO-3", "FUT-EDGE-6")
def test_rivals_are_shown_with_what_they_have_and_what_they_need() -> None:
    trader = made(rivals=True)
    play(trader, quotes(3, 60, leaning=0.5))
    view, heads = row(trader), trader.contracts[KEY].trader.judge.direction
    assert view.champion == "bayes"
    assert [one.name for one in view.rivals] == ["sgd", "ftrl", "adagrad"]
    for shown, told in zip(view.rivals, heads.rivals.report(), strict=True):
        assert (shown.labels, shown.loss, shown.needed) == (told.labels, told.loss, told.needed)
        assert shown.ratio == pytest.approx(math.exp(told.log_ratio))


def test_models_travel_over_the_socket_unchanged() -> None:
    assert load_snapshot(dump(LEARNING)) == LEARNING
