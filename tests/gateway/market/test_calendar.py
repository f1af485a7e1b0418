"""The session table against the library it was made from, and the days that break naive clocks."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gateway.calendar import ExchangeCalendar, session_on
from engine.gateway.instruments import load_instruments
from engine.gateway.model import Contract
from tests.gateway.market.markets import at
from tools.make_holidays import CALENDARS, TABLE, exceptions_of

CALENDAR = ExchangeCalendar()
DATES = st.dates(dt.date(2013, 1, 1), dt.date(2030, 12, 31))


def spy() -> Contract:
    return load_instruments().stocks["SPY"].contract


def future(root: str) -> Contract:
    return load_instruments().roots[root].contract(2026, 12)


# The library lags behind the deprecations of pandas; that is not what is tested here.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("calendar", CALENDARS)
def test_the_committed_table_equals_the_calendar_library(calendar: str) -> None:
    with Path(TABLE).open(encoding="ascii") as file:
        committed = [tuple(row) for row in csv.reader(file) if row[0] == calendar]

    assert committed == list(exceptions_of(calendar))


@pytest.mark.req("FUT-F7")
def test_thanksgiving_closes_new_york_and_shortens_the_futures_day() -> None:
    assert session_on("XNYS", dt.date(2025, 11, 27)) is None
    thursday = session_on("CME_Equity", dt.date(2025, 11, 27))
    friday = session_on("XNYS", dt.date(2025, 11, 28))
    assert thursday is not None
    assert friday is not None
    assert thursday.close == at("2025-11-27 13:00")
    assert friday.regular_close == at("2025-11-28 13:00")
    assert friday.close == at("2025-11-28 17:00")
    globex_friday = session_on("CME_Equity", dt.date(2025, 11, 28))
    assert globex_friday is not None
    assert globex_friday.open == at("2025-11-27 18:00")
    assert globex_friday.close == at("2025-11-28 13:15")


@pytest.mark.req("FUT-F7")
@pytest.mark.parametrize(
    ("root", "open_at", "closed_at"),
    [
        ("ES", "2026-11-22 18:00", "2026-11-20 17:00"),
        ("CL", "2026-11-22 18:00", "2026-11-20 17:30"),
        ("GC", "2026-11-19 18:00", "2026-11-19 17:59"),
        ("ZN", "2026-11-19 16:59", "2026-11-21 12:00"),
    ],
)
def test_globex_opens_sunday_evening_and_breaks_for_an_hour_a_day(
    root: str, open_at: str, closed_at: str
) -> None:
    assert CALENDAR.session(future(root), at(open_at)) is not None
    assert CALENDAR.session(future(root), at(closed_at)) is None


@pytest.mark.req("FUT-F7")
@pytest.mark.parametrize(
    ("date", "utc_hour"),
    [("2025-03-07", 14), ("2025-03-10", 13), ("2025-10-31", 13), ("2025-11-03", 14)],
)
def test_the_opening_moves_in_utc_when_the_clocks_change(date: str, utc_hour: int) -> None:
    session = session_on("XNYS", dt.date.fromisoformat(date))

    assert session is not None
    opening = dt.datetime.fromtimestamp(session.regular_open, dt.UTC)
    assert (opening.hour, opening.minute) == (utc_hour, 30)


def test_a_session_ends_at_its_close_and_the_next_one_is_after_the_weekend() -> None:
    friday_close = at("2026-11-20 20:00")

    assert CALENDAR.session(spy(), friday_close - 0.001) is not None
    assert CALENDAR.session(spy(), friday_close) is None
    assert CALENDAR.next_session(spy(), friday_close).date == dt.date(2026, 11, 23)
    assert CALENDAR.next_session(spy(), at("2026-11-20 12:00")).date == dt.date(2026, 11, 23)


def test_regular_hours_and_extended_hours_are_told_apart() -> None:
    assert not CALENDAR.is_open(spy(), at("2026-11-20 08:00"))
    assert CALENDAR.is_open(spy(), at("2026-11-20 08:00"), outside_rth=True)
    assert CALENDAR.is_open(spy(), at("2026-11-20 09:30"))
    assert not CALENDAR.is_open(spy(), at("2026-11-20 16:00"))


def test_hours_are_written_as_tws_writes_them() -> None:
    trading, liquid = CALENDAR.hours_text(spy(), at("2026-11-25 10:00"), 4)

    assert trading.split(";") == [
        "20261125:0400-20261125:2000",
        "20261126:CLOSED",
        "20261127:0400-20261127:1700",
        "20261128:CLOSED",
    ]
    assert liquid.split(";")[2] == "20261127:0930-20261127:1300"


def test_futures_hours_are_in_the_contracts_own_zone_and_span_two_dates() -> None:
    trading, liquid = CALENDAR.hours_text(future("ES"), at("2026-11-19 10:00"), 1)

    assert trading == "20261118:1700-20261119:1600"
    assert liquid == "20261119:0830-20261119:1500"


@given(date=DATES, calendar=st.sampled_from(sorted(CALENDARS)))
def test_regular_hours_lie_within_the_session_on_every_day(date: dt.date, calendar: str) -> None:
    session = session_on(calendar, date)

    if session is not None:
        assert session.open < session.close
        assert session.open <= session.regular_open <= session.regular_close <= session.close
        assert session.close - session.open <= 23 * 3600


@given(date=DATES, calendar=st.sampled_from(sorted(CALENDARS)))
def test_sessions_of_following_days_never_overlap(date: dt.date, calendar: str) -> None:
    first, second = session_on(calendar, date), session_on(calendar, date + dt.timedelta(days=1))

    if first is not None and second is not None:
        assert first.close <= second.open
