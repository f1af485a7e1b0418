"""What a session means for the day: entry times, the time to be flat, early closes."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.domain.instrument import SecType, SessionHours
from engine.market.day_plan import EntryWindow, plan_day, running_or_next
from engine.market.sessions import DayRules

ET = ZoneInfo("America/New_York")
RULES = DayRules(time(15, 55), flatten_minutes=5, flatten_lead_minutes=1, no_entry_minutes=15)
WINDOW = EntryWindow(time(9, 45), time(15))


def hours(day: int, first: time, last: time, *, before: int = 0) -> SessionHours:
    """A session of November 2026, in New York's time."""
    opens = datetime(2026, 11, day, tzinfo=ET).replace(hour=first.hour, minute=first.minute)
    return SessionHours(opens - timedelta(days=before), datetime.combine(opens.date(), last, tzinfo=ET))


def _clocks(*times: datetime | None) -> list[str]:
    return ["-" if at is None else f"{at.astimezone(ET):%H:%M}" for at in times]


REGULAR = hours(20, time(9, 30), time(16))


@pytest.mark.req("FUT-F7", "PS60-ENTRYWIN")
@pytest.mark.parametrize(
    ("session", "said"),
    [
        (REGULAR, ["09:45", "15:00", "15:55"]),
        (hours(27, time(9, 30), time(13)), ["09:45", "12:45", "12:55"]),
        (hours(27, time(15), time(16)), ["-", "-", "15:55"]),
    ],
)
def test_entries_of_a_stock_keep_to_the_window_and_stay_away_from_the_close(
    session: SessionHours, said: list[str]
) -> None:
    plan = plan_day(SecType.STOCK, session, regular=session, rules=RULES, window=WINDOW)
    assert _clocks(plan.entries_from, plan.entries_until, plan.flat_by) == said


@pytest.mark.req("FUT-F7")
def test_a_future_is_entered_in_its_regular_hours_and_flat_before_its_own_close() -> None:
    night = hours(20, time(18), time(17), before=1)
    plan = plan_day(SecType.FUTURE, night, regular=REGULAR, rules=RULES, window=WINDOW)
    assert _clocks(plan.opens, plan.entries_from, plan.entries_until, plan.flat_by) == [
        "18:00",
        "09:45",
        "15:00",
        "16:55",
    ]


def test_a_close_before_the_usual_one_is_early() -> None:
    around = [REGULAR, hours(23, time(9, 30), time(16)), hours(27, time(9, 30), time(13))]
    plans = [
        plan_day(SecType.STOCK, one, regular=one, rules=RULES, window=WINDOW, around=around) for one in around
    ]
    assert [plan.is_early for plan in plans] == [False, False, True]


def test_the_session_that_runs_comes_before_the_next() -> None:
    coming = hours(23, time(9, 30), time(16))
    assert running_or_next((REGULAR, coming), REGULAR.open) == REGULAR
    assert running_or_next((REGULAR, coming), REGULAR.close) == coming
    assert running_or_next((), REGULAR.open) is None
