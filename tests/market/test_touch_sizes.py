"""A touch is thin by the measure of its own contract, not by anybody's number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.touch_sizes import LEAST, LOOKS, TouchSizes

pytestmark = pytest.mark.req("FUT-EDGE-4")


def test_nothing_is_thin_before_enough_was_seen() -> None:
    sizes = TouchSizes(quantile_pct=5.0)

    told = [sizes.see(40, 50) for _ in range(LEAST // 2)]

    assert set(told[:-1]) == {0}
    assert told[-1] == 40


def test_two_markets_have_two_measures() -> None:
    thick, thin = TouchSizes(quantile_pct=5.0), TouchSizes(quantile_pct=5.0)

    for look in range(LOOKS):
        thick.see(400 + look % 7, 500)
        thin.see(2 + look % 3, 4)

    assert thick.floor >= 400
    assert thin.floor == 2


def test_it_follows_the_last_minutes() -> None:
    sizes = TouchSizes(quantile_pct=5.0)
    for _ in range(LOOKS):
        sizes.see(400, 400)
    for _ in range(LOOKS):
        sizes.see(30, 30)

    assert sizes.floor == 30


def test_zero_says_nothing() -> None:
    sizes = TouchSizes(quantile_pct=0.0)

    assert {sizes.see(9, 9) for _ in range(LOOKS)} == {0}


@given(seen=st.lists(st.integers(0, 1000), min_size=LOOKS, max_size=LOOKS), pct=st.floats(0.1, 50.0))
def test_no_more_than_its_share_of_what_was_seen_is_below_the_floor(seen: list[int], pct: float) -> None:
    sizes = TouchSizes(quantile_pct=pct)

    for size in seen:
        sizes.see(size, size)

    assert sizes.floor in seen
    assert sum(size < sizes.floor for size in seen) <= LOOKS * pct / 100.0
