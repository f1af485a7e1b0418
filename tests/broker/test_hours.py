"""Session strings become aware UTC, whatever their form; nonsense is refused by name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker.hours import parse_hours, zone


def test_the_long_form_with_a_closed_day() -> None:
    text = "20240721:CLOSED;20240722:0930-20240722:1600;20240723:0930-20240723:1300"

    sessions = parse_hours(text, "US/Eastern")

    assert [(s.open.isoformat(), s.close.isoformat()) for s in sessions] == [
        ("2024-07-22T13:30:00+00:00", "2024-07-22T20:00:00+00:00"),
        ("2024-07-23T13:30:00+00:00", "2024-07-23T17:00:00+00:00"),
    ]


def test_the_short_form_with_a_break_and_the_old_zone_name() -> None:
    sessions = parse_hours("20180323:0930-1200,1300-1600;20180324:CLOSED", "EST (Eastern Standard Time)")

    assert [s.open.hour for s in sessions] == [13, 17]
    assert sessions[1].close - sessions[1].open == timedelta(hours=3)


def test_a_futures_session_begins_on_the_evening_before() -> None:
    (session,) = parse_hours("20261122:1700-20261123:1600", "US/Central")

    assert session.close - session.open == timedelta(hours=23)


def test_a_short_form_session_over_midnight_and_one_until_2400() -> None:
    night, day = parse_hours("20261122:1700-0200;20261123:0930-2400", "UTC")

    assert night.close == datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert day.close == datetime(2026, 11, 24, tzinfo=UTC)


def test_the_offset_follows_daylight_saving() -> None:
    before, after = parse_hours("20261030:0930-20261030:1600;20261102:0930-20261102:1600", "US/Eastern")

    assert (before.open.hour, after.open.hour) == (13, 14)


@pytest.mark.parametrize(
    "text", ["20240722:0930", "20240722", "2024:0930-2024:1600", "20240722:1600-20240722:0930", "x:y-z:w"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"session|YYYYMMDD"):
        parse_hours(text, "US/Eastern")


def test_an_unknown_zone_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="Mars/Olympus"):
        zone("Mars/Olympus")


@given(
    st.lists(
        st.tuples(
            st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 1438), st.integers(1, 1439)
        ).filter(lambda day: day[1] < day[2]),
        max_size=8,
        unique_by=lambda day: day[0],
    ),
    st.sampled_from(["US/Eastern", "US/Central", "UTC", "Europe/London"]),
)
def test_any_week_comes_back_sorted_with_its_local_times(
    days: list[tuple[date, int, int]], name: str
) -> None:
    def clock(minutes: int) -> str:
        return f"{minutes // 60:02d}{minutes % 60:02d}"

    text = ";".join(f"{d:%Y%m%d}:{clock(a)}-{d:%Y%m%d}:{clock(b)}" for d, a, b in days)
    tz = ZoneInfo(name)
    # A clock change can make a session that spans it empty or negative; such hours do not exist.
    local = [(datetime(d.year, d.month, d.day, tzinfo=tz), a, b) for d, a, b in days]
    whole = all(
        (m + timedelta(minutes=a)).astimezone(UTC) < (m + timedelta(minutes=b)).astimezone(UTC)
        for m, a, b in local
    )
    if not whole:
        return

    sessions = parse_hours(text, name)

    assert list(sessions) == sorted(sessions)
    assert len(sessions) == len(days)
    assert all(s.open.utcoffset() == timedelta(0) and s.open < s.close for s in sessions)
