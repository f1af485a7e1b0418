"""Limits count on the wall clock and forget as IBKR forgets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.gateway.limits import Admission, HistoryPacing, MessageRate


@given(st.lists(st.floats(0, 0.5), max_size=200), st.integers(1, 20))
def test_no_second_admits_more_than_the_limit(gaps: list[float], most: int) -> None:
    rate = MessageRate(most)
    now, admitted = 0.0, []
    for gap in gaps:
        now += gap
        if rate.admit(now) is Admission.OK:
            admitted.append(now)

    for start in admitted:
        assert sum(start <= at < start + 1.0 for at in admitted) <= most


def test_a_client_is_told_once_per_second_and_dropped_at_the_third_time() -> None:
    rate = MessageRate(2)
    verdicts = [rate.admit(second + step / 10) for second in (0, 1, 2) for step in range(4)]

    told = [verdict for verdict in verdicts if verdict is not Admission.OK]
    assert told == [
        Admission.REFUSED_AND_TOLD,
        Admission.REFUSED,
        Admission.REFUSED_AND_TOLD,
        Admission.REFUSED,
        Admission.DROP,
        Admission.REFUSED,
    ]


def test_two_bursts_far_apart_are_forgiven() -> None:
    rate = MessageRate(1)
    verdicts = [rate.admit(at) for at in (0.0, 0.1, 20.0, 20.1, 40.0, 40.1)]

    assert Admission.DROP not in verdicts
    assert verdicts.count(Admission.REFUSED_AND_TOLD) == 3


def test_identical_history_requests_wait_fifteen_seconds() -> None:
    pacing = HistoryPacing(60)

    assert pacing.refusal(0.0, request="a", line="SPY") == ""
    assert "identical" in pacing.refusal(14.9, request="a", line="SPY")
    assert pacing.refusal(15.0, request="a", line="SPY") == ""


def test_a_sixth_request_for_one_contract_within_two_seconds_is_refused() -> None:
    pacing = HistoryPacing(60)
    answers = [pacing.refusal(number / 10, request=str(number), line="SPY") for number in range(6)]

    assert answers[:5] == [""] * 5
    assert "2 seconds" in answers[5]
    assert pacing.refusal(2.0, request="later", line="SPY") == ""


def test_history_is_limited_per_ten_minutes() -> None:
    pacing = HistoryPacing(3)
    for number in range(3):
        assert pacing.refusal(number * 10.0, request=str(number), line=str(number)) == ""

    assert "10 minutes" in pacing.refusal(599.0, request="x", line="x")
    assert pacing.refusal(600.0, request="x", line="x") == ""
