"""Uptime and mean time between failures, from what was recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.health.uptime import SpanEnd, UpSpan, reckon

FIRST = datetime(2026, 11, 16, 14, 30, tzinfo=UTC)
SESSION = timedelta(hours=6.5)
LATER = FIRST + timedelta(days=30)


def span(day: int, began_h: float, ended_h: float, end: SpanEnd) -> UpSpan:
    """A stretch of the session of that day, in hours since its open."""
    opened = FIRST + timedelta(days=day)
    return UpSpan(
        opened, opened + SESSION, opened + timedelta(hours=began_h), opened + timedelta(hours=ended_h), end
    )


def whole(day: int) -> UpSpan:
    """A session without an event."""
    return span(day, 0.0, 6.5, SpanEnd.CLOSE)


@pytest.mark.req("PS60-NFR-REL")
def test_five_sessions_with_one_outage_of_a_minute_are_up_99_95_percent() -> None:
    minute = 60 / 3600
    found = reckon(
        [
            *(whole(day) for day in (0, 1, 3, 4)),
            span(2, 0.0, 2.0, SpanEnd.LINE),
            span(2, 2.0 + minute, 6.5, SpanEnd.CLOSE),
        ],
        now=LATER,
    )

    assert found.sessions == 5
    assert found.failures == 1
    assert found.pct == pytest.approx(99.9487, abs=1e-4)
    assert f"{found.pct:.2f}" == "99.95"
    assert found.mtbf_h == pytest.approx(32.4833, abs=1e-4)


@pytest.mark.req("PS60-NFR-REL")
def test_seven_sessions_without_a_failure_have_no_time_between_failures() -> None:
    found = reckon([whole(day) for day in range(7)], now=LATER)

    assert (found.pct, found.failures, found.mtbf_h) == (100.0, 0, None)
    assert found.up_s / 3600 == 45.5


def test_stopping_on_purpose_is_no_downtime_and_crashing_is() -> None:
    stopped = reckon([span(0, 1.0, 2.0, SpanEnd.STOPPED), span(0, 3.0, 6.5, SpanEnd.CLOSE)], now=LATER)
    crashed = reckon([span(0, 1.0, 2.0, SpanEnd.RUNNING), span(0, 3.0, 6.5, SpanEnd.CLOSE)], now=LATER)

    assert (stopped.pct, stopped.failures) == (100.0, 0)
    assert crashed.pct == pytest.approx(100 * 4.5 / 5.5)
    assert crashed.failures == 1


def test_a_crash_that_nobody_repaired_counts_down_to_the_close() -> None:
    found = reckon([span(0, 0.0, 5.5, SpanEnd.RUNNING)], now=LATER)

    assert found.pct == pytest.approx(100 * 5.5 / 6.5)
    assert found.failures == 1


def test_a_running_session_is_judged_up_to_now_only() -> None:
    now = FIRST + timedelta(hours=2, seconds=10)

    assert reckon([span(0, 0.0, 2.0, SpanEnd.RUNNING)], now=now).failures == 0


def test_a_line_that_is_still_lost_counts_up_to_now() -> None:
    now = FIRST + timedelta(hours=4)
    found = reckon([span(0, 0.0, 2.0, SpanEnd.LINE)], now=now)

    assert (found.pct, found.failures) == (50.0, 1)


def test_the_gateways_restart_is_no_failure() -> None:
    found = reckon([span(0, 0.0, 2.0, SpanEnd.RESTART), span(0, 2.2, 6.5, SpanEnd.CLOSE)], now=LATER)

    assert (found.pct, found.failures) == (100.0, 0)


def test_nothing_recorded_is_no_uptime() -> None:
    assert reckon([], now=LATER).pct is None


@given(st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(0.0, 0.3), st.sampled_from(SpanEnd)), max_size=5))
def test_it_is_a_share_whatever_is_recorded(parts: list[tuple[float, float, SpanEnd]]) -> None:
    spans, at = [], 0.0
    for length, gap, end in parts:
        spans.append(span(0, at, at + length, end))
        at += length + gap

    found = reckon(spans, now=LATER)

    assert found.pct is None or 0 < found.pct <= 100.0 + 1e-9
    assert found.failures <= len(parts)
