"""Numbers, times and foreign text as the screen shows them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit import format as fmt

NOW = datetime(2026, 3, 10, 14, 3, 27, tzinfo=UTC)


@given(st.text())
def test_cleaned_text_is_printable_never_longer_and_cleaning_twice_changes_nothing(text: str) -> None:
    cleaned = fmt.clean(text)

    assert cleaned == "" or cleaned.isprintable()
    assert len(cleaned) <= len(text)
    assert fmt.clean(cleaned) == cleaned


@given(st.floats(min_value=-1e12, max_value=1e12))
def test_a_number_on_screen_reads_back_as_itself(value: float) -> None:
    shown = fmt.signed(value).replace(",", "").replace(fmt.MINUS, "-")

    assert float(shown) == pytest.approx(value, abs=0.0051)
    assert "-0.00" not in shown
    assert "+0.00" not in shown


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_unknown_is_a_dash_and_never_a_zero(value: float | None) -> None:
    assert fmt.number(value) == "—"
    assert fmt.signed(value) == "—"
    assert fmt.arrowed(value) == "—"
    assert fmt.compact(value) == "—"
    assert fmt.age(value) == "—"
    assert fmt.duration(value) == "—"
    assert fmt.freshness(value) == "—"
    assert fmt.price(value, decimals=2) == "—"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(132.5, "▲ +132.50"), (-25.0, "▼ −25.00"), (0.0, "· 0.00"), (1_000_341.48, "▲ +1,000,341.48")],
)
def test_amounts_carry_arrow_and_sign(value: float, shown: str) -> None:
    assert fmt.arrowed(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(912.0, "912"), (44_210.0, "44.2k"), (-1_250_000.0, "−1.2M"), (3e9, "3.0B")]
)
def test_compact_sums(value: float, shown: str) -> None:
    assert fmt.compact(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1.0, "0.0 s"), (0.2, "0.2 s"), (9.97, "9 s"), (12.0, "12 s"), (190.0, "3:10"), (7500.0, "2 h 05 m")],
)
def test_ages(seconds: float, shown: str) -> None:
    assert fmt.age(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "live"), (1.9, "live"), (3.7, "3 s old"), (75.0, "1:15 old")]
)
def test_titles_say_live_or_how_old(seconds: float, shown: str) -> None:
    assert fmt.freshness(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(45.0, "45 s"), (720.0, "12 m"), (21_393.0, "5 h 56 m"), (180_000.0, "2 d 02 h")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert fmt.duration(seconds) == shown


def test_times_are_the_exchanges() -> None:
    assert fmt.wall_time(NOW) == "10:03:27"
    assert fmt.wall_time(NOW, time_zone="America/Chicago") == "09:03:27"
    assert fmt.zone_name(NOW) == "ET"
    assert fmt.zone_name(NOW, time_zone="America/Chicago") == "CDT"
    assert fmt.wall_time(None) == "—"


def test_held_counts_hours_and_minutes() -> None:
    assert fmt.held(NOW - timedelta(minutes=12), now=NOW) == "0:12"
    assert fmt.held(NOW - timedelta(hours=26, minutes=5), now=NOW) == "26:05"
    assert fmt.held(None, now=NOW) == "—"


def test_a_share_of_nothing_is_unknown() -> None:
    assert fmt.share(5.0, 0.0) == "—"
    assert fmt.share(498.5, 1_000_000.0) == "0.05 %"
