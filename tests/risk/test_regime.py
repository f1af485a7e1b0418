"""Regimes: what a trend, a range and a crash look like, and what each multiplies."""

from __future__ import annotations

import math
import random

import pytest

from engine.risk.regime import (
    Regime,
    RegimeDetector,
    RegimeMultipliers,
    RegimeRules,
    trend_and_volatility,
)

RULES = RegimeRules(window=30, history=200, min_history=20)


def walk(*legs: tuple[int, float, float], seed: int = 7) -> list[Regime]:
    """Regimes along a price made of legs (bars, drift per bar, noise per bar)."""
    draw = random.Random(seed)
    detector, log_price, seen = RegimeDetector(RULES), 0.0, []
    for bars, drift, noise in legs:
        for _ in range(bars):
            log_price += drift + draw.gauss(0.0, noise)
            seen.append(detector.add(math.exp(log_price)).regime)
    return seen


@pytest.mark.req("REQ-U3")
def test_a_steady_rise_is_bull_a_steady_fall_bear_and_a_range_mostly_chop() -> None:
    assert walk((150, 0.0, 0.001), (60, 0.001, 0.001))[-1] is Regime.BULL
    assert walk((150, 0.0, 0.002), (60, -0.0008, 0.001))[-1] is Regime.BEAR
    ranging = walk((400, 0.0, 0.001))
    assert ranging.count(Regime.CHOP) > 0.9 * len(ranging)


@pytest.mark.req("REQ-U3")
def test_a_wild_fall_is_a_crash() -> None:
    assert walk((150, 0.0, 0.001), (30, -0.01, 0.006))[-1] is Regime.CRASH


def test_before_it_has_seen_enough_it_is_chop() -> None:
    assert set(walk((40, 0.01, 0.0001))) == {Regime.CHOP}


def test_what_is_no_price_changes_nothing() -> None:
    detector = RegimeDetector(RULES)
    for close in (math.nan, math.inf, 0.0, -1.0):
        assert detector.add(close).regime is Regime.CHOP


def test_an_even_climb_has_no_noise_and_a_flat_line_no_trend() -> None:
    climb = tuple(0.5 * n for n in range(10))
    assert trend_and_volatility(climb) == (math.inf, 0.0)
    assert trend_and_volatility((1.0,) * 10) == (0.0, 0.0)


@pytest.mark.req("REQ-U3")
def test_multipliers_are_those_configured_and_never_above_the_hard_cap() -> None:
    made = RegimeMultipliers()
    assert [made.of(regime) for regime in Regime] == [1.2, 1.0, 0.6, 0.0]
    assert RegimeMultipliers(bull=3.0).of(Regime.BULL) == 1.2
