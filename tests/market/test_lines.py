"""Who gets a data line: what is held first, then what is worked, the watch list, the most traded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.lines import LINES_EACH, Need, Wish, plan_lines, room_of


@pytest.mark.req("FUT-RISK-1")
def test_of_150_contracts_the_100_most_traded_are_watched_less_what_is_held_needs() -> None:
    wishes = [Wish(f"C{n:03}", Need.OTHER, value_usd=float(n)) for n in range(150)]
    assert set(plan_lines(wishes, room=100).kept) == {f"C{n:03}" for n in range(50, 150)}

    wishes[0] = Wish("C000", Need.HELD)
    wishes[1] = Wish("C001", Need.WORKING)
    wishes[2] = Wish("C002", Need.WATCHED, 12.0)
    plan = plan_lines(wishes, room=100)
    assert plan.kept[:3] == ("C000", "C001", "C002")
    assert set(plan.kept[3:]) == {f"C{n:03}" for n in range(53, 150)}
    assert plan.left_out[0] == "C052", "the next best is named first"


@pytest.mark.req("FUT-RISK-1")
@given(
    st.lists(
        st.tuples(st.sampled_from(Need), st.sampled_from((0.0, 1.0, 2.0)), st.floats(0, 1e9)),
        max_size=40,
    ),
    st.integers(1, 50),
    st.randoms(use_true_random=False),
)
def test_nobody_is_left_out_for_one_who_matters_less_whatever_the_order(
    found: list[tuple[Need, float, float]], room: int, shuffler: random.Random
) -> None:
    wishes = [Wish(f"C{n}", *what) for n, what in enumerate(found)]
    plan = plan_lines(wishes, room=room)
    shuffler.shuffle(wishes)

    assert plan_lines(wishes, room=room) == plan
    assert len(plan.kept) == min(room, len(wishes))
    by_key = {wish.key: wish for wish in wishes}

    def rank(key: str) -> tuple[Need, float, float]:
        return by_key[key].need, -by_key[key].score, -by_key[key].value_usd

    for out in plan.left_out:
        assert all(rank(kept) <= rank(out) for kept in plan.kept)


def test_an_instrument_takes_two_lines_and_one_is_always_watched() -> None:
    assert (room_of(100), room_of(1)) == (100 // LINES_EACH, 1)
