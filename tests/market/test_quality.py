"""Which data may decide: ages at their very limits, jumps at 5.9 and 6.1 sigma, levels that are confirmed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Quote
from engine.market.quality import (
    LEAST_SAMPLES,
    RECENTRE_TICKS,
    AgeLimits,
    BadTick,
    Flaw,
    Staleness,
    TickGuard,
    TickLimits,
    judge_age,
    minute_closed,
)
from tests.builders import TEN

LIMITS = AgeLimits()
START_S = TEN.timestamp()


# --- age -----------------------------------------------------------------------------------------


@pytest.mark.req("REQ-ST1", "FUT-EDGE-2")
@pytest.mark.parametrize(
    ("quote_s", "bar_s", "found"),
    [
        (5.0, 90.0, None),
        (5.1, 0.0, Staleness.STALE),
        (30.0, 0.0, Staleness.STALE),
        (30.1, 0.0, Staleness.LONG),
        (0.0, 91.0, Staleness.STALE),
        (0.0, 9_000.0, Staleness.STALE),
        (float("nan"), 0.0, Staleness.LONG),
        (None, None, None),
    ],
)
def test_data_is_too_old_right_after_its_limit(
    quote_s: float | None, bar_s: float | None, found: Staleness | None
) -> None:
    stale = judge_age(quote_s, bar_s, LIMITS)
    assert (None if stale is None else stale.staleness) == found


@pytest.mark.req("REQ-ST1")
def test_a_quiet_instrument_may_have_its_own_age() -> None:
    assert judge_age(59.0, 0.0, AgeLimits(quote_s=60.0)) is None
    stale = judge_age(61.0, 0.0, AgeLimits(quote_s=60.0))
    assert stale is not None
    assert stale.staleness is Staleness.LONG


def test_what_is_said_stays_the_same_while_the_age_grows() -> None:
    one, two = judge_age(6.0, None, LIMITS), judge_age(7.0, None, LIMITS)
    assert one is not None
    assert two is not None
    assert (one.what, one.objection.value, two.objection.value) == (two.what, 6.0, 7.0)


def test_a_minute_is_closed_by_the_short_bar_that_ends_with_it() -> None:
    assert minute_closed(TEN + timedelta(seconds=55)) == START_S
    assert minute_closed(TEN + timedelta(seconds=60)) == START_S + 60


# --- ticks ---------------------------------------------------------------------------------------


def _guard(min_tick: float = 0.01) -> TickGuard:
    limits = TickLimits()
    return TickGuard(lambda: limits, min_tick=lambda _: min_tick)


def _tick(mid: float, at_s: float, *, spread: float = 0.0001) -> Quote:
    return Quote("SPY", mid - spread / 2, mid + spread / 2, 1, 1, mid, 1, START_S + at_s)


def _calm(guard: TickGuard, *, seconds: int = 60, sigma: float = 0.001) -> None:
    """A minute of mids around 100 that change by exactly `sigma` every second, up and down."""
    for n in range(seconds + 1):
        mid = 100.0 * (1 + sigma * (n % 2))
        assert guard.check(_tick(mid, float(n))) is None


def _flaw(bad: BadTick | None) -> Flaw | None:
    return None if bad is None else bad.flaw


@pytest.mark.req("REQ-O1")
@pytest.mark.parametrize(("sigmas", "flaw"), [(5.9, None), (6.1, Flaw.JUMP), (-5.9, None), (-6.1, Flaw.JUMP)])
def test_a_spike_beyond_six_sigma_is_rejected(sigmas: float, flaw: Flaw | None) -> None:
    guard = _guard()
    _calm(guard)
    bad = guard.check(_tick(100.0 * (1 + sigmas * 0.001), 60.5))
    assert _flaw(bad) == flaw
    if bad is not None:
        assert bad.objection.limit == 6.0
        assert bad.objection.value == pytest.approx(abs(sigmas), rel=0.01)


@pytest.mark.req("REQ-O1")
def test_after_a_spike_that_goes_back_the_old_level_goes_on_and_the_spike_has_taught_nothing() -> None:
    guard = _guard()
    _calm(guard)
    assert guard.check(_tick(101.0, 60.5)) is not None
    assert guard.accepted_at("SPY") == START_S + 60
    assert guard.check(_tick(100.0, 60.7)) is None
    assert guard.check(_tick(100.0 * 1.0061, 60.9)) is not None


@pytest.mark.req("REQ-O1")
def test_a_level_that_stays_is_believed_after_a_moment() -> None:
    guard = _guard()
    _calm(guard)
    found = [guard.check(_tick(103.0, 60.5 + 0.6 * n)) for n in range(RECENTRE_TICKS + 3)]
    assert [_flaw(bad) for bad in found[:2]] == [Flaw.JUMP] * 2
    assert [_flaw(bad) for bad in found[-3:]] == [None] * 3


@pytest.mark.req("REQ-O1")
def test_ticks_that_jump_about_are_never_a_new_level() -> None:
    guard = _guard()
    _calm(guard)
    found = [guard.check(_tick(103.0 if n % 2 else 97.0, 60.5 + 0.5 * n)) for n in range(20)]
    assert {_flaw(bad) for bad in found} == {Flaw.JUMP}


@pytest.mark.req("REQ-O1")
def test_crossed_and_one_sided_and_zero_quotes_are_rejected_and_a_locked_one_is_not() -> None:
    guard = _guard()
    nan = float("nan")
    sides = ((100.1, 100.0), (0.0, 100.0), (-1.0, 1.0), (nan, 100.0), (100.0, nan), (1.0, float("inf")))
    for bid, ask in sides:
        assert _flaw(guard.check(Quote("SPY", bid, ask, 1, 1, 100.0, 1, START_S))) is Flaw.NOT_TWO_SIDED
    assert guard.accepted_at("SPY") is None
    assert guard.check(Quote("SPY", 100.0, 100.0, 1, 1, 100.0, 1, START_S)) is None


@pytest.mark.req("REQ-O1")
def test_a_spread_beyond_its_limit_is_rejected_unless_it_is_one_step() -> None:
    guard = _guard()
    assert guard.check(_tick(100.0, 0.0, spread=0.29)) is None
    assert _flaw(guard.check(_tick(100.0, 1.0, spread=0.31))) is Flaw.WIDE
    assert guard.accepted_at("SPY") == START_S
    assert _guard(min_tick=0.5).check(_tick(100.0, 0.0, spread=0.5)) is None


def test_without_enough_history_nothing_is_a_jump() -> None:
    guard = _guard()
    _calm(guard, seconds=LEAST_SAMPLES - 2)
    assert guard.check(_tick(120.0, LEAST_SAMPLES - 1.5)) is None


def test_one_side_that_blinks_is_no_jump() -> None:
    guard = _guard()
    for n in range(61):
        assert guard.check(_tick(100.0, float(n), spread=0.1)) is None
    assert guard.check(_tick(100.05, 60.5, spread=0.2)) is None


def test_history_from_before_a_long_silence_says_nothing() -> None:
    guard = _guard()
    _calm(guard)
    assert guard.check(_tick(110.0, 60 + 61)) is None


@pytest.mark.req("REQ-O1")
@given(st.lists(st.floats(1.0, 1_000.0), min_size=1, max_size=80), st.floats(50.0, 150.0))
def test_it_never_freezes_for_ever(mids: list[float], level: float) -> None:
    guard = _guard()
    for n, mid in enumerate(mids):
        guard.check(_tick(mid, 0.7 * n))
    found = [guard.check(_tick(level, 0.7 * (len(mids) + n))) for n in range(10)]
    assert found[-1] is None
