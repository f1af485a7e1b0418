"""Longer bars equal direct grouping of the short ones, and never change once they are out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Bar, utc
from engine.market.bars import BarAggregator, timeframe_seconds

pytestmark = pytest.mark.req("PLAN-M3-MD")

START = datetime(2026, 11, 16, 14, 30, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


def short(slot: int, close: float = 10.0, *, volume: int = 100, start: datetime = START) -> Bar:
    """The 5-second bar number `slot` after `start`."""
    end = start + timedelta(seconds=5 * (slot + 1))
    return Bar("SPY", end, close - 0.1, close + 0.2, close - 0.3, close, volume, 5, close, 3)


def fed(aggregator: BarAggregator, stream: Iterable[Bar]) -> list[Bar]:
    return [made for one in stream for made in aggregator.add(one)]


@st.composite
def streams(draw: st.DrawFn) -> list[Bar]:
    """Short bars in order, with holes, from any second of the clock that 5 divides."""
    start = START + timedelta(seconds=5 * draw(st.integers(0, 800)))
    slots = sorted(draw(st.sets(st.integers(0, 900), max_size=150)))
    return [
        short(slot, draw(st.floats(1, 1000)), volume=draw(st.integers(0, 50)), start=start) for slot in slots
    ]


def grouped(stream: list[Bar], seconds: int) -> list[Bar]:
    made = []
    for window, members in groupby(stream, key=lambda b: int(b.start.timestamp()) // seconds):
        parts = list(members)
        volume = sum(p.volume for p in parts)
        made.append(
            Bar(
                "SPY",
                utc((window + 1) * seconds),
                parts[0].open,
                max(p.high for p in parts),
                min(p.low for p in parts),
                parts[-1].close,
                volume,
                seconds,
                math.fsum(p.wap * p.volume for p in parts) / volume if volume else math.nan,
                sum(p.trades for p in parts),
            )
        )
    return made


def without_wap(bars: list[Bar]) -> list[Bar]:
    return [b._replace(wap=0.0) for b in bars]


@given(stream=streams(), seconds=st.sampled_from([5, 60, 300, 900, 3600]))
def test_the_bars_equal_direct_grouping_by_the_clock(stream: list[Bar], seconds: int) -> None:
    expected = grouped(stream, seconds)
    if expected and stream[-1].end < expected[-1].end:
        expected.pop()  # the last one is not complete

    made = fed(BarAggregator(seconds), stream)

    assert without_wap(made) == without_wap(expected)
    assert [b.wap for b in made] == pytest.approx([b.wap for b in expected], nan_ok=True)


@given(stream=streams(), late=st.lists(st.integers(0, 900), max_size=20))
def test_a_late_bar_never_alters_or_repeats_an_emitted_one(stream: list[Bar], late: list[int]) -> None:
    aggregator = BarAggregator(60)
    made: list[Bar] = []
    for index, one in enumerate(stream):
        made += aggregator.add(one)
        for slot in late:
            stale = short(slot, 9999.0)
            if stale.end <= one.end:
                assert aggregator.add(stale) == (), index

    assert without_wap(made) == without_wap(fed(BarAggregator(60), stream))
    assert len({b.end for b in made}) == len(made)


def test_a_bar_is_out_as_soon_as_its_last_part_is_there() -> None:
    aggregator = BarAggregator(60)
    assert fed(aggregator, (short(i) for i in range(11))) == []
    (made,) = aggregator.add(short(11))
    assert (made.start, made.end) == (START, START + timedelta(minutes=1))
    assert made.volume == 1200


def test_a_missing_last_part_is_waited_for_until_a_later_bar_comes() -> None:
    aggregator = BarAggregator(60)
    assert fed(aggregator, (short(i) for i in range(11))) == []
    (made,) = aggregator.add(short(12))
    assert (made.end, made.volume) == (START + timedelta(minutes=1), 1100)


def test_a_stretch_without_bars_gives_none() -> None:
    made = fed(BarAggregator(60), [short(0), short(36 + 11)])
    assert [b.end for b in made] == [START + timedelta(minutes=1), START + timedelta(minutes=4)]


def test_late_bars_are_counted() -> None:
    aggregator = BarAggregator(60)
    fed(aggregator, [short(3), short(3), short(2), short(12), short(4)])
    assert aggregator.late == 3


def test_a_bar_whose_beginning_was_not_seen_is_never_emitted() -> None:
    aggregator = BarAggregator(60, since=START + timedelta(seconds=20))
    made = fed(aggregator, (short(i) for i in range(4, 24)))
    assert [b.end for b in made] == [START + timedelta(minutes=2)]


def test_a_bar_seen_from_its_first_second_is_emitted() -> None:
    made = fed(BarAggregator(60, since=START), (short(i) for i in range(12)))
    assert [b.end for b in made] == [START + timedelta(minutes=1)]


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 11, 16), 24), (date(2026, 11, 1), 25), (date(2026, 3, 8), 23)],
)
def test_a_day_is_one_date_of_the_exchange_also_when_the_clocks_change(day: date, hours: int) -> None:
    midnight = datetime.combine(day, time(0), tzinfo=NEW_YORK).astimezone(UTC)
    stream = [short(0, start=midnight + timedelta(hours=h)) for h in range(-1, hours + 1)]

    made = fed(BarAggregator(86_400, since=midnight), stream)

    assert [b.end for b in made] == [midnight + timedelta(hours=hours)]
    assert made[0].volume == 100 * hours


def test_an_evening_session_belongs_to_the_next_day_of_a_future() -> None:
    evening = datetime(2026, 11, 16, 18, 0, tzinfo=NEW_YORK).astimezone(UTC)
    stream = [short(0, start=evening + timedelta(hours=h)) for h in (-2, 0, 8, 22, 24)]

    made = fed(BarAggregator(86_400, day_start=time(18)), stream)

    assert [(b.end.astimezone(NEW_YORK).isoformat(), b.volume) for b in made] == [
        ("2026-11-16T18:00:00-05:00", 100),
        ("2026-11-17T18:00:00-05:00", 300),
    ]


def test_a_day_is_not_emitted_before_the_next_one_begins() -> None:
    aggregator = BarAggregator(86_400)
    assert fed(aggregator, (short(i) for i in range(1000))) == []


def test_bars_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="SPY: bars of 7 s do not make bars of 60 s"):
        BarAggregator(60).add(short(0)._replace(seconds=7))
    with pytest.raises(ValueError, match="bars of 61 s are not built"):
        BarAggregator(61)


@pytest.mark.parametrize(
    ("name", "seconds"), [("5s", 5), ("1m", 60), ("5m", 300), ("15m", 900), ("1h", 3600), ("1D", 86400)]
)
def test_a_timeframe_has_its_seconds(name: str, seconds: int) -> None:
    assert timeframe_seconds(name) == seconds


def test_an_unknown_timeframe_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="'2m' is no timeframe: expected one of 5s, 1m"):
        timeframe_seconds("2m")


def test_every_configurable_timeframe_can_be_built() -> None:
    from engine.config import Timeframe

    for timeframe in Timeframe:
        BarAggregator(timeframe_seconds(timeframe.value))
