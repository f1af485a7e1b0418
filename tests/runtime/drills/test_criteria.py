"""The verdict of a drill: each criterion fails for what it names and for nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.drills.criteria import (
    Check,
    Course,
    Ending,
    Limits,
    Sight,
    blind_s,
    judge,
    longest_bare_s,
)

OURS = frozenset({"SPY"})
LIMITS = Limits(detected_s=1.0, recovered_s=10.0, bare_s=2.0)
ENDING = Ending(
    held={}, working=(), sent=("a-entry", "a-stop", "a-flatten"), executed=("1", "2"), elsewhere=(),
    booked=("1", "2"), shown={},
)  # fmt: skip


def sight(at_s: float, held: int | None = 10, covered: int = 10) -> Sight:
    """A look at an engine that is well."""
    at_exchange = None if held is None else {"SPY": held}
    return Sight(at_s, True, True, True, "READY", {"SPY": 10}, at_exchange, {"SPY": covered})


COURSE = Course((sight(0.0), sight(1.0)), 0.0, 0.5, 5.0, ENDING, OURS)


def failed(course: Course, *, entries: int = 1) -> list[str]:
    """Names of the criteria that are not met."""
    return [check.name for check in judge(course, LIMITS, entries=entries) if not check.passed]


def test_a_drill_in_which_all_is_well_meets_every_criterion() -> None:
    checks = judge(COURSE, LIMITS)
    assert all(check.passed for check in checks)
    names = ["detected", "recovered", "protected", "never doubled", "ends flat", "reconciled"]
    assert [check.name for check in checks] == names


@pytest.mark.parametrize("took_s", [None, 1.01])
def test_what_is_noticed_too_late_or_never_is_not_detected(took_s: float | None) -> None:
    assert failed(replace(COURSE, detected_s=took_s)) == ["detected"]


@pytest.mark.parametrize("took_s", [None, 10.5])
def test_what_recovers_too_late_or_never_has_not_recovered(took_s: float | None) -> None:
    assert failed(replace(COURSE, recovered_s=took_s)) == ["recovered"]


def test_units_without_a_stop_for_too_long_fail_also_where_nobody_could_look_in_between() -> None:
    bare = (sight(0.0), sight(1.0, covered=9), sight(2.0, held=None), sight(3.5, covered=10))
    assert failed(replace(COURSE, sights=bare)) == ["protected"]
    assert longest_bare_s(bare, OURS) == 2.5


def test_where_the_exchange_was_never_seen_protection_is_not_known_and_fails() -> None:
    assert failed(replace(COURSE, sights=(sight(0.0, held=None),))) == ["protected"]
    assert failed(replace(COURSE, sights=())) == ["protected"]


def test_what_others_hold_is_not_ours_to_cover() -> None:
    theirs = sight(0.0)._replace(held={"SPY": 10, "IWM": 5})
    assert longest_bare_s((theirs, theirs._replace(at_s=9.0)), OURS) == 0.0


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        (ENDING._replace(sent=("a-entry", "a-entry")), "never doubled"),
        (ENDING._replace(sent=("a-entry", "b-entry")), "never doubled"),
        (ENDING._replace(booked=("1", "2", "2")), "never doubled"),
        (ENDING._replace(working=("a-stop",)), "ends flat"),
        (ENDING._replace(held={"SPY": -10}, shown={"SPY": -10}), "ends flat"),
        (ENDING._replace(booked=("1",)), "reconciled"),
        (ENDING._replace(booked=("1", "2", "3")), "reconciled"),
        (ENDING._replace(shown={"SPY": 10}), "reconciled"),
    ],
)
def test_each_wrong_ending_fails_its_own_criterion_alone(ending: Ending, name: str) -> None:
    assert failed(replace(COURSE, ending=ending)) == [name]


def test_an_execution_of_somebody_else_may_be_in_the_books_or_not() -> None:
    other = ENDING._replace(elsewhere=("9",))
    assert failed(replace(COURSE, ending=other)) == []
    assert failed(replace(COURSE, ending=other._replace(booked=("1", "2", "9")))) == []


def test_a_drill_without_an_end_proves_nothing() -> None:
    nothing = Course((), 0.0, None, None, None)
    assert len(failed(nothing)) == len(judge(nothing, LIMITS))


@given(st.lists(st.tuples(st.floats(0.01, 3.0), st.sampled_from([None, 0, 10]), st.sampled_from([0, 5, 10]))))
def test_no_stretch_without_a_stop_is_longer_than_what_was_looked_at(
    steps: list[tuple[float, int | None, int]],
) -> None:
    at_s, sights = 0.0, []
    for step_s, held, covered in steps:
        at_s += step_s
        sights.append(sight(at_s, held, covered))
    bare_s = longest_bare_s(sights, OURS)
    assert (bare_s is None) == all(s.held is None for s in sights)
    assert (bare_s or 0.0) <= (sights[-1].at_s - sights[0].at_s if sights else 0.0)
    assert blind_s(sights) <= 3.01


def test_a_text_names_the_figure_and_its_limit() -> None:
    detected = judge(COURSE, LIMITS)[0]
    assert detected == Check("detected", True, "0.50 s of 1 s")
