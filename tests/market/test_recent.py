"""The last bars for people: joined by the clock, history before what came live, bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Bar
from engine.market.recent import MINUTES_KEPT, MOST_BARS, SHORT_KEPT, RecentBars, joined
from tests.strategy.bars import START, bar


def shorts(first: int, count: int) -> list[Bar]:
    """Bars of 5 s, each one higher."""
    return [bar(n, 100.0 + n, seconds=5) for n in range(first, first + count)]


def fed(found: list[Bar]) -> RecentBars:
    recent = RecentBars()
    for one in found:
        recent.take((one,))
    return recent


def test_short_bars_are_joined_by_the_clock_and_the_newest_may_be_in_the_making() -> None:
    made = fed(shorts(0, 14)).bars("SPY", 20)

    assert [one.end.second for one in made] == [20, 40, 0, 20]
    assert (made[0].open, made[0].close, made[0].high, made[0].low) == (100.0, 103.0, 103.5, 99.5)
    assert (made[0].volume, made[-1].volume) == (400, 200)


def test_minutes_go_farther_back_than_short_bars_and_are_not_counted_twice() -> None:
    recent = fed(shorts(0, SHORT_KEPT + 240))
    assert len(recent.bars("SPY", 60)) == (SHORT_KEPT + 240) // 12
    recent.take(shorts(SHORT_KEPT + 240, 5)[:1])
    minutes = recent.bars("SPY", 60)
    assert minutes[-1].volume == 100
    assert sum(one.volume for one in minutes) == 100 * (SHORT_KEPT + 241)


def test_history_goes_before_what_came_live_and_nothing_is_there_twice() -> None:
    recent = fed(shorts(24, 6))
    recent.take(shorts(0, 30))
    recent.take(shorts(25, 1))

    assert [one.close for one in recent.bars("SPY", 5)] == [100.0 + n for n in range(30)]
    assert [one.volume for one in recent.bars("SPY", 60)] == [1200, 1200, 600]


def test_minutes_of_a_strategy_of_minutes_are_shown_too_and_longer_ones_are_not() -> None:
    recent = RecentBars()
    recent.take([bar(n, 100.0 + n) for n in range(20)])
    recent.take([bar(n, 1.0, seconds=3600) for n in range(20)])
    recent.take([])

    assert len(recent.bars("SPY", 60)) == 20
    assert len(recent.bars("SPY", 300)) == 4
    assert recent.bars("SPY", 5) == ()
    assert recent.bars("AMD", 60) == ()


def test_what_is_kept_and_what_is_told_has_an_end() -> None:
    recent = fed(shorts(0, 40))
    recent.take([bar(n - 3000, 50.0) for n in range(2000)])
    recent.take(shorts(40, 1))
    for seconds in (5, 20, 60, 300):
        assert 0 < len(recent.bars("SPY", seconds)) <= MOST_BARS
    assert MINUTES_KEPT < 2000


@given(st.lists(st.integers(0, 400), unique=True, min_size=1), st.sampled_from([20, 60, 300]))
def test_joining_loses_no_volume_and_keeps_highs_lows_and_order(places: list[int], seconds: int) -> None:
    found = [bar(n, 100.0 + n % 7, seconds=5) for n in sorted(places)]

    made = joined(found, seconds)

    assert sum(one.volume for one in made) == sum(one.volume for one in found)
    assert max(one.high for one in made) == max(one.high for one in found)
    assert min(one.low for one in made) == min(one.low for one in found)
    assert [one.end for one in made] == sorted({one.end for one in made})
    assert all(one.end.timestamp() % seconds == START.timestamp() % seconds for one in made)
