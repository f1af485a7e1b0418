"""The learned futures trader as a strategy: flat without an edge, in where one is proven, out by its rule."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import islice

import pytest

from engine.domain.market import Quote, utc
from engine.domain.order import Side
from engine.domain.reasons import Reason
from engine.learning.choice import Candidate
from engine.learning.evidence import EvidenceGate
from engine.learning.record import TradeRecord
from engine.learning.threshold import WhyNot
from engine.strategy import STRATEGIES, ParamError
from engine.strategy.base import Account, Holding, StrategyView
from engine.strategy.learned import ALL, LearnedFutures
from engine.strategy.learned_contract import Memory
from engine.strategy.learned_words import why_words
from tests.builders import TEN
from tests.strategy.learned_market import FAST, KEY, START_S, Played, bars, made, play, quotes

FLAT = StrategyView(allow_short=True)


def stopped_at_entry(seed: int = 3, **params: object) -> tuple[LearnedFutures, Iterator[Quote], Quote]:
    """A trader that has just asked for its first entry, and the rest of the tape."""
    trader, tape = made(**params), quotes(seed, 3000, leaning=0.5)
    for quote in tape:
        if trader.on_quote(quote, FLAT):
            return trader, tape, quote
    raise AssertionError("it never entered")


def memories_of(trader: LearnedFutures) -> dict[str, Memory]:
    """What a store would give back."""
    states = trader.states([KEY, ALL])
    return {key: Memory(json.loads(json.dumps(state))) for key, (state, _) in states.items()}


@pytest.fixture(scope="module")
def edge() -> tuple[LearnedFutures, Played]:
    """A market with an edge, played once for all that only look at it."""
    trader = made()
    return trader, play(trader, quotes(3, 500, leaning=0.5))


@pytest.mark.req("FUT-F6")
def test_a_market_without_an_edge_is_never_traded_and_the_panel_says_why() -> None:
    trader = made()
    played = play(trader, quotes(4, 900, leaning=0.0))

    assert played.entries == []
    (said,) = trader.convictions()
    assert said.samples > 800
    assert math.isinf(said.needed)
    assert said.text.startswith("nothing is proven: evidence")
    assert trader.why_not(KEY).code is Reason.NO_SIGNAL


@pytest.mark.req("FUT-F6")
def test_an_edge_is_proven_by_shadow_trades_and_then_traded_both_ways(
    edge: tuple[LearnedFutures, Played],
) -> None:
    trader, played = edge
    (said,) = trader.convictions()

    assert {wish.side for wish in played.entries} == {Side.BUY, Side.SELL}
    assert min(wish.at.timestamp() for wish in played.entries) - START_S > 60
    assert sum(played.net_ticks) > 0
    assert said.live_trades == len(played.entries)
    assert said.explored == 0
    assert said.evidence >= said.evidence_needed
    assert said.mean_low > 0


@pytest.mark.req("FUT-RISKMGR", "FUT-DO-7")
def test_an_entry_has_a_stop_on_its_losing_side_a_size_and_words(edge: tuple[LearnedFutures, Played]) -> None:
    trader, played = edge
    contract = trader.contracts[KEY]
    terms, most_usd = contract.terms, contract.appetite.risk_pct / 100.0 * 1_000_000.0
    for wish in played.entries:
        assert wish.stop_price is not None
        assert wish.most_units is not None
        assert 1 <= wish.most_units <= most_usd / contract.worst_usd
        assert 0.5 < wish.conviction < 1.0
        assert "needed" in wish.note
        assert wish.forecast is not None
        assert (wish.forecast.p, wish.forecast.explores) == (wish.conviction, False)
        assert min(wish.forecast.evidence, wish.forecast.evidence_needed) > 1.0
        assert wish.signal_id.endswith(f":{wish.forecast.decision}")
    assert terms.stop_ticks * terms.tick_size == 2.0
    assert len({wish.signal_id for wish in played.entries}) == len(played.entries)


def test_no_decision_waits_for_learning() -> None:
    trader, tape, entered = stopped_at_entry()
    model = trader.contracts[KEY].trader
    labels = model.judge.labels

    play(trader, iter([next(tape)]))

    assert model.judge.labels > labels
    assert model.learn_due().moves == []
    assert entered.key == KEY


def test_it_leaves_at_its_target_and_when_its_time_is_over() -> None:
    trader, _, entered = stopped_at_entry()
    terms = trader.contracts[KEY].terms
    held = Holding(entered.ask, utc(entered.at), 90.0, 90.0, has_partial=False)
    long = StrategyView(quantity=2, allow_short=True, holding=held)
    up = terms.target_ticks * terms.tick_size
    soon = entered._replace(at=entered.at + 0.1)
    reached = entered._replace(bid=entered.ask + up, ask=entered.ask + up + 0.25, at=entered.at + 0.5)

    assert trader.on_quote(soon, long) == ()
    (gain,) = trader.on_quote(reached, long)
    assert (gain.reason, gain.side) == (Reason.TARGET, Side.SELL)
    assert trader.on_quote(reached._replace(at=entered.at + 0.6), long._replace(exit_working=True)) == ()
    (late,) = trader.on_clock(KEY, utc(entered.at) + timedelta(seconds=terms.horizon_s), long)
    assert late.reason is Reason.SIGNAL
    assert "over" in late.note


def test_one_position_at_a_time_and_an_entry_that_was_refused_is_forgotten() -> None:
    trader, tape, entered = stopped_at_entry()

    later = list(islice(tape, 400))
    soon = [q for q in later if q.at < entered.at + 9.0]
    assert [wish for q in soon for wish in trader.on_quote(q, FLAT)] == []
    assert trader.contracts[KEY].asked is not None
    assert play(trader, iter(later[len(soon) :])).entries


def test_it_is_not_short_where_shorts_are_not_allowed() -> None:
    trader = made()
    no_shorts = FLAT._replace(allow_short=False)
    sides = {w.side for q in quotes(3, 700, leaning=0.5) for w in trader.on_quote(q, no_shorts)}
    assert sides <= {Side.BUY}


@pytest.mark.req("FUT-F6")
def test_exploring_is_marked_bounded_by_its_budget_and_is_no_evidence() -> None:
    tape = list(quotes(3, 150, leaning=0.5))
    dull, curious = made(loss_weight=1.0), made(explore=True, loss_weight=1.0)
    poor, live = made(explore=True, explore_pct=0.0), made(explore=True)
    live.take_account(Account(1_000_000.0, is_paper=False))

    explored = play(curious, iter(tape))

    assert play(dull, iter(tape)).entries == []
    assert play(poor, iter(tape)).entries == []
    assert play(live, iter(tape)).entries == []
    assert explored.entries
    assert {wish.most_units for wish in explored.entries} == {1}
    assert all("not evidence" in wish.note for wish in explored.entries)
    assert all(wish.forecast is not None and wish.forecast.explores for wish in explored.entries)
    (mine,), (theirs,) = curious.convictions(), dull.convictions()
    assert (mine.explored, mine.live_trades) == (len(explored.entries), 0)
    assert (mine.shadow_trades, mine.evidence) == (theirs.shadow_trades, theirs.evidence)
    assert curious.budget().spent_usd + curious.budget().held_usd <= 0.005 * 1_000_000.0


@pytest.mark.req("FUT-EDGE-7")
def test_of_several_claims_at_once_the_best_alone_trades() -> None:
    trader, tape = made(), quotes(3, 700, leaning=0.5)
    better = Candidate("YYZ6", math.inf, 1.0, TradeRecord())
    for r in (0.5, 0.6):
        better.record.add(r)
    for quote in tape:
        trader._rivals["YYZ6"] = quote.at, better
        assert trader.on_quote(quote, FLAT) == ()
        if trader.contracts[KEY].why is WhyNot.OUTRANKED:
            break
    else:
        raise AssertionError("nothing was proven")
    trader._rivals.clear()
    assert play(trader, tape).entries
    assert "another contract" in why_words(WhyNot.OUTRANKED, EvidenceGate(alpha=0.05), open_share=0.0)


@pytest.mark.req("FUT-EDGE-7")
def test_of_several_contracts_only_one_is_held() -> None:
    trader, other = made(KEY, "YYZ6"), "YYZ6"
    for quote in quotes(3, 1200, leaning=0.5):
        for wish in trader.on_quote(quote, FLAT):
            assert wish.key == KEY
            trader.on_quote(quote._replace(at=quote.at + 0.01), FLAT._replace(entry_working=True))
            mirrored = [q._replace(key=other) for q in quotes(5, 40, leaning=0.5)]
            assert [w for q in mirrored for w in trader.on_quote(q, FLAT)] == []
            return
    raise AssertionError("it never entered")


@pytest.mark.req("FUT-F5")
def test_a_restart_continues_the_model_and_gives_no_second_alpha() -> None:
    trader, tape = made(), list(quotes(3, 400, leaning=0.5))
    play(trader, iter(tape[:800]))
    states = memories_of(trader)

    again = LearnedFutures.create("learner", params=FAST, keys=(KEY,))
    again.recall(states)
    again.describe(trader.contracts[KEY].described.instrument, fee_usd=0.6)
    again.warm_up(bars())
    again.take_account(Account(1_000_000.0, is_paper=True))
    trader.on_lost_data(KEY)  # what was under way when it went down is known to neither

    mine, theirs = again.contracts[KEY], trader.contracts[KEY]
    assert mine.trader.judge.state() == theirs.trader.judge.state()
    asked = [(again.on_quote(quote, FLAT), trader.on_quote(quote, FLAT)) for quote in tape[800:]]
    assert all(one == other for one, other in asked)
    assert any(one for one, _ in asked)
    assert mine.trader.judge.state() == theirs.trader.judge.state()
    assert again.peak_usd == trader.peak_usd


def test_a_state_of_another_horizon_is_not_continued_and_said_so() -> None:
    trader = made()
    play(trader, quotes(3, 30, leaning=0.5))
    states = memories_of(trader)
    other = LearnedFutures.create("learner", params={**FAST, "horizon_s": 8.0}, keys=(KEY,))
    other.recall(states)
    other.describe(trader.contracts[KEY].described.instrument, fee_usd=0.6)
    other.warm_up(bars())

    assert other.contracts[KEY].trader.decisions == 0
    assert "horizon" in other.troubles[0]


def test_other_instruments_take_nothing_from_those_that_stay() -> None:
    trader = made(KEY, "YYZ6")
    play(trader, quotes(3, 60, leaning=0.5))
    decided = trader.contracts[KEY].trader.decisions

    after = LearnedFutures.create("learner", params=FAST, keys=(KEY, "XXZ6"))
    after.follow(trader)
    fewer = LearnedFutures.create("learner", params=FAST, keys=(KEY,))
    fewer.follow(trader)
    fewer.describe(trader.contracts[KEY].described.instrument, fee_usd=0.6)
    fewer.warm_up(bars())

    assert after.contracts[KEY].trader.decisions == decided
    assert fewer.contracts[KEY].trader.decisions == decided
    assert fewer.contracts[KEY].contracts == 1


def test_in_a_drawdown_more_is_needed_and_at_its_end_nothing_trades() -> None:
    trader = made()
    trader.take_account(Account(940_000.0, is_paper=True))
    assert trader.contracts[KEY].trader.drawdown == pytest.approx(0.5)
    trader.take_account(Account(800_000.0, is_paper=True))
    assert play(trader, quotes(3, 700, leaning=0.5)).entries == []
    trader.take_account(Account(math.nan, is_paper=True))
    assert trader.contracts[KEY].trader.drawdown == 1.0


def test_what_it_does_not_know_yet_it_says() -> None:
    trader = LearnedFutures.create("learner", params=FAST, keys=(KEY,))
    assert "not enough data" in trader.why_not(KEY).text
    assert not trader.wants_quote(next(quotes(1, 1.0, leaning=0.0)))
    with pytest.raises(KeyError):
        trader.why_not("ES")
    known = made()
    play(known, quotes(1, 20, leaning=0.0))
    assert known.why_not(KEY).text.startswith("not enough data: ")
    assert math.isnan(known.convictions()[0].probability)


def test_prints_are_signed_by_the_touch_before_them() -> None:
    trader = made()
    tape = list(quotes(2, 15, leaning=0.0))
    play(trader, iter(tape))
    last = tape[-1]._replace(at=tape[-1].at + 0.1)
    trader.on_quote(last, FLAT)
    trader.on_quote(last._replace(last=last.ask, last_size=5), FLAT)
    features = trader.contracts[KEY].trader.stream.snapshot(last.at + 0.5)
    assert features is not None
    assert features["sign_2"] > 0


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"appetite": "wild"}, "appetite"),
        ({"step_s": 90.0}, "horizon_s"),
        ({"explore_pct": -3.0}, "explore_pct"),
    ],
)
def test_wrong_parameters_are_named(params: dict[str, object], name: str) -> None:
    with pytest.raises(ParamError) as caught:
        LearnedFutures.create("learner", params=params, keys=())
    assert caught.value.param == name


@pytest.mark.req("FUT-F6")
def test_it_is_listed_and_runs_under_the_futures_profile_alone() -> None:
    assert STRATEGIES.get("learned_futures").only_profile == "futures"
    assert "paper accounts only" in STRATEGIES.summary("learned_futures")


def test_a_session_that_begins_drops_what_was_under_way() -> None:
    trader = made()
    play(trader, quotes(3, 40, leaning=0.5))
    held = trader.contracts[KEY]
    assert len(held.trader.outcomes) > 0
    closed = replace(held.described.instrument, liquid_hours=())
    held.described = held.described._replace(instrument=closed)
    held.hear_time((TEN + timedelta(days=2)).timestamp())
    assert held.trader.stream.last_at < (TEN + timedelta(days=2)).timestamp()
