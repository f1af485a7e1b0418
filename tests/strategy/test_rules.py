"""The rules trader: the best triggers of a bar close, whatever order the bars come in; terms in percent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.domain.reasons import Reason
from engine.domain.terms import Terms, TermsError
from engine.strategy import STRATEGIES, ParamError
from engine.strategy.base import Holding, StrategyView
from engine.strategy.rules import Rules
from tests.strategy.bars import START, bar

KEYS = ("A", "B", "C")
PARAMS: dict[str, object] = {"breakout_bars": 5, "volume_bars": 5, "max_triggers_per_cycle": 2}
FREE = StrategyView(allow_short=True)


def rules(keys: Sequence[str] = KEYS, **params: object) -> Rules:
    """A trader that has seen six quiet bars of each instrument."""
    made = STRATEGIES.get("rules").create("rules", params={**PARAMS, **params}, keys=keys)
    assert isinstance(made, Rules)
    made.warm_up(bar(i, 100.0, key=key) for key in keys for i in range(6))
    return made


def closing(key: str, close: float, index: int = 6) -> Bar:
    return bar(index, close, key=key)


def fed(trader: Rules, given_bars: Iterable[Bar], view: StrategyView = FREE) -> list[Proposal]:
    return [p for b in given_bars for p in trader.on_bar(b, view)]


@pytest.mark.req("REQ-S1", "REQ-R2")
def test_the_best_of_a_cycle_are_proposed_with_terms_in_percent_once_all_bars_are_in() -> None:
    trader = rules()
    closes = {"A": 100.9, "B": 102.0, "C": 101.5}  # above 100.5 by 0.4, 1.5 and 1.0 %
    assert fed(trader, [closing("A", closes["A"]), closing("B", closes["B"])]) == []
    found = fed(trader, [closing("C", closes["C"])])

    assert [(p.key, p.side, p.conviction) for p in found] == [("B", Side.BUY, 1.0), ("C", Side.BUY, 1.0)]
    first = found[0]
    assert first.terms == Terms(notional_pct=5.0, stop_loss_pct=1.0, take_profit_pct=2.0)
    assert first.stop_price == pytest.approx(102.0 * 0.99)
    assert first.target_price == first.plan.target1 == pytest.approx(102.0 * 1.02)
    assert trader.why_not("A").code is Reason.FILTERED
    assert "2 scored better" in trader.why_not("A").text


@pytest.mark.req("REQ-S1")
@given(st.permutations(KEYS), st.lists(st.floats(97.0, 103.0), min_size=3, max_size=3))
def test_the_order_of_arrival_changes_nothing(order: list[str], closes: list[float]) -> None:
    by_key = dict(zip(KEYS, closes, strict=True))
    first = fed(rules(), [closing(key, by_key[key]) for key in KEYS])
    other = fed(rules(), [closing(key, by_key[key]) for key in order])

    assert first == other
    assert len(first) <= 2
    assert all(p.conviction >= 0.5 for p in first)


@pytest.mark.req("REQ-S1")
@pytest.mark.parametrize(("close", "fires"), [(100.5 * 1.00249, False), (100.5 * 1.00251, True)])
def test_just_below_the_threshold_nothing_fires(close: float, fires: bool) -> None:
    trader = rules(("A",))

    assert bool(fed(trader, [closing("A", close)])) is fires
    assert fires or trader.why_not("A").text.startswith("breakout scores 0.50 of 0.50")


@pytest.mark.req("REQ-R1", "REQ-S1")
def test_where_shorts_are_not_allowed_a_fall_is_no_trigger_and_takes_no_place() -> None:
    trader = rules(max_triggers_per_cycle=1)
    long_only = StrategyView(allow_short=False)
    found = fed(trader, [closing("A", 95.0), closing("B", 100.9), closing("C", 100.0)], long_only)

    assert [(p.key, p.side) for p in found] == [("B", Side.BUY)]
    assert trader.why_not("A").code is Reason.SHORT_NOT_ALLOWED
    down = fed(rules(("A",)), [closing("A", 95.0)])
    assert (down[0].side, down[0].stop_price) == (Side.SELL, pytest.approx(95.0 * 1.01))


def test_a_cycle_does_not_wait_for_ever_for_a_bar_that_is_missing() -> None:
    trader = rules()
    fed(trader, [closing("A", 102.0)])
    end = START + timedelta(minutes=7)

    assert trader.on_clock("A", end + timedelta(seconds=1.9), FREE) == ()
    found = trader.on_clock("A", end + timedelta(seconds=2), FREE)
    assert [p.key for p in found] == ["A"]
    assert fed(trader, [closing("B", 102.0)]) == [], "too late: its cycle was judged"
    again = fed(trader, [closing("A", 102.0, 7), closing("A", 102.0, 8)])
    assert again == [], "a high of its own stands in the way now"


def test_a_bar_of_a_later_cycle_closes_the_one_before() -> None:
    trader = rules()
    fed(trader, [closing("A", 102.0)])

    assert [p.key for p in fed(trader, [closing("B", 100.0, 7)])] == ["A"]


@pytest.mark.req("PLAN-RISK-GAPS")
def test_across_a_hole_in_a_day_nothing_is_decided_unless_it_is_allowed() -> None:
    trader = rules(("A",))
    assert fed(trader, [closing("A", 102.0, 9)]) == []
    assert trader.why_not("A").code is Reason.WARMING_UP
    assert "bars are missing since 10:06:00 ET" in trader.why_not("A").text
    assert fed(rules(("A",), allow_gaps=True), [closing("A", 102.0, 9)])

    day = 24 * 60
    over_night = rules(("A",))
    assert fed(over_night, [closing("A", 102.0, day)]), "a night is no hole"


@pytest.mark.req("REQ-R2")
def test_it_leaves_at_the_bar_that_reaches_its_target_and_asks_until_it_is_flat() -> None:
    trader = rules(("A",))
    held = Holding(100.0, START, 99.0, 99.0, has_partial=False, target1=102.0)
    view = StrategyView(quantity=10, holding=held)

    assert fed(trader, [closing("A", 101.4)], view) == []  # its high is 101.9
    out = fed(trader, [closing("A", 101.5, 7)], view)
    assert [(p.intention, p.side, p.reason) for p in out] == [(Intention.EXIT, Side.SELL, Reason.TARGET)]
    assert fed(trader, [closing("A", 101.6, 8)], view._replace(exit_working=True)) == []
    short = StrategyView(quantity=-10, holding=held._replace(target1=None))
    assert fed(trader, [closing("A", 98.5, 9)], short)[0].side is Side.BUY


@pytest.mark.req("REQ-R2")
@pytest.mark.parametrize("field", ["notional_pct", "stop_loss_pct", "take_profit_pct"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_terms_out_of_bounds_are_refused_and_none_may_be_missing(field: str, value: float) -> None:
    good = {"notional_pct": 5.0, "stop_loss_pct": 1.0, "take_profit_pct": 2.0}
    with pytest.raises(TermsError, match=field):
        Terms(**{**good, field: value})
    del good[field]
    with pytest.raises(TypeError, match=field):
        Terms(**good)
    if value == 0.0:
        with pytest.raises(ParamError) as caught:
            STRATEGIES.get("rules").create("r", params={field: value}, keys=("A",))
        assert caught.value.param == field
