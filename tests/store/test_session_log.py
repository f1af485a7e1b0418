"""The record of a session reads back as it was seen, unknown prices included."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Bar, Quote, utc
from engine.store.session_log import packed, terms_payload, unpacked
from engine.store.values import to_json
from tests.builders import future

PRICES = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6))
QUOTES = st.builds(
    Quote,
    st.sampled_from(["SPY", "ESZ6"]),
    PRICES,
    PRICES,
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    PRICES,
    st.integers(0, 10**6),
    st.floats(0, 2e9),
)
BARS = st.builds(
    Bar,
    st.sampled_from(["SPY", "ESZ6"]),
    st.integers(0, 2 * 10**9).map(utc),
    *[st.floats(-1e6, 1e6)] * 4,
    st.integers(0, 10**9),
    wap=PRICES,
    trades=st.integers(0, 10**6),
)


@given(st.lists(QUOTES, max_size=20), st.lists(BARS, max_size=20))
def test_a_piece_of_tape_reads_back_per_instrument_in_order(quotes: list[Quote], bars: list[Bar]) -> None:
    tape = unpacked(packed(quotes, bars))

    for key in ("SPY", "ESZ6"):
        assert repr([q for q in tape.quotes if q.key == key]) == repr([q for q in quotes if q.key == key])
        assert repr([b for b in tape.bars if b.symbol == key]) == repr([b for b in bars if b.symbol == key])


@pytest.mark.parametrize("payload", [{}, {"z": 1}, {"z": "AAAA"}])
def test_what_is_no_tape_is_refused(payload: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no tape|Incorrect padding"):
        unpacked(payload)


def test_terms_have_the_grid_and_the_hours() -> None:
    payload = terms_payload(future())

    assert payload["multiplier"] == future().multiplier
    assert payload["price_steps"] == [list(step) for step in future().price_steps]
    assert "NaN" not in to_json(payload)


def test_ten_instruments_for_a_session_stay_under_eight_megabytes() -> None:
    """Ten seconds with a change of every quote every second, times a session of 6.5 hours."""
    quotes = [
        Quote(
            f"S{n}", 100.01 + n + s * 0.01, 100.03 + n, 300 + s, 500, 100.02 + n, 100, 1.7e9 + s + n * 0.013
        )
        for n in range(10)
        for s in range(10)
    ]
    bars = [
        Bar(f"S{n}", utc(1.7e9 + 5 * b), 100.0, 101.0 + b, 99.0, 100.5, 1234 + n)
        for n in range(10)
        for b in (1, 2)
    ]
    row_overhead = 300

    size = len(to_json(packed(quotes, bars))) + row_overhead

    assert size * 6 * 60 * 6.5 < 8_000_000
