"""No strategy can see the future: what it said up to an instant does not depend on anything after it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.strategy import StrategyView
from tests.strategy.tapes import BEGIN, Bar, Event, Player, after, drawn, eager, shipped, until

SECONDS = 200
seeds = st.integers(0, 10_000)
cuts = st.integers(1, SECONDS - 1)
kinds = st.sampled_from(shipped())


@given(kind=kinds, past=seeds, future=seeds, cut=cuts, price=st.sampled_from([1.0, 99.0, 103.0, 5000.0]))
def test_another_future_changes_nothing_that_was_said_or_shown_before_it(
    kind: str, past: int, future: int, cut: int, price: float
) -> None:
    at = BEGIN + timedelta(seconds=cut)
    known = list(drawn(past, seconds=SECONDS))
    other = until(known, at) + list(drawn(future, seconds=SECONDS - cut, price=price, first=cut))

    one, two = Player(eager(kind)), Player(eager(kind))
    one.play(until(known, at))
    two.play(until(other, at))
    shown = one.shown(), two.shown()
    before = list(one.said)
    one.play(after(known, at))
    two.play(after(other, at))

    assert shown[0] == shown[1]
    for player in (one, two):
        assert player.said[: len(before)] == before
        assert all(p.at >= at for p in player.said[len(before) :])


@given(kind=kinds, seed=seeds, cut=cuts)
def test_a_tape_that_ends_earlier_gives_the_beginning_of_what_the_whole_one_gives(
    kind: str, seed: int, cut: int
) -> None:
    at = BEGIN + timedelta(seconds=cut)
    whole = Player(eager(kind)).play(drawn(seed, seconds=SECONDS)).said
    short = Player(eager(kind)).play(until(drawn(seed, seconds=SECONDS), at)).said

    assert short == whole[: len(short)]
    assert all(p.at >= at for p in whole[len(short) :])


@given(kind=kinds, seed=seeds, cut=cuts)
def test_history_up_to_an_instant_teaches_what_living_through_it_teaches(
    kind: str, seed: int, cut: int
) -> None:
    """So a warm-up gives no strategy more than it would have seen."""
    at = BEGIN + timedelta(seconds=cut)
    events: list[Event] = [e for e in drawn(seed, seconds=SECONDS) if isinstance(e, Bar)]
    taught, lived = eager(kind), eager(kind)
    taught.warm_up([e for e in until(events, at) if isinstance(e, Bar)])
    flat = StrategyView(entry_working=True)
    for bar in until(events, at):
        assert isinstance(bar, Bar)
        lived.on_bar(bar, flat)
    lived.warm_up([])

    assert taught.why_not(taught.keys[0]) == lived.why_not(lived.keys[0])


@pytest.mark.parametrize("kind", shipped())
def test_these_markets_are_traded_so_that_the_proofs_above_are_about_something(kind: str) -> None:
    said = [len(Player(eager(kind)).play(drawn(seed, seconds=SECONDS)).said) for seed in range(20)]
    assert sum(count > 0 for count in said) >= 10, said
