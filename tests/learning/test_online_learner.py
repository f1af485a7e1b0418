"""Mixture, calibration layer, champion and challenger: who is believed, and what keeps it honest."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.learning.calibration import OnlinePlatt
from engine.learning.challengers import ChallengerKind, RiverModel
from engine.learning.estimator import log_loss, squash
from engine.learning.head import Head
from engine.learning.mixture import Mixture, nested
from engine.learning.rivals import Takeover
from engine.learning.succession import Change, Succession
from tests.learning.worlds import SETS, calibration_error, edge_world, null_world


def test_the_expert_that_sees_what_matters_gets_the_weight() -> None:
    model = nested({"blind": ["f1"], "seeing": ["f0", "f2", "f3"]})
    for step in edge_world(1, 600, strength=2.5):
        model.learn_one(step.x, step.outcome > 0)

    assert model.shares["seeing"] > 0.99
    assert sum(model.shares.values()) == pytest.approx(1.0)


def test_no_expert_is_written_off_for_ever() -> None:
    model = nested(SETS)
    for step in null_world(1, 800):
        model.learn_one(step.x, step.outcome > 0)
    assert min(model.shares.values()) >= 1 / 1600


@given(st.floats(0.01, 0.99))
def test_before_any_outcome_the_layer_says_what_the_model_said(p: float) -> None:
    assert OnlinePlatt().calibrated(p) == pytest.approx(p, abs=1e-12)


@pytest.mark.req("FUT-F6")
@pytest.mark.parametrize("factor", [0.4, 1.0, 2.5])
def test_a_model_that_is_too_timid_or_too_sure_is_shown_honestly(factor: float) -> None:
    rng, layer = np.random.default_rng(3), OnlinePlatt()
    shown = []
    for _ in range(6000):
        logit = float(rng.normal(0, 1.2))
        said = squash(logit * factor)
        y = bool(rng.random() < squash(logit))
        shown.append((layer.calibrated(said), y))
        layer.learn(said, y=y)

    assert calibration_error(shown[2000:]) < 0.025


def test_what_a_young_model_got_wrong_fades() -> None:
    rng, kept, fading = np.random.default_rng(5), OnlinePlatt(), OnlinePlatt(fades=True)
    for n in range(3000):
        logit = float(rng.normal(0, 1.2))
        said = squash(logit * (0.5 if n < 400 else 1.0))
        y = bool(rng.random() < squash(logit))
        for layer in (kept, fading):
            layer.learn(said, y=y)

    true = squash(1.5)
    assert abs(fading.calibrated(true) - true) < 0.6 * abs(kept.calibrated(true) - true)
    again = OnlinePlatt(fades=True)
    again.restore(json.loads(json.dumps(fading.state())))
    for layer in (fading, again):
        layer.learn(0.3, y=True)
    assert again.state() == fading.state()


@pytest.mark.req("FUT-F5")
def test_a_loss_moves_the_model_more_than_a_win_and_the_shown_probability_no_further() -> None:
    def head() -> Head:
        made = Head(nested(SETS))
        for step in edge_world(2, 200, strength=2.5):
            made.learn(step.x, y=step.outcome > 0, said=made.answer(step.x))
        return made

    x = {"f0": 0.4, "f2": 0.2, "f3": 0.1}
    plain, boosted = head(), head()
    before, said = plain.model.assess(x)[0], plain.answer(x)
    plain.learn(x, y=False, said=said)
    boosted.learn(x, y=False, said=said, boost=2.0)

    assert before - boosted.model.assess(x)[0] > 1.25 * (before - plain.model.assess(x)[0])
    assert boosted.calibration.state() == plain.calibration.state()


def contest(flip: bool) -> list[Change | Takeover]:
    """A champion of 800 labels, then a challenger, in a world that has turned or has not."""
    line = Succession(lambda: Head(nested(SETS)), alpha=0.05)
    found: list[Change | Takeover] = []
    for event, step in enumerate(edge_world(4, 1600, strength=2.5, flip_at=800 if flip else None)):
        if event == 800:
            line.challenge()
        change = line.learn(step.x, y=step.outcome > 0, said=line.forecast(step.x))
        if change is not None:
            found.append(change)
    return found


@pytest.mark.req("FUT-EDGE-6")
def test_a_challenger_is_promoted_where_the_world_turned_and_dropped_where_the_alarm_was_false() -> None:
    assert contest(flip=True) == [Change.PROMOTED]
    assert contest(flip=False) == [Change.DROPPED]


def test_champion_and_challenger_continue_exactly_after_a_restart() -> None:
    line, again = (Succession(lambda: Head(nested(SETS)), alpha=1e-9) for _ in range(2))
    steps = list(edge_world(5, 300, strength=2.5))
    for step in steps[:100]:
        line.learn(step.x, y=step.outcome > 0, said=line.forecast(step.x))
    line.challenge()
    for step in steps[100:200]:
        line.learn(step.x, y=step.outcome > 0, said=line.forecast(step.x))

    again.restore(json.loads(json.dumps(line.state(), allow_nan=False)))

    for step in steps[200:]:
        line.learn(step.x, y=step.outcome > 0, said=line.forecast(step.x))
        again.learn(step.x, y=step.outcome > 0, said=again.forecast(step.x))
        assert again.forecast(step.x) == line.forecast(step.x)
        assert again.log_ratio == line.log_ratio


@pytest.mark.req("FUT-F4", "FUT-DO-3")
def test_river_pipelines_run_beside_it_behind_the_same_two_methods() -> None:
    models: list[Mixture | RiverModel] = [nested(SETS), *(RiverModel(kind) for kind in ChallengerKind)]
    losses = [0.0] * len(models)
    steps = list(edge_world(6, 400, strength=2.5))
    for step in steps:
        for index, model in enumerate(models):
            losses[index] += log_loss(model.predict_proba_one(step.x)[True], step.outcome > 0)
            model.learn_one(step.x, step.outcome > 0)
    for rival in models[1:]:
        assert isinstance(rival, RiverModel)
        rival.learn_one({"f0": math.nan}, True)
        assert (rival.learnt, rival.rejected) == (400, 1)
        assert rival.predict_proba_one({"f0": math.nan})[True] == 0.5
        assert 0.0 < rival.predict_proba_one(steps[0].x)[True] < 1.0
    assert losses[0] < min(losses[1:]) < max(losses[1:]) < 0.7 * 400
