"""Triggers: what fires, how high it scores, and which of many count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Bar
from engine.domain.order import Side
from engine.strategy.triggers import Trigger, TriggerKind, TriggerRules, select, triggers_of
from tests.strategy.bars import bar

RULES = TriggerRules(breakout_bars=5, volume_bars=5)


def series(last_close: float, *, last_volume: int = 100) -> list[Bar]:
    """Six quiet bars around 100 (highs 100.5, lows 99.5), then one."""
    quiet = [bar(i, 100.0) for i in range(6)]
    last = bar(6, last_close)
    return [*quiet, last._replace(open=100.0, volume=last_volume)]


def only(bars: list[Bar], kind: TriggerKind) -> Trigger | None:
    return next((t for t in triggers_of(bars, RULES) if t.kind is kind), None)


@pytest.mark.req("REQ-S1")
def test_a_close_beyond_every_high_is_a_breakout_scored_by_its_distance() -> None:
    half = only(series(100.5 * 1.0025), TriggerKind.BREAKOUT)
    assert half is not None
    assert (half.side, half.score) == (Side.BUY, pytest.approx(0.5))
    down = only(series(99.5 * 0.99), TriggerKind.BREAKOUT)
    assert down is not None
    assert (down.side, down.score) == (Side.SELL, 1.0)
    assert only(series(100.5), TriggerKind.BREAKOUT) is None


@pytest.mark.req("REQ-S1")
def test_far_more_volume_than_usual_is_a_spike_in_the_direction_of_its_bar() -> None:
    spike = only(series(100.2, last_volume=250), TriggerKind.VOLUME_SPIKE)
    assert spike is not None
    assert (spike.side, spike.score) == (Side.BUY, pytest.approx(0.5))
    assert only(series(100.0, last_volume=900), TriggerKind.VOLUME_SPIKE) is None
    assert only(series(100.2, last_volume=100), TriggerKind.VOLUME_SPIKE) is None


def test_too_few_bars_say_nothing() -> None:
    assert triggers_of(series(150.0)[-5:], RULES) == ()


@pytest.mark.req("REQ-S1")
def test_only_at_the_threshold_does_it_count() -> None:
    def scored(score: float) -> Trigger:
        return Trigger("SPY", TriggerKind.BREAKOUT, Side.BUY, score, "")

    assert select([scored(0.4999)], RULES) == ()
    assert len(select([scored(0.5)], RULES)) == 1


@pytest.mark.req("REQ-S1")
def test_ten_candidates_with_a_cap_of_five_give_the_best_five_in_a_stable_order() -> None:
    ten = [Trigger(f"S{n}", TriggerKind.BREAKOUT, Side.BUY, 0.5 + (n % 5) / 10, "") for n in range(10)]
    expected = ["S4", "S9", "S3", "S8", "S2"]
    assert [t.key for t in select(ten, RULES)] == expected
    assert [t.key for t in select(reversed(ten), RULES)] == expected


def test_an_instrument_counts_once_with_its_best_trigger() -> None:
    two = [
        Trigger("SPY", TriggerKind.BREAKOUT, Side.BUY, 0.6, ""),
        Trigger("SPY", TriggerKind.VOLUME_SPIKE, Side.BUY, 0.9, ""),
    ]
    assert [t.kind for t in select(two, RULES)] == [TriggerKind.VOLUME_SPIKE]


@pytest.mark.req("REQ-S1")
@given(st.lists(st.tuples(st.floats(50, 150), st.integers(0, 1000)), min_size=7, max_size=20))
def test_the_same_bars_give_the_same_triggers_scored_between_none_and_all(
    rows: list[tuple[float, int]],
) -> None:
    bars = [bar(i, close)._replace(volume=volume) for i, (close, volume) in enumerate(rows)]
    said = triggers_of(bars, RULES)
    assert said == triggers_of(list(bars), RULES)
    assert all(0.0 <= t.score <= 1.0 for t in said)
