"""Broken promises: a sure forecast is found out in a few outcomes, an honest one in none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.learning.promise import LEAST_STEPS, Promise, StepPromise


def outcomes(share: float, count: int, seed: int) -> list[bool]:
    """Up or down; up in this share of the cases."""
    return (np.random.default_rng(seed).random(count) < share).tolist()


def broken_after(p: float, ups: list[bool]) -> int | None:
    """Outcomes of a forecast `p` until the alarm."""
    promise = Promise(run=50_000.0)
    return next((n for n, up in enumerate(ups, 1) if promise.is_broken(p, y=up)), None)


@pytest.mark.req("FUT-EDGE-6")
@pytest.mark.parametrize(("p", "most"), [(0.9, 14), (0.75, 50), (0.6, 350)])
def test_what_turns_over_is_found_the_sooner_the_surer_it_was(p: float, most: int) -> None:
    found = [broken_after(p, outcomes(1.0 - p, 400, seed)) for seed in range(20)]
    assert all(one is not None and one <= most for one in found)
    assert broken_after(1.0 - p, [not up for up in outcomes(1.0 - p, 400, 0)]) == found[0]


@pytest.mark.parametrize("p", [0.52, 0.7, 0.95])
def test_an_honest_forecast_is_not_accused(p: float) -> None:
    assert [broken_after(p, outcomes(p, 2000, seed)) for seed in range(3)] == [None] * 3


def test_a_forecast_that_says_nothing_can_break_nothing() -> None:
    assert broken_after(0.5, [False] * 2000) is None


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), max_size=60))
def test_no_forecast_however_sure_is_more_than_it_can_count(seen: list[tuple[float, bool]]) -> None:
    promise = Promise(run=50_000.0)
    for p, up in seen:
        promise.is_broken(p, y=up)
    again = Promise(run=50_000.0)
    again.restore(json.loads(json.dumps({"logs": promise.state()}, allow_nan=False)), "logs")
    assert again.state() == promise.state()


def test_steps_tell_what_forecasts_are_worth_before_they_accuse() -> None:
    # Sure of the horizon, worth nothing after one step: steps have nothing to say about it.
    watch = StepPromise(run=50_000.0)
    assert not any(watch.is_broken(0.9, up=up) for up in outcomes(0.5, LEAST_STEPS, 1))
    assert not any(watch.is_broken(0.9, up=up) for up in outcomes(0.5, 3000, 2))


@pytest.mark.req("FUT-EDGE-6", "FUT-RISK-3")
def test_steps_that_turn_are_found_long_before_as_many_horizons_are_over() -> None:
    watch = StepPromise(run=50_000.0)
    assert not any(watch.is_broken(0.75, up=up) for up in outcomes(0.7, 1500, 3))
    turned = [watch.is_broken(0.75, up=up) for up in outcomes(0.3, 200, 4)]
    assert turned.index(True) < 60
    assert watch.promised > watch.kept > 0
    watch.restart()
    assert (watch.seen, watch.promised, watch.kept) == (0, 0.0, 0.0)
