"""The Bayesian logistic: right about easy truths, sound on bad input, a step of River, exact."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.learning.bayes import BayesianLogistic
from engine.learning.plain import StateError

TRUTH = np.array([1.5, -1.0, 0.0])
NAMES = ("a", "b", "c")


def examples(count: int, seed: int = 1) -> list[tuple[dict[str, float], bool]]:
    rng = np.random.default_rng(seed)
    xs = rng.normal(size=(count, 3))
    ys = rng.random(count) < 1.0 / (1.0 + np.exp(-xs @ TRUTH))
    return [(dict(zip(NAMES, x.tolist(), strict=True)), bool(y)) for x, y in zip(xs, ys, strict=True)]


def trained(count: int = 1500, **more: float) -> BayesianLogistic:
    model = BayesianLogistic(NAMES, **more)
    for x, y in examples(count):
        model.learn_one(x, y)
    return model


@pytest.mark.req("FUT-F4")
def test_it_comes_close_to_the_truth_without_a_learning_rate() -> None:
    model = trained()

    errors = []
    for x, _ in examples(200, seed=2):
        true_p = 1.0 / (1.0 + math.exp(-sum(t * x[n] for t, n in zip(TRUTH, NAMES, strict=True))))
        errors.append(abs(model.predict_proba_one(x)[True] - true_p))
    assert np.mean(errors) < 0.03
    assert max(errors) < 0.12


def test_before_any_label_it_knows_nothing() -> None:
    assert BayesianLogistic(NAMES).predict_proba_one({"a": 9.0}) == {True: 0.5, False: 0.5}


@pytest.mark.req("FUT-DO-3")
def test_it_is_a_step_of_a_river_pipeline() -> None:
    from river import compose

    pipeline = compose.Select("a", "b", "c") | BayesianLogistic(NAMES)
    for x, y in examples(300):
        pipeline.learn_one({**x, "moment": 1e9}, y, w=0.5)

    assert pipeline.predict_proba_one({"a": 2.0, "b": -1.0, "c": 0.0})[True] > 0.8
    assert pipeline.predict_one({"a": 2.0, "b": -1.0, "c": 0.0}) is True


@pytest.mark.req("FUT-DO-3")
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_counted_and_never_learnt(bad: float) -> None:
    model, twin = trained(100), trained(100)

    model.learn_one({"a": bad, "b": 0.0, "c": 0.0}, True)

    assert model.rejected == 1
    assert model.predict_proba_one({"a": bad}) == {True: 0.5, False: 0.5}
    assert model.strangeness({"a": bad}) == math.inf
    probe = {"a": 1.0, "b": 1.0, "c": 1.0}
    assert model.predict_proba_one(probe) == twin.predict_proba_one(probe)


def test_a_missing_feature_is_an_explicit_zero() -> None:
    model = trained(100)
    assert model.predict_proba_one({"a": 1.0}) == model.predict_proba_one({"a": 1.0, "b": 0.0, "c": 0.0})


def test_half_a_label_teaches_less_than_a_whole_one() -> None:
    whole, half = trained(200), trained(200)
    x = {"a": -2.0, "b": 2.0, "c": 0.0}
    before = whole.probability(x)

    whole.learn_one(x, True, w=1.0)
    half.learn_one(x, True, w=0.2)

    assert before < half.probability(x) < whole.probability(x)


@pytest.mark.req("FUT-RISK-3")
def test_it_learns_ever_more_slowly_unless_it_forgets_or_is_told_to_doubt() -> None:
    x = {"a": 0.5, "b": -0.5, "c": 1.0}

    def step(model: BayesianLogistic) -> float:
        before = model.probability(x)
        model.learn_one(x, False)
        return before - model.probability(x)

    doubting = trained(1500)
    doubting.inflate()
    assert step(trained(1500)) < step(trained(100)) / 3
    assert step(trained(1500, forgetting=0.99)) > 3 * step(trained(1500))
    assert step(doubting) > 10 * step(trained(1500))


def test_what_is_unlike_everything_learnt_is_strange() -> None:
    model = trained()
    usual = model.strangeness({"a": 0.3, "b": -0.2, "c": 0.1})
    assert model.strangeness({"a": 60.0, "b": 60.0, "c": 60.0}) > 10 * usual


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), st.booleans(), st.floats(1e-3, 4)),
        max_size=40,
    )
)
def test_no_finite_stream_makes_it_uncertain_of_its_numbers(
    stream: list[tuple[list[float], bool, float]],
) -> None:
    model = BayesianLogistic(NAMES, forgetting=0.999)
    for values, y, w in stream:
        x = dict(zip(NAMES, values, strict=True))
        model.learn_one(x, y, w=w)
        assert 1e-6 <= model.probability(x) <= 1 - 1e-6
        assert model.strangeness(x) >= 0.0
        covariance = np.array(model.state()["cov"]).reshape(4, 4)
        assert (covariance == covariance.T).all()
        assert np.linalg.eigvalsh(covariance).min() > -1e-9


def test_a_restart_anywhere_changes_nothing() -> None:
    model = trained(700)
    again = BayesianLogistic(NAMES)
    again.restore(json.loads(json.dumps(model.state(), allow_nan=False)))

    for x, y in examples(50, seed=3):
        assert again.assess(x) == model.assess(x)
        again.learn_one(x, y, w=0.2)
        model.learn_one(x, y, w=0.2)


def test_state_of_another_model_is_refused() -> None:
    state = trained(10).state()
    with pytest.raises(StateError, match="features"):
        BayesianLogistic(("a", "b")).restore(state)
    with pytest.raises(StateError, match="not finite"):
        BayesianLogistic(NAMES).restore(json.loads(json.dumps({**state, "mean": [math.nan] * 4})))
    with pytest.raises(StateError, match="cov"):
        BayesianLogistic(NAMES).restore({**state, "cov": [1.0]})
