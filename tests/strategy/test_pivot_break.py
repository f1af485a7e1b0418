"""The pivot trader: which breaks it enters, by which way, and why it leaves."""

from __future__ import annotations

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.domain.order import Intention, Side
from engine.domain.reasons import Reason
from engine.strategy import STRATEGIES
from engine.strategy.base import Holding
from engine.strategy.params import ParamError
from engine.strategy.pivot_exits import five_minute_rule
from engine.strategy.pivot_params import PivotParams
from tests.builders import TEN
from tests.strategy.pivot_day import KEY, SETUP, Day, pivot_break, quote


def ready(**params: object) -> Day:
    """A day with its bars complete, the price inside the pivots, and a surge just seen."""
    day = Day(pivot_break(**params))
    day.tick(99.0)
    day.bars()
    day.surge()
    return day


@pytest.mark.req("PS60-STRAT-PIVOT")
def test_a_break_of_resistance_with_volume_is_bought_on_the_tick() -> None:
    day = ready()

    day.tick(99.9, 100.05)

    (entry,) = day.said
    assert (entry.intention, entry.side) == (Intention.ENTER, Side.BUY)
    assert entry.at == day.now
    assert entry.stop_price == pytest.approx(99.75)
    assert entry.day_range is not None, "so that sizes can follow volatility"
    assert (entry.plan.pivot, entry.plan.target1, entry.plan.target2) == (100.0, 101.0, 102.0)
    assert entry.plan.moves_to_breakeven


@pytest.mark.req("PS60-STRAT-PIVOT")
def test_a_break_of_support_is_sold_where_shorts_are_allowed_and_only_there() -> None:
    day = ready()
    day.tick(95.1, 94.95)
    (entry,) = day.said
    assert entry.side is Side.SELL
    assert entry.stop_price == pytest.approx(95.0 * 1.0025)
    assert entry.plan.target1 == 94.0

    long_only = ready()
    long_only.allow_short = False
    long_only.tick(95.1, 94.95)
    assert long_only.said == []
    assert long_only.strategy.why_not(KEY) == (
        Reason.SHORT_NOT_ALLOWED,
        "95 broke downwards; shorts are not allowed here",
    )
    long_only.tick(94.9, 100.05)
    assert [entry.side for entry in long_only.said] == [Side.BUY], "the other side is free"


def test_a_price_that_begins_beyond_the_pivot_is_no_break() -> None:
    day = Day(pivot_break(), price=100.2)
    day.tick(100.2)
    day.bars()
    day.surge()

    day.tick(100.1, 100.2)
    assert day.said == []
    day.tick(99.9, 100.1)
    assert len(day.said) == 1


def test_without_its_twenty_bars_nothing_is_entered() -> None:
    day = Day(pivot_break())
    day.tick(99.0)
    day.bars(18)
    day.surge()

    day.tick(99.9, 100.05)

    assert day.said == []
    assert day.strategy.why_not(KEY).code is Reason.WARMING_UP


def test_history_counts_as_bars_so_a_restart_pays_no_second_warm_up() -> None:
    first = Day(pivot_break())
    first.bars(20)
    assert first.strategy.why_not(KEY).code is not Reason.WARMING_UP


def test_a_quiet_break_waits_for_the_way_back_and_enters_where_the_pivot_holds() -> None:
    day = Day(pivot_break())
    day.tick(99.0)
    day.bars()

    day.tick(99.9, 100.05, 100.12)
    assert day.said == []
    waiting = day.strategy.why_not(KEY)
    assert waiting.code is Reason.AWAITS_RETEST
    assert "volume" in waiting.text

    day.tick(100.02, 100.05)
    assert day.said == []
    day.tick(100.09)
    (entry,) = day.said
    assert "retest" in entry.note


def test_the_price_must_have_left_the_pivot_before_it_can_come_back_to_it() -> None:
    day = Day(pivot_break())
    day.tick(99.0)
    day.bars()

    day.tick(99.9, 100.01, 100.02, 100.01, 100.04)

    assert day.said == []


def test_a_break_that_falls_back_inside_has_failed_and_may_break_again() -> None:
    day = Day(pivot_break())
    day.tick(99.0)
    day.bars()
    day.tick(99.9, 100.05, 99.8)

    day.surge()
    day.tick(100.05)

    assert len(day.said) == 1
    assert "momentum" in day.said[0].note


def test_volume_that_comes_a_moment_after_the_break_still_counts() -> None:
    day = Day(pivot_break())
    day.tick(99.0)
    day.bars()
    day.tick(99.9, 100.05)
    assert day.said == []

    day.surge()

    (entry,) = day.said
    assert entry.at == day.now


@pytest.mark.parametrize(
    ("params", "price", "name"),
    [
        ({}, 100.31, "extension"),
        ({"min_room_r": 4.0}, 100.05, "room"),
        ({"min_volume_ratio": 9.0}, 100.05, "volume"),
    ],
)
def test_each_filter_keeps_an_entry_out_and_says_so(
    params: dict[str, object], price: float, name: str
) -> None:
    day = ready(**params)

    day.tick(99.9, price)

    assert day.said == []
    (state,) = day.strategy.setup_states()
    assert [row[0] for row in state.filters if not row[1]] == [name]


def test_nothing_is_entered_beside_a_position_and_a_spent_pivot_waits_for_the_way_back() -> None:
    day = ready()
    day.fills = False
    day.tick(99.9, 100.05, 100.1, 100.2, 100.03, 100.1)
    assert len(day.said) == 1
    assert day.strategy.why_not(KEY).code is Reason.AWAITS_REARM


@pytest.mark.req("PS60-STRAT-PIVOT", "REQ-TEST-002")
def test_half_is_closed_at_the_first_target_and_the_rest_at_the_second() -> None:
    day = ready()
    day.tick(99.9, 100.05, 100.99, 101.0, 101.5, 101.99, 102.0)

    _, partial, rest = day.said
    assert (partial.intention, partial.exit_fraction, partial.reason) == (Intention.EXIT, 0.5, Reason.TARGET)
    assert (rest.exit_fraction, rest.reason) == (1.0, Reason.TARGET)
    assert day.quantity == 0


def test_a_target_is_asked_for_once_while_its_order_works() -> None:
    day = ready()
    day.tick(99.9, 100.05)
    strategy = day.strategy
    working = day.view()._replace(exit_working=True)
    day.now += timedelta(seconds=1)
    assert strategy.on_quote(quote(101.0, day.now), working) == ()
    assert len(strategy.on_quote(quote(101.0, day.now), day.view())) == 1


@pytest.mark.req("PS60-5MIN", "REQ-TEST-002")
@pytest.mark.parametrize(
    ("age_s", "leaves"), [(299.0, False), (299.999, False), (300.0, True), (301.0, True)]
)
def test_what_has_not_moved_in_five_minutes_is_left(age_s: float, leaves: bool) -> None:
    day = ready()
    day.tick(99.9, 100.05)
    day.tick(100.06, every_s=0.0)

    day.wait(age_s)

    exits = [p for p in day.said if p.intention is Intention.EXIT]
    assert [p.reason for p in exits] == ([Reason.FIVE_MINUTE_RULE] if leaves else [])


@pytest.mark.req("PS60-5MIN", "REQ-TEST-002")
def test_progress_or_a_partial_keeps_it_in() -> None:
    moved = ready()
    moved.tick(99.9, 100.05, 100.09)  # 0.04 of 0.30 per share: 0.13 R
    moved.wait(600)
    assert len(moved.said) == 1

    halved = ready()
    halved.tick(99.9, 100.05, 101.0, 100.05)
    halved.wait(600)
    assert [p.exit_fraction for p in halved.said[1:]] == [0.5]


@pytest.mark.req("REQ-TEST-002")
@pytest.mark.parametrize("month", [1, 7])
def test_the_five_minute_rule_counts_the_same_on_both_sides_of_the_clock_change(month: int) -> None:
    opened = TEN.replace(month=month)
    holding = Holding(100.0, opened.astimezone(ZoneInfo("America/New_York")), 99.0, 99.0, False)
    for zone in (UTC, ZoneInfo("America/New_York")):
        at = (opened + timedelta(minutes=5)).astimezone(zone)
        assert five_minute_rule(holding, 100.0, 1, at - timedelta(seconds=1), PivotParams()) is None
        wish = five_minute_rule(holding, 100.0, 1, at, PivotParams())
        assert wish is not None
        assert wish.reason is Reason.FIVE_MINUTE_RULE


def test_a_pivot_that_stays_keeps_its_state_when_a_new_watch_list_comes() -> None:
    day = ready()
    day.fills = False
    day.tick(99.9, 100.05)

    day.strategy.take_setups((SETUP,))
    day.tick(100.2)
    assert len(day.said) == 1

    day.strategy.take_setups(())
    assert day.strategy.why_not(KEY).code is Reason.NO_SETUP
    day.tick(99.0, 100.05)
    assert len(day.said) == 1


@pytest.mark.parametrize(
    ("params", "wrong"),
    [({"bars": 1}, "bars"), ({"partial_pct": 120.0}, "partial_pct"), ({"bounce_pct": 0.01}, "bounce_pct")],
)
def test_a_wrong_parameter_is_named(params: dict[str, object], wrong: str) -> None:
    with pytest.raises(ParamError) as caught:
        pivot_break(**params)
    assert caught.value.param == wrong


@pytest.mark.req("PLAN-M1-REGISTRY")
def test_it_is_found_by_its_name() -> None:
    assert "pivot_break" in STRATEGIES.names()
