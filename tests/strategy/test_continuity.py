"""Holes in bars: told from boundaries of sessions, and never bridged by an indicator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Bar
from engine.domain.order import Proposal
from engine.domain.reasons import Reason
from engine.strategy import STRATEGIES
from engine.strategy.base import Strategy, StrategyView
from engine.strategy.continuity import hole_in, missing_s
from tests.strategy.bars import bar, bars
from tests.strategy.pivot_day import KEY, Day, pivot_break

NEW_YORK = ZoneInfo("America/New_York")
SMALL = {
    "ma_crossover": {"fast": 2, "slow": 4, "atr": 2},
    "momentum": {"bars": 3, "atr": 2, "enter_pct": 0.2},
}
KINDS = tuple(SMALL)


def made(kind: str, **params: object) -> Strategy:
    return STRATEGIES.get(kind).create("s", params={**SMALL[kind], **params}, keys=("SPY",))


def said(strategy: Strategy, given: Sequence[Bar], *, quantity: int = 0) -> list[Proposal]:
    view = StrategyView(quantity=quantity)
    return [proposal for one in given for proposal in strategy.on_bar(one, view)]


def at(day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK)


@pytest.mark.req("PLAN-RISK-GAPS")
@pytest.mark.parametrize(
    ("end", "begin", "missing_minutes"),
    [
        (at(20, 10, 5), at(20, 10, 5), 0),
        (at(20, 10, 5), at(20, 10, 8), 3),
        (at(20, 9, 0), at(20, 15, 0), 360),
        (at(19, 16, 0), at(20, 9, 30), 0),  # a night
        (at(20, 16, 0), at(23, 9, 30), 0),  # a weekend
        (at(19, 17, 0), at(19, 18, 0), 0),  # the daily break of futures
        (at(20, 17, 0), at(22, 18, 0), 0),  # their weekend
        (at(19, 23, 59), at(20, 0, 2), 3),  # midnight is in the middle of their session
        (at(26, 13, 0), at(26, 18, 0), 0),  # a close at noon
    ],
)
def test_what_is_missing_within_a_trading_day_is_a_hole_and_a_boundary_is_none(
    end: datetime, begin: datetime, missing_minutes: int
) -> None:
    after = Bar("SPY", begin + timedelta(minutes=1), 1.0, 1.0, 1.0, 1.0, 1, 60)

    assert missing_s(end, after) == 60.0 * missing_minutes
    before = Bar("SPY", end, 1.0, 1.0, 1.0, 1.0, 1, 60)
    assert hole_in([before, after]) == (end if missing_minutes else None)


@pytest.mark.req("PLAN-RISK-GAPS")
@pytest.mark.parametrize(
    ("symbol", "end", "begin", "missing_minutes"),
    [
        ("ZCZ6", at(20, 8, 45), at(20, 9, 30), 0),
        ("ZC   DEC 26", at(20, 8, 45), at(20, 9, 30), 0),
        ("ZC@CBOT", at(20, 8, 45), at(20, 9, 30), 0),
        ("ZCZ6", at(20, 8, 40), at(20, 9, 32), 7),
        ("ZCZ6", at(20, 8, 50), at(20, 9, 20), 0),
        ("ZCZ6", at(20, 10, 0), at(20, 10, 3), 3),
        ("ZCZ6", at(19, 21, 0), at(20, 9, 35), 755 - 45),
        ("ESZ6", at(20, 8, 45), at(20, 9, 30), 45),
        ("ZS", at(20, 8, 45), at(20, 9, 30), 45),  # a stock of the same letters
    ],
)
def test_the_morning_pause_of_the_grains_is_no_hole_and_what_is_missing_around_it_is(
    symbol: str, end: datetime, begin: datetime, missing_minutes: int
) -> None:
    after = Bar(symbol, begin + timedelta(minutes=1), 1.0, 1.0, 1.0, 1.0, 1, 60)

    assert missing_s(end, after) == 60.0 * missing_minutes


@pytest.mark.req("PLAN-RISK-GAPS")
@pytest.mark.parametrize("kind", KINDS)
@given(
    closes=st.lists(st.floats(90.0, 110.0), min_size=12, max_size=40),
    cut=st.integers(1, 11),
    missing=st.integers(1, 30),
)
def test_after_a_hole_a_strategy_says_what_a_fresh_one_says_that_never_saw_the_bars_before_it(
    kind: str, closes: list[float], cut: int, missing: int
) -> None:
    before, after = bars(closes[:cut]), bars(closes[cut:], first=cut + missing)
    seen, fresh = made(kind), made(kind)
    said(seen, before)

    assert said(seen, after) == said(fresh, after)
    needed = fresh.warm_up_bars()
    for one in (seen, fresh):
        assert (one.why_not("SPY").code is Reason.WARMING_UP) == (len(after) < needed)


@pytest.mark.req("PLAN-RISK-GAPS")
@pytest.mark.parametrize("kind", KINDS)
@given(closes=st.lists(st.floats(90.0, 110.0), min_size=12, max_size=40), cut=st.integers(1, 11))
def test_a_night_and_what_history_filled_change_nothing(kind: str, closes: list[float], cut: int) -> None:
    whole = bars(closes)
    over_night = [b._replace(end=b.end + timedelta(days=1) * (n >= cut)) for n, b in enumerate(whole)]

    def words(found: list[Proposal]) -> list[tuple[object, ...]]:
        return [(p.intention, p.side, p.stop_price, p.note) for p in found]

    assert words(said(made(kind), over_night)) == words(said(made(kind), whole))

    filled, unbroken = made(kind), made(kind)
    said(filled, [*whole[: cut - 1], *whole[cut:-1]])
    filled.warm_up(whole[:-1])
    unbroken.warm_up(whole[:-1])
    assert said(filled, whole[-1:]) == said(unbroken, whole[-1:])


@pytest.mark.req("PLAN-RISK-GAPS")
@pytest.mark.parametrize("kind", KINDS)
def test_three_missing_bars_are_shown_as_not_ready_and_allowed_only_by_parameter(kind: str) -> None:
    fall, rise = [102.0, 101.0, 100.0, 99.0, 98.0], [99.0, 101.0, 104.0]
    holed = [*bars(fall), *bars(rise, first=len(fall) + 3)]

    strict = made(kind)
    assert said(strict, holed) == []
    why = strict.why_not("SPY")
    assert why.code is Reason.WARMING_UP
    assert f"3 of {strict.warm_up_bars()} bars; bars are missing since 10:05:00 ET" in why.text

    assert [p.side.value for p in said(made(kind, allow_gaps=True), holed)] == ["BUY"]


@pytest.mark.req("PLAN-RISK-GAPS")
@pytest.mark.parametrize("kind", KINDS)
def test_a_position_is_left_by_signal_again_as_soon_as_bars_are_enough(kind: str) -> None:
    strategy = made(kind)
    said(strategy, bars([100.0, 101.0, 102.0, 103.0, 104.0]))
    falling = [bar(20 + n, 100.0 - n) for n in range(6)]

    out = said(strategy, falling, quantity=10)

    assert [p.intention.value for p in out] == ["exit"] * len(out)
    assert out
    assert out[0].at >= falling[2].end, "not before its indicators are known again"


@pytest.mark.req("PLAN-RISK-GAPS")
def test_the_pivot_trader_bears_seconds_without_trades_and_begins_anew_after_a_hole() -> None:
    day = Day(pivot_break())
    day.tick(99.0)
    day.bars(19)
    day.now += timedelta(seconds=25)
    day.bars(1)
    assert day.strategy.why_not(KEY).code is not Reason.WARMING_UP

    day.now += timedelta(seconds=35)
    day.bars(1)
    why = day.strategy.why_not(KEY)
    assert why.code is Reason.WARMING_UP
    assert "1 of 20 5-second bars; bars are missing since" in why.text
    day.surge()
    day.tick(99.9, 100.05)
    assert day.said == []

    day.bars(19)
    assert day.strategy.why_not(KEY).code is not Reason.WARMING_UP
