"""The whole trader of one contract on a small market: order of things, bad data, restart, cost."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator

import numpy as np
import pytest

from engine.learning.appetite import APPETITES, AppetiteName
from engine.learning.book import Top
from engine.learning.shadow import ShadowTerms
from engine.learning.threshold import WhyNot
from engine.learning.trader import ContractTrader, Opinion, TraderSettings, Turn

TICK = 0.25
TERMS = ShadowTerms(
    tick_size=TICK,
    horizon_s=5.0,
    latency_s=0.2,
    stop_ticks=8.0,
    target_ticks=12.0,
    fees_ticks=0.1,
    gap_ticks=1.0,
)


def market(seed: int, seconds: float, *, leaning: float = 0.0) -> Iterator[Top]:
    """Four quotes a second; `leaning` is how much the heavier side of the queue pushes the price."""
    rng, level, at, lean = np.random.default_rng(seed), 0, 0.0, 0.0
    while at < seconds:
        at += float(rng.exponential(0.25))
        lean = 0.95 * lean + 0.3 * float(rng.normal())
        share = 1.0 / (1.0 + math.exp(-lean))
        qb, qa = 1 + int(100 * share), 1 + int(100 * (1.0 - share))
        yield Top(at, 100 + level * TICK, 100 + (level + 1) * TICK, qb, qa)
        if rng.random() < 0.3:
            level += 1 if rng.random() < 0.5 + leaning * (2.0 * share - 1.0) else -1


def made(name: AppetiteName = AppetiteName.AGGRESSIVE) -> ContractTrader:
    trader = ContractTrader(TraderSettings(contract="ZZ", appetite=APPETITES[name], terms=TERMS, step_s=1.0))
    trader.begin_session(0.0, 23_400.0)
    return trader


def play(trader: ContractTrader, tops: list[Top]) -> list[Turn]:
    return [trader.on_top(top) for top in tops]


def opinions(turns: list[Turn]) -> list[Opinion]:
    return [turn.opinion for turn in turns if turn.opinion is not None]


@pytest.mark.req("FUT-F4", "FUT-F6")
def test_every_decision_has_a_confidence_a_threshold_and_an_outcome() -> None:
    trader = made()
    turns = play(trader, list(market(1, 120.0)))

    found = opinions(turns)
    assert 95 <= len(found) <= 115
    assert all(0.5 <= one.claim.p <= 1.0 for one in found)
    assert all(one.verdict.why_not is WhyNot.NO_EVIDENCE for one in found)
    numbers = [one.decision.number for one in found]
    moves = [move.decision.number for turn in turns for move in turn.moves]
    payoffs = [one.number for turn in turns for one in turn.payoffs]
    assert moves == numbers[: len(moves)]
    assert len(moves) >= len(numbers) - 7
    assert set(payoffs) <= set(numbers)
    assert len(payoffs) >= len(numbers) - 8


def test_a_decision_knows_nothing_of_the_event_that_brings_it() -> None:
    tops = list(market(2, 40.0))
    one, other = made(), made()
    play(one, tops[:-1])
    play(other, tops[:-1])
    last = tops[-1]._replace(at=math.floor(tops[-2].at) + 1.5)

    seen = one.on_top(last).opinion
    same = other.on_top(last._replace(bid=last.bid - 50 * TICK, ask=last.ask - 50 * TICK)).opinion

    assert seen is not None
    assert same is not None
    assert seen.decision.features == same.decision.features


@pytest.mark.req("FUT-F4")
def test_it_learns_what_the_queue_says() -> None:
    trader = made()
    turns = play(trader, list(market(3, 600.0, leaning=0.5)))
    late = [move for turn in turns for move in turn.moves if move.decision.number > 250 and move.ticks]
    right = [(move.ticks > 0) == (move.decision.said.p_up > 0.5) for move in late]
    assert len(late) > 100
    assert sum(right) / len(right) > 0.57


@pytest.mark.req("FUT-F5")
@pytest.mark.parametrize("at", [60, 333])
def test_a_restart_at_any_event_continues_to_the_last_digit(at: int) -> None:
    tops = list(market(4, 130.0, leaning=0.4))
    one, other = made(), made()
    play(one, tops[:at])
    one.mark_traded(one.decisions)
    other.restore(json.loads(json.dumps(one.state(), allow_nan=False)))

    for top in tops[at:]:
        assert repr(other.on_top(top)) == repr(one.on_top(top))
    assert other.state() == one.state()


@pytest.mark.req("FUT-F5", "FUT-F7")
def test_a_gap_in_the_data_drops_what_is_owed_and_learns_nothing_across_it() -> None:
    trader = made()
    tops = list(market(5, 60.0))
    play(trader, tops)
    labels = trader.judge.labels

    turn = trader.on_top(tops[-1]._replace(at=tops[-1].at + 1000.0, bid=50.0, ask=50.25))

    assert all(math.isnan(move.ticks) for move in turn.moves if move.decision.at > tops[-1].at - 0.1)
    assert trader.judge.labels <= labels + 6
    assert turn.opinion is None
    assert opinions([trader.on_top(tops[-1]._replace(at=tops[-1].at + 1005.0))]) == []


@pytest.mark.req("FUT-F4")
def test_a_clock_set_back_does_not_silence_it() -> None:
    trader = made()
    play(trader, list(market(6, 60.0)))
    again = opinions(play(trader, list(market(7, 40.0))))
    assert len(again) > 20


@pytest.mark.req("FUT-F5", "FUT-F7")
def test_lost_data_and_session_ends_free_the_shadow_traders() -> None:
    trader = made()
    play(trader, list(market(8, 80.0, leaning=0.4)))
    assert len(trader.outcomes) > 0
    dropped = trader.on_lost_data().dropped
    assert dropped
    assert len(trader.outcomes) == 0
    assert not any(trader.judge.gate.holds(number) for number in dropped)


def test_time_alone_settles_and_decides_in_a_quiet_market() -> None:
    trader = made()
    play(trader, list(market(9, 60.0)))
    turns = [trader.on_time(61.0 + n + 0.01) for n in range(8)]
    assert len(opinions(turns)) == 8
    assert sum(len(turn.moves) for turn in turns) >= 6


def test_a_decision_is_taken_once_whoever_tells_the_time() -> None:
    trader, again = made(), made()
    play(trader, list(market(9, 60.0)))
    assert trader.on_time(61.2).opinion is not None
    again.restore(json.loads(json.dumps(trader.state(), allow_nan=False)))

    for one in (trader, again):
        assert one.on_time(61.7).opinion is None
        assert one.on_time(62.0).opinion is not None


def test_measured_slippage_makes_claims_dearer() -> None:
    trader = made()
    play(trader, list(market(10, 60.0)))
    before = trader.on_time(61.01).opinion
    trader.on_slippage(3.0)
    assert trader.slippage_ticks == 0.5  # one bad fill is no measure
    for _ in range(400):
        trader.on_slippage(0.5)
    after = trader.on_time(62.01).opinion
    assert before is not None
    assert after is not None
    assert after.claim.cost == pytest.approx(before.claim.cost + 1.0, abs=0.1)


@pytest.mark.alone
@pytest.mark.req("FUT-F4")
def test_an_event_with_its_decision_costs_less_than_a_millisecond() -> None:
    trader, took = made(), []
    for top in market(11, 900.0, leaning=0.4):
        began = time.perf_counter_ns()
        trader.on_top(top)
        took.append(time.perf_counter_ns() - began)
    assert float(np.percentile(took, 99)) < 1e6
