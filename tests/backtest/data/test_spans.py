"""Which requests complete a cache: all that was asked for, nothing twice, nothing that is held."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backtest.data.fetch import duration, stretch
from engine.backtest.data.spans import Request, Span, Spans, requests, united, without
from engine.backtest.series import NANOSECONDS

HOUR = 3_600 * NANOSECONDS
DAY = 24 * HOUR
SECONDS = (86_400, 60, 5)


def session(day: int) -> Span:
    """From 14:30 to 21:00: no whole number of hours."""
    return day * DAY + 29 * HOUR // 2, day * DAY + 21 * HOUR


SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 9)).map(lambda s: (s[0], s[0] + s[1])), max_size=9
)


def points(spans: Spans) -> set[int]:
    return {at for start, end in spans for at in range(start, end)}


@given(SPANS)
def test_united_stretches_cover_the_same_and_lie_apart(spans: list[Span]) -> None:
    made = united(spans)

    assert points(made) == points(tuple(spans))
    assert all(before[1] < after[0] for before, after in pairwise(made))


@given(SPANS, st.integers(0, 50), st.integers(1, 20))
def test_what_lacks_and_what_is_held_make_the_whole(spans: list[Span], start: int, length: int) -> None:
    asked, held = (start, start + length), united(spans)

    assert points(without(asked, held)) == points((asked,)) - points(held)


@pytest.mark.req("PLAN-M2-DATA-IB")
@given(
    days=st.sets(st.integers(0, 40), max_size=20),
    stops=st.lists(st.integers(0, 60), max_size=4),
    seconds=st.sampled_from(SECONDS),
)
def test_runs_that_are_cut_off_anywhere_ask_for_everything_once(
    days: set[int], stops: list[int], seconds: int
) -> None:
    """Each run asks some of its requests and is ended; the last one completes what is left."""
    sessions = [session(day) for day in sorted(days)]
    held: Spans = ()
    asked: list[Span] = []
    for stop in [*stops, None]:
        for request in requests(sessions, held, seconds=seconds)[:stop]:
            asked += request.pieces
            held = united((*held, *request.pieces))

    assert united(asked) == united(sessions)
    assert sum(end - start for start, end in asked) == sum(end - start for start, end in sessions)
    assert requests(sessions, held, seconds=seconds) == ()


def test_a_request_covers_as_much_as_the_broker_answers_well() -> None:
    sessions = [session(day) for day in range(12)]

    assert [len(one.pieces) for one in requests(sessions, (), seconds=86_400)] == [12]
    assert [len(one.pieces) for one in requests(sessions, (), seconds=60)] == [5, 5, 2]
    assert len(requests(sessions, (), seconds=5)) == 12 * 7


def test_a_session_that_is_held_parts_two_requests() -> None:
    sessions = [session(day) for day in range(5)]

    found = requests(sessions, (sessions[2],), seconds=86_400)

    assert [one.pieces for one in found] == [tuple(sessions[:2]), tuple(sessions[3:])]


def test_durations_are_in_the_brokers_units_and_reach_as_far_as_the_stretch() -> None:
    sessions = tuple(session(day) for day in range(800))

    assert duration(Request(((0, HOUR),)), 5) == "3600 S"
    assert duration(Request(sessions[:1]), 60) == "23400 S"
    assert duration(Request(sessions[:5]), 60) == "6 D"
    assert duration(Request(sessions[:1]), 86_400) == "2 D"
    assert duration(Request(sessions), 86_400) == "4 Y"
    start, end = stretch(Request(sessions[:2]), 86_400)
    assert (start.isoformat(), end.isoformat()) == ("1970-01-01T00:00:00+00:00", "1970-01-03T00:00:00+00:00")
