"""The broker's hours beside a calendar: the narrower count, and differences are named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.instrument import SessionHours
from engine.market.hours import close_of, differences, is_shut
from engine.market.sessions import Calendar, SessionDay, session_of
from tests.builders import TEN, future, stock

REGULAR = SessionHours(TEN - timedelta(minutes=30), TEN + timedelta(hours=6))
HALF = SessionHours(REGULAR.open, TEN + timedelta(hours=3))


def calendar(*sessions: SessionHours) -> Calendar:
    """Sessions of its own around those of the test, so that it covers them."""
    days = (_shift(REGULAR, days=-4), *sessions, _shift(REGULAR, days=10))
    return Calendar("NYSE", (SessionDay(one.close.date(), (one,)) for one in days))


def _shift(hours: SessionHours, **by: float) -> SessionHours:
    return SessionHours(hours.open + timedelta(**by), hours.close + timedelta(**by))


@pytest.mark.req("FUT-F7")
@pytest.mark.parametrize(
    ("told", "known", "close"),
    [(REGULAR, REGULAR, REGULAR.close), (REGULAR, HALF, HALF.close), (HALF, REGULAR, HALF.close)],
)
def test_the_earlier_close_counts(told: SessionHours, known: SessionHours, close: datetime) -> None:
    assert close_of(stock(liquid_hours=(told,)), TEN, calendar(known)) == close


def test_a_close_that_the_calendar_has_passed_still_counts() -> None:
    spy = stock(liquid_hours=(REGULAR,))
    assert close_of(spy, HALF.close + timedelta(hours=1), calendar(HALF)) == HALF.close


def test_a_future_goes_by_its_own_session_and_a_pause_is_bridged() -> None:
    night = SessionHours(TEN - timedelta(hours=16), TEN + timedelta(hours=6, minutes=15))
    late = SessionHours(night.close + timedelta(minutes=15), night.close + timedelta(minutes=45))
    es = future(trading_hours=(night, late), liquid_hours=(REGULAR,))
    assert close_of(es, TEN) == late.close
    assert close_of(es, night.close + timedelta(minutes=5)) is None
    assert session_of((night, late), TEN) == SessionHours(night.open, late.close)


def test_without_a_calendar_or_beyond_it_the_broker_counts_alone() -> None:
    spy = stock(liquid_hours=(REGULAR,))
    assert close_of(spy, TEN) == REGULAR.close
    empty = Calendar("NYSE", ())
    assert close_of(spy, TEN, empty) == REGULAR.close
    assert not is_shut(empty, TEN)
    assert list(differences((REGULAR,), empty, since=TEN)) == []


def test_what_a_calendar_knows_to_be_a_holiday_is_shut() -> None:
    assert is_shut(calendar(), TEN)
    assert not is_shut(calendar(REGULAR), TEN)


@pytest.mark.parametrize(
    ("told", "known", "said"),
    [
        ((REGULAR,), (REGULAR,), []),
        ((REGULAR,), (_shift(REGULAR, seconds=30),), []),
        (
            (REGULAR,),
            (HALF,),
            ["the broker says 2026-11-20 14:30 to 20. 21:00, NYSE says 2026-11-20 14:30 to 20. 18:00"],
        ),
        ((REGULAR,), (), ["the broker says open 2026-11-20 14:30 to 20. 21:00, NYSE says closed"]),
        (
            (REGULAR, _shift(REGULAR, days=4)),
            (REGULAR, _shift(REGULAR, days=3), _shift(REGULAR, days=4)),
            ["the broker says closed, NYSE says open 2026-11-23 14:30 to 23. 21:00"],
        ),
    ],
)
def test_differences_are_named_and_what_is_not_known_is_none(
    told: tuple[SessionHours, ...], known: tuple[SessionHours, ...], said: list[str]
) -> None:
    assert list(differences(told, calendar(*known), since=TEN)) == said


_MINUTES = st.integers(min_value=0, max_value=900)


@given(told=st.tuples(_MINUTES, _MINUTES), known=st.tuples(_MINUTES, _MINUTES), at=_MINUTES)
def test_a_calendar_never_makes_a_day_longer(told: tuple[int, int], known: tuple[int, int], at: int) -> None:
    base = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def hours(pair: tuple[int, int]) -> SessionHours:
        first, last = sorted(pair)
        return SessionHours(base + timedelta(minutes=first), base + timedelta(minutes=last + 1))

    spy, now = stock(liquid_hours=(hours(told),)), base + timedelta(minutes=at)
    table = Calendar("X", (SessionDay(date(2026, 11, 20), (hours(known),)),))
    alone, both = close_of(spy, now), close_of(spy, now, table)
    assert (alone is None) == (both is None)
    assert alone is None or (both is not None and both <= alone)
