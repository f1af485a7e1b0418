"""What is remembered of a model's life: even steps over any length, turning points, over restarts."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from engine.learning.course import MOST_POINTS, MOST_TURNS, Course
from engine.learning.drift import Drift, DriftKind
from engine.learning.judge import News
from engine.learning.succession import Change


@given(st.integers(0, 5000))
def test_it_keeps_few_points_at_even_steps_however_long_it_lasts(count: int) -> None:
    course = Course()
    for at in range(count):
        course.note(float(at), 0.6, math.inf)
    steps = {later.at - earlier.at for earlier, later in zip(course.points, course.points[1:], strict=False)}
    assert len(course.points) < MOST_POINTS
    assert len(steps) <= 1
    assert count < MOST_POINTS or len(course.points) >= MOST_POINTS // 2 - 1
    assert not course.points or count - course.points[-1].at <= 2 * max(steps, default=1.0)


def test_what_is_not_known_leaves_no_point() -> None:
    course = Course()
    course.note(1.0, math.nan, 0.5)
    course.note(math.nan, 0.5, 0.5)
    assert course.points == []


def test_drift_a_closed_gate_and_a_new_champion_are_told_with_before_and_after() -> None:
    course = Course()
    drift = Drift(DriftKind.ERRORS, 0.36, 0.64, 171)
    said = course.turn(5.0, gate_closed=True, news=[News(drift=drift), News(change=Change.PROMOTED)])
    assert [one.what for one in course.turning_points] == ["gate", "drift", "promoted"]
    assert said[1].startswith("drift (errors: 0.36 before, 0.64 now, 171 outcomes), trust revoked")
    assert course.turning_points[1][3:] == (0.36, 0.64)
    for _ in range(20):
        course.turn(6.0, gate_closed=True, news=[])
    assert len(course.turning_points) == MOST_TURNS


def test_a_restart_goes_on_with_the_same_points() -> None:
    one, other = Course(), Course()
    for at in range(700):
        one.note(float(at), 0.5 + at / 2000, math.inf if at < 300 else 0.6)
    one.turn(700.0, gate_closed=False, news=[News(drift=Drift(DriftKind.PROMISE, 0.6, 0.5, 30))])
    other.restore(json.loads(json.dumps(one.state())))
    for course in (one, other):
        course.note(700.0, 0.7, 0.6)
        course.note(701.0, 0.7, 0.6)
    assert (one.points, one.turning_points) == (other.points, other.turning_points)
