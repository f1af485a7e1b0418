"""Drift: the window agrees with River's, a change is found, learning and overlap make no alarm."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.learning.adwin import Adwin
from engine.learning.drift import DriftKind, DriftWatch


@pytest.mark.parametrize("seed", range(2))
def test_the_window_is_first_cut_where_rivers_is(seed: int) -> None:
    from river import drift

    rng = np.random.default_rng(seed)
    values = (rng.random(500) < np.repeat([0.3, 0.75], 250)).astype(float).tolist()
    ours, theirs = Adwin(), drift.ADWIN(delta=0.002, clock=1)
    for number, value in enumerate(values):
        found = ours.update(value)
        theirs.update(value)
        assert found == theirs.drift_detected
        if found:
            assert number > 250
            assert ours.before < 0.45 < ours.after
            return
        assert ours.mean == pytest.approx(theirs.estimation)
    pytest.fail("neither found the change")


def feed(
    watch: DriftWatch, p: float, share_right: float, count: int, seed: int
) -> list[tuple[int, DriftKind]]:
    """Outcomes of a model that says `p` and is right in `share_right` of the cases."""
    rng, alarms = np.random.default_rng(seed), []
    for number in range(count):
        alarm = watch.update(p, y=bool(rng.random() < share_right))
        if alarm is not None:
            alarms.append((number, alarm.kind))
    return alarms


@pytest.mark.req("FUT-EDGE-6", "FUT-F5")
def test_a_model_that_begins_to_fail_is_found_within_dozens_of_outcomes() -> None:
    watch = DriftWatch()
    assert feed(watch, 0.65, 0.65, 1000, seed=1) == []

    (first, _), *_ = feed(watch, 0.65, 0.35, 300, seed=2)

    assert first < 120


def test_a_model_that_never_kept_its_promise_is_found_without_a_before() -> None:
    assert feed(DriftWatch(), 0.80, 0.55, 400, seed=3)[0][1] is DriftKind.PROMISE


def test_claiming_a_little_too_much_is_no_broken_promise() -> None:
    assert feed(DriftWatch(), 0.66, 0.645, 1500, seed=12) == []


def test_a_model_that_is_still_learning_raises_no_alarm() -> None:
    watch = DriftWatch()
    assert feed(watch, 0.55, 0.55, 300, seed=4) == []
    assert feed(watch, 0.80, 0.80, 600, seed=5) == []


def test_an_honest_model_raises_no_alarm_for_thousands_of_outcomes() -> None:
    assert feed(DriftWatch(), 0.6, 0.6, 2000, seed=6) == []


def test_an_alarm_says_what_was_and_what_is_and_starts_afresh() -> None:
    watch, rng = DriftWatch(), np.random.default_rng(8)
    feed(watch, 0.65, 0.65, 500, seed=7)
    alarm = None
    while alarm is None:
        alarm = watch.update(0.65, y=bool(rng.random() < 0.2))

    assert (watch.alarms, watch.seen) == (1, 0)
    if alarm.kind is DriftKind.ERRORS:
        assert alarm.after > alarm.before + 0.1


def test_the_watch_continues_exactly_after_a_restart() -> None:
    watch, again = DriftWatch(), DriftWatch()
    feed(watch, 0.65, 0.6, 333, seed=9)
    again.restore(json.loads(json.dumps(watch.state(), allow_nan=False)))

    assert feed(again, 0.65, 0.3, 200, seed=10) == feed(watch, 0.65, 0.3, 200, seed=10)
    assert again.state() == watch.state()
