"""When an entry may happen at all: in the session, after its first seconds, inside the window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.domain.instrument import SessionHours
from engine.domain.reasons import Reason
from engine.market.calendar_source import make_calendars
from engine.market.sessions import Calendar
from engine.risk.quality import check_session
from engine.risk.refusal import Refusal
from tests.builders import LIMITS, stock, world

ET = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def nyse() -> Calendar:
    """New York over both changes of its clocks and a year's end of holidays."""
    return make_calendars(("NYSE",), first=date(2025, 1, 2), last=date(2026, 12, 31))["NYSE"]


def _et(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ET).astimezone(UTC)  # type: ignore[misc] - a year, a month, a day …


def _refusal(nyse: Calendar, now: datetime, **limits: object) -> Refusal | None:
    hours = tuple(SessionHours(day.open, day.close) for day in nyse.days)
    here = world(now=now, instrument=stock(liquid_hours=hours))
    return check_session(here, replace(LIMITS, **limits))  # type: ignore[arg-type] - names of limits


@pytest.mark.req("REQ-TEST-002", "PS60-ENTRYWIN", "FUT-F7")
@pytest.mark.parametrize("day", [(2025, 3, 7), (2025, 3, 10), (2025, 10, 31), (2025, 11, 3), (2026, 11, 20)])
def test_the_window_keeps_new_yorks_time_on_both_sides_of_a_clock_change(
    nyse: Calendar, day: tuple[int, int, int]
) -> None:
    def reason(hour: int, minute: int, second: int = 0) -> Reason | None:
        refusal = _refusal(nyse, _et(*day, hour, minute, second))
        return None if refusal is None else refusal.reason

    assert reason(9, 29, 59) is Reason.SESSION_CLOSED
    assert reason(9, 44, 59) is Reason.ENTRY_WINDOW
    assert reason(9, 45) is None
    assert reason(14, 59, 59) is None
    assert reason(15, 0) is Reason.ENTRY_WINDOW
    assert reason(16, 0) is Reason.SESSION_CLOSED


@pytest.mark.req("PLAN-LOOP-CLOCK")
@pytest.mark.parametrize(
    ("shut", "opens"),
    [
        ((2026, 11, 20, 16, 5), (2026, 11, 23, 9, 30)),
        ((2026, 11, 26, 12, 0), (2026, 11, 27, 9, 30)),
        ((2026, 11, 27, 13, 0), (2026, 11, 30, 9, 30)),
    ],
)
def test_after_a_weekend_a_holiday_and_a_half_day_entries_wait_for_the_open_and_two_seconds(
    nyse: Calendar, shut: tuple[int, ...], opens: tuple[int, ...]
) -> None:
    def reason(now: datetime) -> Reason | None:
        refusal = _refusal(nyse, now, open_delay_s=2.0, entry_start=opening)
        return None if refusal is None else refusal.reason

    opening = datetime(*opens).time()  # type: ignore[arg-type] - a year, a month, a day …
    begins = _et(*opens)
    assert nyse.next_open(_et(*shut)) == begins
    assert reason(_et(*shut)) is Reason.SESSION_CLOSED
    assert reason(begins) is Reason.SESSION_CLOSED
    assert reason(begins + timedelta(seconds=1.9)) is Reason.SESSION_CLOSED
    assert reason(begins + timedelta(seconds=2)) is None


@given(
    opens_h=st.integers(0, 24 * 300),
    lasts_h=st.integers(1, 60),
    into_s=st.integers(0, 60 * 3600),
    start=st.times(),
    end=st.times(),
)
def test_the_window_is_the_wall_clock_of_new_york_however_long_a_session_lasts(
    opens_h: int, lasts_h: int, into_s: int, start: time, end: time
) -> None:
    opens = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=opens_h)
    now = opens + timedelta(seconds=min(into_s, lasts_h * 3600 - 1))
    assume(now.astimezone(ET).date() not in {date(2026, 3, 8), date(2026, 11, 1)})  # clocks change at night
    session = SessionHours(opens, opens + timedelta(hours=lasts_h))
    here = world(now=now, instrument=stock(liquid_hours=(session,)))

    refusal = check_session(here, replace(LIMITS, entry_start=start, entry_end=end))

    is_inside = start <= now.astimezone(ET).time() < end
    assert (refusal is None) is is_inside
    assert refusal is None or refusal.reason is Reason.ENTRY_WINDOW
