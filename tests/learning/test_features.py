"""Features: equal to their definition, never from the future, and blind rather than wrong on bad books."""

from __future__ import annotations

import itertools
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.learning.book import Flaw, Top
from engine.learning.features import (
    FEATURE_SETS,
    LEVEL_1,
    LEVEL_2,
    QUEUE,
    TAUS_S,
    FeatureStream,
    LookAheadError,
    order_flow,
)
from tests.examples import examples

TICK = 0.25


def top(at: float, bid: float = 100.0, *, ticks: float = 1, qb: float = 30, qa: float = 10) -> Top:
    return Top(at, bid, bid + ticks * TICK, qb, qa)


def warm() -> FeatureStream:
    """Twenty seconds of a quiet market up to second 20."""
    stream = FeatureStream(TICK)
    stream.begin_session(0.0, 23_400.0)
    for at in range(21):
        stream.on_top(top(float(at), qb=30 + at % 3))
    return stream


@pytest.mark.req("FUT-F4")
def test_the_sets_are_nested_and_every_snapshot_has_every_name() -> None:
    assert set(QUEUE) < set(LEVEL_1) < set(LEVEL_2)
    assert len(LEVEL_1) == 23
    assert tuple(FEATURE_SETS) == ("queue", "l1", "l1+l2")

    found = warm().snapshot(20.5)

    assert found is not None
    assert set(found) == set(LEVEL_2)
    assert all(math.isfinite(value) for value in found.values())


moves = st.lists(
    st.tuples(
        st.floats(0.01, 5.0),
        st.integers(-2, 2),
        st.integers(1, 500),
        st.integers(1, 500),
        st.sampled_from([0, 0, 1, -1]),
    ),
    min_size=5,
    max_size=40,
)


@settings(max_examples=examples(60), deadline=None)
@given(moves)
def test_flow_and_returns_equal_their_definition_over_all_events(
    steps: list[tuple[float, int, int, int, int]],
) -> None:
    stream, at, bid = FeatureStream(TICK), 0.0, 100.0
    books, prints = [], []
    for dt, ticks, qb, qa, side in steps:
        at, bid = at + dt, bid + ticks * TICK
        book = top(at, bid, qb=qb, qa=qa)
        stream.on_top(book)
        books.append(book)
        if side:
            stream.on_print(at + 0.001, book.mid + side * TICK, 7.0)
            prints.append((at + 0.001, side * 7.0))
            at += 0.001
    now = at + 11.0
    found = stream.snapshot(now)
    assert found is not None

    flows = [(b.at, order_flow(a, b)) for a, b in itertools.pairwise(books)]
    for tau in TAUS_S:
        faded = [(x * math.exp((t - at) / tau), abs(x) * math.exp((t - at) / tau)) for t, x in flows]
        most = sum(size for _, size in faded)
        expected = sum(x for x, _ in faded) / most if most > 1e-6 else None
        if expected is not None:
            assert found[f"ofi_{tau:g}"] == pytest.approx(expected, abs=1e-6)
    signed = sum(x * math.exp((t - at) / 60.0) for t, x in prints)
    volume = sum(abs(x) * math.exp((t - at) / 60.0) for t, x in prints)
    assert found["sign_60"] == pytest.approx(signed / volume if volume else 0.0, abs=1e-6)
    jumps = [(b.at, (b.mid - a.mid) / TICK) for a, b in itertools.pairwise(books)]
    faded_return = sum(x * math.exp((t - now) / 60.0) for t, x in jumps)
    assert found["ret_60"] == pytest.approx(max(-10.0, min(10.0, faded_return)), abs=1e-6)


@settings(max_examples=examples(60), deadline=None)
@given(moves, st.sampled_from([2.0, 100.0]))
def test_features_have_no_unit_and_change_sign_with_the_market(
    steps: list[tuple[float, int, int, int, int]], factor: float
) -> None:
    streams = [FeatureStream(TICK), FeatureStream(TICK * factor), FeatureStream(TICK)]
    at, level = 0.0, 0
    for dt, ticks, qb, qa, _ in steps:
        at, level = at + dt, level + ticks
        bid = 100.0 + level * TICK
        streams[0].on_top(Top(at, bid, bid + TICK, qb, qa))
        streams[1].on_top(Top(at, bid * factor, (bid + TICK) * factor, qb, qa))
        streams[2].on_top(Top(at, -(bid + TICK), -bid, qa, qb))
    plain, scaled, mirrored = (stream.snapshot(at + 11.0) for stream in streams)
    assert plain is not None
    assert scaled is not None
    assert mirrored is not None
    unsigned = {"spread", "vol", "vol_ratio", "activity", "clock_sin", "clock_cos"}
    for name, value in plain.items():
        assert scaled[name] == pytest.approx(value, abs=1e-6)
        assert mirrored[name] == pytest.approx(value if name in unsigned else -value, abs=1e-6)


class TestNoLookAhead:
    def test_a_snapshot_is_refused_once_the_event_of_its_time_is_known(self) -> None:
        stream = warm()
        with pytest.raises(LookAheadError):
            stream.snapshot(20.0)

    def test_a_trade_is_signed_by_the_quote_before_it_not_by_the_one_it_caused(self) -> None:
        stream = warm()
        stream.on_top(top(21.0, bid=100.25))  # the trade's own doing, told first
        stream.on_print(21.0, 100.25, 5.0)
        found = stream.snapshot(21.5)
        assert found is not None
        assert found["sign_10"] == 1.0  # it lifted the old ask


@pytest.mark.req("FUT-DO-3")
class TestBadInput:
    @pytest.mark.parametrize(
        ("bad", "flaw"),
        [
            (Top(21.0, 101.0, 100.0, 5, 5), Flaw.CROSSED),
            (Top(21.0, math.nan, 100.0, 0, 5), Flaw.ONE_SIDED),
            (Top(21.0, 100.0, 100.25, 0, 5), Flaw.ONE_SIDED),
            (Top(21.0, 100.0, 100.25, math.nan, 5), Flaw.NOT_FINITE),
            (Top(21.0, 100.0, math.inf, 5, 5), Flaw.ONE_SIDED),
        ],
    )
    @pytest.mark.req("FUT-EDGE-4")
    def test_a_bad_book_makes_it_blind_until_the_next_good_one(self, bad: Top, flaw: Flaw) -> None:
        stream, twin = warm(), warm()
        before = twin.snapshot(20.9)

        assert not stream.on_top(bad)
        assert stream.snapshot(21.5) is None
        assert stream.flaws[flaw] == 1

        stream.on_top(top(22.0, qb=32, qa=999))
        found = stream.snapshot(22.5)
        assert found is not None
        assert before is not None
        assert found["ofi_60"] == before["ofi_60"]  # nothing is measured across the hole

    def test_a_locked_book_is_passed_through_but_not_decided_on(self) -> None:
        stream = warm()
        assert stream.on_top(Top(21.0, 100.25, 100.25, 5, 5))
        assert stream.snapshot(21.5) is None
        stream.on_top(top(22.0, bid=100.25))
        found = stream.snapshot(22.5)
        assert found is not None
        assert found["ret_60"] > 0.9

    @pytest.mark.req("FUT-EDGE-2")
    def test_a_stale_book_is_not_the_market(self) -> None:
        assert warm().snapshot(79.0) is not None
        assert warm().snapshot(81.0) is None

    @pytest.mark.req("FUT-F3")
    def test_a_depth_reset_makes_depth_unknown_until_it_is_told_anew(self) -> None:
        stream = warm()
        assert stream.on_depth(20.1, [30] * 10, [10] * 10)
        seen = stream.snapshot(20.2)
        stream.on_depth_reset()
        reset = stream.snapshot(20.3)
        stream.on_depth(20.4, [10] * 10, [30] * 10)
        anew = stream.snapshot(20.5)
        stream.on_depth(20.6, [10, math.nan], [30, 1])
        broken = stream.snapshot(20.7)

        assert seen is not None
        assert reset is not None
        assert anew is not None
        assert broken is not None
        values = [one["depth_5"] for one in (seen, reset, anew, broken)]
        assert values == [0.5, 0.0, -0.5, 0.0]

    def test_an_event_that_comes_late_changes_nothing(self) -> None:
        stream, twin = warm(), warm()
        assert not stream.on_top(top(19.5, bid=50.0))
        assert not stream.on_print(19.5, 50.0, 10.0)
        assert stream.snapshot(20.5) == twin.snapshot(20.5)
        assert stream.flaws[Flaw.LATE] == 2

    @pytest.mark.req("FUT-F7")
    @pytest.mark.parametrize("at", [3.0, 20.0 + 301.0])
    def test_a_clock_set_back_and_a_long_silence_begin_anew(self, at: float) -> None:
        stream = warm()
        starts = stream.starts
        stream.on_top(top(at))
        assert stream.starts == starts + 1
        assert stream.snapshot(at + 5.0) is None  # not warm
        stream.on_top(top(at + 11.0))
        found = stream.snapshot(at + 11.5)
        assert found is not None
        assert found["vol"] == 0.0

    @pytest.mark.req("FUT-F7")
    def test_no_feature_survives_into_another_session(self) -> None:
        stream = warm()
        stream.on_top(top(20.5, bid=101.0))
        stream.begin_session(30.0, 23_430.0)
        stream.on_top(top(31.0))
        stream.on_top(top(42.0))
        found = stream.snapshot(42.5)
        assert found is not None
        assert (found["ret_60"], found["last_move"], found["ofi_60"]) == (0.0, 0.0, 0.0)

    def test_time_that_is_no_number_is_left_out(self) -> None:
        stream = warm()
        assert not stream.on_print(math.nan, 100.0, 1.0)
        assert stream.snapshot(20.5) == warm().snapshot(20.5)


def test_a_restart_within_a_session_changes_no_feature() -> None:
    stream, again = warm(), FeatureStream(TICK)
    stream.on_print(20.5, 101.0, 3.0)
    stream.on_depth(20.6, [5, 4, 3], [1, 1, 1])
    again.restore(json.loads(json.dumps(stream.state(), allow_nan=False)))

    for at in (21.0, 21.7, 23.0):
        for one in (stream, again):
            one.on_top(top(at, bid=100.0 + at % 2 * TICK))
        assert again.snapshot(at + 0.1) == stream.snapshot(at + 0.1)
