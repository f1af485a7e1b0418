"""The breakers alone: which error counts, which one trips, when it ends, and what clears a count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.risk.breakers import WINDOW_S, BreakerLimits, ErrorRate, LoopLadder, PositionErrors, Rung

LIMITS = BreakerLimits()


def _fail(
    ladder: LoopLadder, times: int, *, at_s: float = 0.0, loop: str = "upkeep"
) -> tuple[LoopLadder, Rung]:
    rung = Rung.COUNTED
    for _ in range(times):
        ladder, rung = ladder.failed(loop, at_s, LIMITS)
    return ladder, rung


# --- the ladder of loop errors -------------------------------------------------------------------


@pytest.mark.req("REQ-ARCH-007")
def test_nine_errors_and_a_success_pause_nothing_and_count_from_0_again() -> None:
    ladder, rung = _fail(LoopLadder(), 9)
    assert (rung, ladder.left_s(0.0)) == (Rung.COUNTED, 0.0)
    ladder = ladder.succeeded("upkeep")
    assert ladder.counts == {}
    assert _fail(ladder, 9)[1] is Rung.COUNTED


@pytest.mark.req("REQ-ARCH-007", "REQ-TEST-004")
def test_the_tenth_pauses_for_a_minute() -> None:
    ladder, rung = _fail(LoopLadder(), 10, at_s=5.0)
    assert rung is Rung.PAUSED
    assert ladder.left_s(5.0) == 60.0
    assert ladder.left_s(64.9) == pytest.approx(0.1)
    assert ladder.left_s(65.0) == 0.0


@pytest.mark.req("REQ-ERR-004", "PS60-PHASE-5c", "REQ-TEST-004")
def test_the_eleventh_after_the_pause_is_fatal_and_time_alone_clears_nothing() -> None:
    ladder, _ = _fail(LoopLadder(), 10)
    assert _fail(ladder, 1, at_s=10_000.0)[1] is Rung.FATAL


@pytest.mark.req("REQ-ERR-004")
def test_errors_while_it_is_paused_lead_no_higher() -> None:
    ladder, _ = _fail(LoopLadder(), 10)
    ladder, rung = _fail(ladder, 50, at_s=59.9)
    assert rung is Rung.HELD
    assert ladder.counts["upkeep"] == 10


@pytest.mark.req("REQ-ERR-004")
def test_ten_and_a_success_end_nothing() -> None:
    ladder, _ = _fail(LoopLadder(), 10)
    assert _fail(ladder.succeeded("upkeep"), 9, at_s=60.0)[1] is Rung.COUNTED


def test_the_success_of_another_loop_clears_nothing() -> None:
    ladder, _ = _fail(LoopLadder(), 9)
    assert _fail(ladder.succeeded("bars"), 1)[1] is Rung.PAUSED


def test_two_loops_that_fail_in_turn_are_not_one_that_fails_twice_as_often() -> None:
    ladder, rung = LoopLadder(), Rung.COUNTED
    for _ in range(9):
        ladder, rung = _fail(ladder, 1, loop="bars")
        ladder, rung = _fail(ladder, 1, loop="upkeep")
    assert rung is Rung.COUNTED


@pytest.mark.req("REQ-ARCH-007")
def test_where_more_are_survived_than_pause_each_further_one_pauses_anew() -> None:
    limits = BreakerLimits(loop_consecutive=3, loop_pause_s=7.0, fatal_above=5)
    ladder, rungs, now_s = LoopLadder(), [], 0.0
    for _ in range(6):
        ladder, rung = ladder.failed("bars", now_s, limits)
        rungs.append(rung)
        now_s += 10.0
    assert rungs == [Rung.COUNTED] * 2 + [Rung.PAUSED] * 3 + [Rung.FATAL]


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 100.0)), max_size=120))
def test_only_a_run_without_any_success_is_fatal(steps: list[tuple[bool, float]]) -> None:
    ladder, now_s, run = LoopLadder(), 0.0, 0
    for works, pause_s in steps:
        now_s += pause_s
        run = 0 if works else run + 1
        if works:
            ladder = ladder.succeeded("bars")
            continue
        ladder, rung = ladder.failed("bars", now_s, LIMITS)
        if rung is Rung.FATAL:
            assert run > LIMITS.fatal_above
            return
        assert rung is not Rung.PAUSED or run >= LIMITS.loop_consecutive


# --- the rate ------------------------------------------------------------------------------------


def _rate(*times_s: float) -> tuple[ErrorRate, list[bool]]:
    rate, trips = ErrorRate(), []
    for time_s in times_s:
        rate, tripped = rate.failed(time_s, LIMITS)
        trips.append(tripped)
    return rate, trips


@pytest.mark.req("REQ-ERR-003", "PS60-PHASE-5b")
def test_ten_errors_within_a_minute_are_borne_and_the_eleventh_pauses_entries_for_a_minute() -> None:
    assert not any(_rate(*range(10))[1])
    rate, trips = _rate(*range(11))
    assert trips == [False] * 10 + [True]
    assert rate.left_s(10.0) == 60.0
    assert rate.left_s(70.0) == 0.0


@pytest.mark.req("REQ-ERR-003")
def test_the_minute_rolls() -> None:
    assert not any(_rate(*range(10), WINDOW_S)[1])
    assert _rate(*range(10), WINDOW_S - 0.1)[1][-1]


@pytest.mark.req("REQ-ERR-003")
def test_after_the_pause_the_count_begins_at_0() -> None:
    rate, _ = _rate(*range(11), 30.0)
    assert rate.count(70.0) == 0
    rate, tripped = rate.failed(70.0, LIMITS)
    assert (rate.count(70.0), tripped) == (1, False)


@given(st.lists(st.floats(0.0, 20.0), min_size=1, max_size=150))
def test_it_trips_exactly_where_more_than_ten_fall_into_a_minute(pauses_s: list[float]) -> None:
    rate, now_s, since = ErrorRate(), 0.0, list[float]()
    for pause_s in pauses_s:
        now_s += pause_s
        is_open = rate.left_s(now_s) > 0
        rate, tripped = rate.failed(now_s, LIMITS)
        if is_open:
            assert not tripped
            continue
        since = [t for t in since if now_s - t < WINDOW_S] + [now_s]
        assert tripped == (len(since) > LIMITS.rate_per_minute)
        since = [] if tripped else since


# --- a position ----------------------------------------------------------------------------------


@pytest.mark.req("REQ-ARCH-006")
def test_a_position_is_due_once_at_its_third_error() -> None:
    errors, dues = PositionErrors(), []
    for _ in range(6):
        errors, due = errors.failed("SPY", LIMITS)
        dues.append(due)
    assert dues == [False, False, True, False, False, False]


@pytest.mark.req("REQ-ARCH-006")
def test_positions_count_for_themselves_and_the_next_one_begins_at_0() -> None:
    errors = PositionErrors()
    for key in ("SPY", "SPY", "QQQ", "QQQ"):
        errors, due = errors.failed(key, LIMITS)
        assert not due
    errors = errors.keep(frozenset({"QQQ"}))
    assert errors.counts == {"QQQ": 2}
    assert not errors.failed("SPY", LIMITS)[1]
    assert errors.failed("QQQ", LIMITS)[1]
