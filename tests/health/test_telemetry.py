"""Times in buckets, minutes, limits: percentiles are right to a bucket, and a violation is found and ends."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.health.histogram import Histogram
from engine.health.telemetry import (
    LEAST_SAMPLES,
    WINDOW_MINUTES,
    Counters,
    Limit,
    Telemetry,
    Timing,
    shown_ms,
    violations,
)

LIMITS = (Limit(Timing.CYCLE, 95.0, 1000.0), Limit(Timing.CYCLE, 99.0, 2000.0))


@given(
    st.lists(st.floats(min_value=0.001, max_value=100_000.0), min_size=1, max_size=200),
    st.floats(min_value=0.1, max_value=100.0),
)
def test_a_percentile_is_never_too_good_and_wrong_by_a_bucket_at_most(times: list[float], pct: float) -> None:
    histogram = Histogram()
    for ms in times:
        histogram.add(ms)
    ordered = sorted(times)
    exact = ordered[max(0, math.ceil(len(ordered) * pct / 100.0 - 1e-9) - 1)]

    found = histogram.percentile(pct)

    assert found is not None
    assert exact <= found * (1 + 1e-9)
    assert found <= max(exact * 1.2, 0.0101)
    assert histogram.count == len(times)


@given(st.lists(st.lists(st.floats(min_value=0.001, max_value=1000.0), max_size=20), max_size=5))
def test_merged_histograms_are_the_histogram_of_all(parts: list[list[float]]) -> None:
    whole, histograms = Histogram(), []
    for part in parts:
        one = Histogram()
        for ms in part:
            one.add(ms)
            whole.add(ms)
        histograms.append(one)

    merged = Histogram.merged(histograms)

    assert merged.counts == whole.counts
    assert merged.max_ms == whole.max_ms


def test_nothing_measured_has_no_percentile() -> None:
    assert Histogram().percentile(95.0) is None


@pytest.mark.req("REQ-OB1")
def test_slow_cycles_are_a_violation_that_ends_when_they_have_left_the_window() -> None:
    telemetry = Telemetry()
    for _ in range(LEAST_SAMPLES):
        telemetry.add(Timing.CYCLE, 1500.0)

    (found,) = violations(telemetry, LIMITS, degraded_pct=0.5)
    assert found.text == "decision cycle p95 is 1.50 s, limit 1.00 s"

    for _ in range(WINDOW_MINUTES):
        telemetry.turn()
    assert violations(telemetry, LIMITS, degraded_pct=0.5) == []


@pytest.mark.req("REQ-OB1")
def test_too_few_samples_say_nothing() -> None:
    telemetry = Telemetry()
    for _ in range(LEAST_SAMPLES - 1):
        telemetry.add(Timing.CYCLE, 60_000.0)

    assert violations(telemetry, LIMITS, degraded_pct=0.5) == []


@pytest.mark.req("REQ-OB1")
@pytest.mark.parametrize(("degraded", "violated"), [(1, False), (2, True)])
def test_more_than_half_a_percent_of_degraded_cycles_is_a_violation(degraded: int, violated: bool) -> None:
    telemetry = Telemetry(counters=Counters(cycles=200, degraded=degraded))

    assert bool(violations(telemetry, LIMITS, degraded_pct=0.5)) is violated


@pytest.mark.req("PLAN-LOOP-COUNTERS")
def test_a_minute_tells_what_came_in_it_and_the_counters_go_on() -> None:
    telemetry = Telemetry()
    telemetry.counters.bars += 3
    telemetry.add(Timing.STORE, 0.4)
    first = telemetry.turn()
    telemetry.counters.bars += 2
    second = telemetry.turn()

    assert (first.counters.bars, second.counters.bars, telemetry.counters.bars) == (3, 2, 5)
    assert first.figures[Timing.STORE].samples == 1
    assert second.figures[Timing.STORE].p99_ms is None
    assert telemetry.window(Timing.STORE).count == 1


def test_times_are_shown_as_people_read_them() -> None:
    assert [shown_ms(ms) for ms in (0.4234, 12.34, 1200.0)] == ["0.42 ms", "12.3 ms", "1.20 s"]
