"""Outcomes: known when they are due and not before, at prices that were there, or not known at all."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from engine.learning.book import Top
from engine.learning.head import Answer
from engine.learning.judge import Said
from engine.learning.outcomes import Decision, Outcomes
from engine.learning.shadow import ShadowTerms
from engine.learning.succession import Forecast

TICK = 0.25
ANSWER = Answer(0.6, 0.6, 0.1, (0.6, 0.5))
SAID = Said(Forecast(ANSWER, None, 0), ANSWER)


def terms(**more: float) -> ShadowTerms:
    known = {
        "tick_size": TICK,
        "horizon_s": 5.0,
        "latency_s": 1.0,
        "stop_ticks": 4.0,
        "target_ticks": 6.0,
        "fees_ticks": 0.3,
        "gap_ticks": 1.0,
    }
    return ShadowTerms(**{**known, **more})


def book(at: float, ticks: float = 0.0) -> Top:
    """Bid at 100 and so many ticks, one tick wide."""
    bid = 100.0 + ticks * TICK
    return Top(at, bid, bid + TICK, 10, 10)


def decision(number: int, at: float, *, is_up: bool = True) -> Decision:
    return Decision(number, at, {"qi": 0.5}, SAID, is_up, 100.0 + TICK / 2)


def begun(*, is_up: bool = True, **more: float) -> Outcomes:
    """A book at 10, a decision at 10.5: in at 11.5, label at 15.5, out at 16.5."""
    outcomes = Outcomes(terms(**more))
    outcomes.on_top(book(10.0))
    outcomes.add(decision(1, 10.5, is_up=is_up))
    return outcomes


def step(outcomes: Outcomes, new: Top) -> tuple[list[float], list[float]]:
    """The next book; labels and payoffs it made known."""
    moves, payoffs = outcomes.advance(new.at)
    more = outcomes.on_top(new)
    return [one.ticks for one in moves], [one.net_ticks for one in (*payoffs, *more)]


def test_a_label_is_the_mid_in_force_when_it_is_due_and_not_the_one_that_tells_of_it() -> None:
    outcomes = begun()
    assert step(outcomes, book(15.0, 2)) == ([], [])
    assert step(outcomes, book(15.6, -9))[0] == [2.0]


def test_nothing_is_known_before_it_is_due() -> None:
    outcomes = begun()
    assert [len(part) for part in outcomes.advance(15.49)] == [0, 0]
    assert [one.ticks for one in outcomes.advance(15.5)[0]] == [0.0]
    assert len(outcomes.advance(16.49)[1]) == 0
    assert len(outcomes.advance(16.5)[1]) == 1


def test_a_shadow_trade_pays_latency_spread_and_fees() -> None:
    outcomes = begun()
    step(outcomes, book(11.0, 1))  # before it is in: it pays one tick more
    step(outcomes, book(14.0, 4))
    _, payoffs = step(outcomes, book(16.6, -9))

    assert payoffs == [pytest.approx((4 - 1) - 1 - 0.3)]  # bid 4 against ask 1 + 1


def test_a_short_shadow_trade_is_the_mirror() -> None:
    outcomes = begun(is_up=False)
    step(outcomes, book(14.0, -4))
    assert step(outcomes, book(16.6))[1] == [pytest.approx(4 - 1 - 0.3)]


def test_a_stop_is_left_at_the_price_that_was_there_gap_and_all() -> None:
    outcomes = begun()
    step(outcomes, book(12.0))
    _, payoffs = step(outcomes, book(13.0, -7))

    assert payoffs == [pytest.approx(-8.3)]
    assert outcomes.terms.worst_ticks == pytest.approx(5.3)


def test_a_target_ends_it_early() -> None:
    outcomes = begun()
    step(outcomes, book(12.0))
    assert step(outcomes, book(13.0, 7))[1] == [pytest.approx(5.7)]
    assert step(outcomes, book(16.6, 9)) == ([7.0], [])


def test_what_falls_due_while_the_book_is_unusable_has_no_outcome() -> None:
    outcomes = begun()
    outcomes.advance(12.0)
    outcomes.on_blind()
    moves, payoffs = step(outcomes, book(17.0, 3))

    assert [math.isnan(one) for one in (*moves, *payoffs)] == [True, True]
    assert outcomes.dropped == 1


def test_a_stale_book_settles_nothing() -> None:
    outcomes = Outcomes(terms(horizon_s=90.0))
    outcomes.on_top(book(10.0))
    outcomes.add(decision(1, 10.5))
    moves, payoffs = step(outcomes, book(200.0, 3))
    assert math.isnan(moves[0])
    assert math.isnan(payoffs[0])


def test_a_session_end_drops_what_is_owed() -> None:
    outcomes = begun()
    outcomes.add(decision(2, 10.9))
    assert outcomes.drop() == [1, 2]
    assert step(outcomes, book(17.0)) == ([], [])
    assert len(outcomes) == 0


def test_most_books_are_not_held_against_every_trade() -> None:
    rng = np.random.default_rng(3)
    fast, slow = Outcomes(terms()), Outcomes(terms())
    results: tuple[list[float], list[float]] = ([], [])
    level = 0.0
    for count in range(600):
        at = 10.0 + 0.1 * count
        level += float(rng.integers(-1, 2))
        slow._rebound = lambda: None  # type: ignore[method-assign] # looks at every trade at every book
        slow._check_at, slow._bounds = -math.inf, (math.inf, -math.inf, math.inf, -math.inf)
        for outcomes, found in zip((fast, slow), results, strict=True):
            found.extend(step(outcomes, book(at, level))[1])
            if count % 10 == 0:
                outcomes.add(decision(count, at, is_up=count % 20 == 0))
    assert len(results[0]) > 40
    assert results[0] == results[1]


def test_what_is_owed_survives_a_restart() -> None:
    outcomes, again = begun(), Outcomes(terms())
    step(outcomes, book(12.0))
    outcomes.add(decision(2, 12.2, is_up=False))
    again.restore(json.loads(json.dumps(outcomes.state(), allow_nan=False)))

    for new in (book(13.0, 1), book(15.7, 2), book(17.0, -1), book(19.0)):
        assert step(again, new) == step(outcomes, new)
    assert again.state() == outcomes.state()
