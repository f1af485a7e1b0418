"""Sessions: open or not, until when, when next, on ordinary and on awkward days, for stocks and futures."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from engine.domain.instrument import SecType, SessionHours
from engine.market.calendar_source import make_calendars
from engine.market.calendars import UnknownCalendarError, calendar_name, calendar_of, every_calendar
from engine.market.sessions import (
    Calendar,
    DayRules,
    SessionDay,
    entries_end,
    flat_by,
    flatten_from,
)
from engine.strategy.continuity import PAUSE, PAUSED
from tests.builders import future, stock

ET = ZoneInfo("America/New_York")
RULES = DayRules(time(15, 55), flatten_minutes=5, flatten_lead_minutes=1, no_entry_minutes=15)


def et(*parts: int) -> datetime:
    """A New York wall time, as UTC."""
    return datetime(*parts, tzinfo=ET).astimezone(UTC)  # type: ignore[misc]


@pytest.fixture(scope="module")
def calendars() -> dict[str, Calendar]:
    """Every calendar of the table, over 2025 and 2026, made once."""
    return make_calendars(every_calendar(), first=date(2025, 1, 1), last=date(2026, 12, 31))


@pytest.mark.req("FUT-F7")
@pytest.mark.parametrize(
    ("exchange", "root", "close_et"),
    [
        ("CME", "ES", time(17)),
        ("CME", "6E", time(17)),
        ("CBOT", "ZN", time(17)),
        ("CBOT", "ZS", time(14, 20)),
        ("COMEX", "GC", time(17)),
        ("NYMEX", "CL", time(17)),
        ("NYMEX", "NG", time(17)),
    ],
)
def test_products_of_every_exchange_have_their_calendar(
    calendars: dict[str, Calendar], exchange: str, root: str, close_et: time
) -> None:
    calendar = calendars[calendar_name(SecType.FUTURE, exchange, root)]

    day = calendar.session_at(et(2026, 11, 18, 10))

    assert day is not None
    assert day.day == date(2026, 11, 18)
    assert day.close.astimezone(ET).time() == close_et


@pytest.mark.req("FUT-F7")
def test_an_instrument_finds_its_calendar_and_a_strange_exchange_is_named() -> None:
    assert calendar_of(stock()) == "NYSE"
    assert calendar_of(future("ESZ6")) == "CME Globex Equity"
    with pytest.raises(UnknownCalendarError, match="EUREX"):
        calendar_name(SecType.FUTURE, "EUREX", "FDAX")


@pytest.mark.req("FUT-F7")
def test_the_daily_break_and_the_sunday_evening_of_futures(calendars: dict[str, Calendar]) -> None:
    es = calendars["CME Globex Equity"]

    assert es.session_at(et(2026, 11, 18, 16, 59)) is not None
    assert es.session_at(et(2026, 11, 18, 17)) is None
    assert es.next_open(et(2026, 11, 18, 17)) == et(2026, 11, 18, 18)
    evening = es.session_at(et(2026, 11, 18, 18))
    assert evening is not None
    assert evening.day == date(2026, 11, 19)
    assert es.session_at(et(2026, 11, 22, 17, 59)) is None
    sunday = es.session_at(et(2026, 11, 22, 18))
    assert sunday is not None
    assert sunday.day == date(2026, 11, 23)


@pytest.mark.req("FUT-F7", "PLAN-LOOP-CLOCK")
def test_thanksgiving_2025(calendars: dict[str, Calendar]) -> None:
    nyse, es = calendars["NYSE"], calendars["CME Globex Equity"]

    assert nyse.session_at(et(2025, 11, 27, 12)) is None
    assert nyse.minutes_to_close(et(2025, 11, 28, 12, 30)) == 30.0
    assert es.minutes_to_close(et(2025, 11, 27, 12, 30)) == 30.0
    assert es.session_at(et(2025, 11, 28, 13, 15)) is None
    assert nyse.next_open(et(2025, 11, 26, 16)) == et(2025, 11, 28, 9, 30)
    # From the Friday of the half day to Monday.
    assert nyse.next_open(et(2025, 11, 28, 13)) == et(2025, 12, 1, 9, 30)


@pytest.mark.req("FUT-F7")
@pytest.mark.parametrize(
    ("before", "after"), [((2025, 3, 7), (2025, 3, 10)), ((2025, 10, 31), (2025, 11, 3))]
)
def test_opens_keep_their_wall_time_across_a_clock_change(
    calendars: dict[str, Calendar], before: tuple[int, int, int], after: tuple[int, int, int]
) -> None:
    nyse, es = calendars["NYSE"], calendars["CME Globex Equity"]
    utc_opens = []
    for day in (before, after):
        session = nyse.session_at(et(*day, 10))
        assert session is not None
        assert session.open == et(*day, 9, 30)
        utc_opens.append(session.open.time())
        future_session = es.session_at(et(*day, 10))
        assert future_session is not None
        assert future_session.close == et(*day, 17)
    assert utc_opens[0] != utc_opens[1]


def test_a_break_inside_a_session_is_closed_time(calendars: dict[str, Calendar]) -> None:
    grains = calendars["CMEGlobex_Grains"]
    day = grains.upcoming(et(2026, 11, 18, 10))
    assert day is not None
    (pause,) = [(a.close, b.open) for a, b in pairwise(day.parts)]
    assert grains.session_at(pause[0] - timedelta(seconds=1)) is day
    assert grains.session_at(pause[0]) is None
    assert grains.next_open(pause[0]) == pause[1]


def test_beyond_its_table_a_calendar_knows_nothing(calendars: dict[str, Calendar]) -> None:
    nyse = calendars["NYSE"]
    late = et(2027, 3, 1, 12)
    assert not nyse.covers(late)
    assert nyse.upcoming(late) is None
    assert nyse.next_open(late) is None


@pytest.mark.req("PS60-ACC-5", "FUT-EDGE-3", "REQ-TEST-002")
@pytest.mark.parametrize(
    ("sec_type", "close", "flat", "begins", "no_entry"),
    [
        (SecType.STOCK, (2026, 11, 20, 16, 0), (15, 55), (15, 54), (15, 45)),
        (SecType.STOCK, (2026, 11, 27, 13, 0), (12, 55), (12, 54), (12, 45)),
        (SecType.STOCK, (2026, 7, 6, 16, 0), (15, 55), (15, 54), (15, 45)),
        (SecType.FUTURE, (2026, 11, 20, 17, 0), (16, 55), (16, 54), (16, 45)),
        (SecType.FUTURE, (2026, 11, 27, 13, 15), (13, 10), (13, 9), (13, 0)),
    ],
)
def test_the_end_of_a_day_follows_its_close(
    sec_type: SecType,
    close: tuple[int, ...],
    flat: tuple[int, int],
    begins: tuple[int, int],
    no_entry: tuple[int, int],
) -> None:
    closes = et(*close)
    assert flat_by(sec_type, closes, RULES).astimezone(ET).time() == time(*flat)
    assert flatten_from(sec_type, closes, RULES).astimezone(ET).time() == time(*begins)
    assert entries_end(sec_type, closes, RULES).astimezone(ET).time() == time(*no_entry)


@pytest.mark.req("PS60-ACC-5")
def test_stocks_are_flat_by_the_clock_where_that_is_earlier() -> None:
    early = DayRules(time(15, 30), flatten_minutes=5, flatten_lead_minutes=1, no_entry_minutes=15)
    assert flat_by(SecType.STOCK, et(2026, 11, 20, 16), early) == et(2026, 11, 20, 15, 30)
    assert entries_end(SecType.STOCK, et(2026, 11, 20, 16), early) == et(2026, 11, 20, 15, 29)


@pytest.mark.req("FUT-EDGE-3")
def test_less_than_five_minutes_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        DayRules(time(15, 55), flatten_minutes=4.9, flatten_lead_minutes=1, no_entry_minutes=15)


def test_a_table_that_overlaps_is_refused() -> None:
    opens = et(2026, 11, 20, 9, 30)
    one = SessionDay(date(2026, 11, 20), (SessionHours(opens, opens + timedelta(hours=2)),))
    two = SessionDay(
        date(2026, 11, 21), (SessionHours(opens + timedelta(hours=1), opens + timedelta(hours=3)),)
    )
    with pytest.raises(ValueError, match="overlap"):
        Calendar("odd", (one, two))


@pytest.mark.req("PLAN-RISK-GAPS")
def test_the_pause_that_strategies_know_is_the_one_of_the_calendar_on_every_day(
    calendars: dict[str, Calendar],
) -> None:
    pauses = {
        tuple(at.astimezone(ET).time() for at in (a.close, b.open))
        for name, calendar in calendars.items()
        for day in calendar.days
        for a, b in pairwise(day.parts)
        if name != "CME Globex Cryptocurrencies"  # its break is the boundary of the trading day
    }
    assert pauses == {PAUSE}
    paused = {name for name, calendar in calendars.items() if any(len(d.parts) > 1 for d in calendar.days)}
    assert paused <= {"CMEGlobex_Grains", "CME Globex Cryptocurrencies"}
    for root in PAUSED:
        assert calendar_name(SecType.FUTURE, "CBOT", root) == "CMEGlobex_Grains"
