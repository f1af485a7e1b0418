"""Bars summed from sparse five-second bars, against a slow and obvious reference."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.gateway import history
from engine.gateway.history import Columns
from engine.gateway.instruments import load_instruments
from engine.gateway.model import Contract, HistoryBar
from tests.examples import examples
from tests.gateway.market.markets import at

OPEN, CLOSE = at("2026-11-20 09:30"), at("2026-11-20 16:00")
SPY = load_instruments().stocks["SPY"].contract


def chosen(seed: int, density: float) -> set[int]:
    """Slots of a session with bars, as crowded as asked."""
    return set(np.flatnonzero(np.random.default_rng(seed).random(4680) < density).tolist())


SLOTS = st.builds(chosen, st.integers(0, 10**6), st.sampled_from([0.0005, 0.01, 0.05, 0.1, 0.3]))
SIZES = st.sampled_from([5, 10, 15, 60, 300, 900, 3600, 7200, 14_400])


class Sparse:
    """Five-second bars at chosen slots of one session, one lot each, the price counting upwards."""

    def __init__(self, slots: set[int]) -> None:
        self.starts = np.array(sorted(OPEN + 5.0 * slot for slot in slots))
        self.asked = 0

    def columns(self, contract: Contract, *, start: float, end: float, what: str) -> Columns:
        kept = np.flatnonzero((self.starts >= start) & (self.starts < end))
        self.asked += len(kept)
        price, ones = kept + 1.0, np.ones(len(kept), dtype=np.int64)
        return Columns(self.starts[kept], price, price + 0.5, price - 0.5, price, ones, price, ones)


def bars(source: Sparse, *, end: float, count: int, seconds: int) -> list[HistoryBar]:
    return history.at_once(
        history.bars(
            source, SPY, oldest=OPEN - 86_400, end=end, count=count, seconds=seconds, what="TRADES", rth=True
        )
    )


def reference(
    source: Sparse, *, end: float, seconds: int
) -> list[tuple[float, float, float, float, float, int]]:
    anchor = OPEN if seconds > 3600 else 0.0

    def start_of(slot: float) -> float:
        return anchor + (slot - anchor) // seconds * seconds

    made = []
    numbered = list(enumerate(source.starts.tolist(), start=1))
    for start, group in groupby(numbered, key=lambda row: start_of(row[1])):
        prices = [float(number) for number, _ in group]
        if min(start + seconds, CLOSE) <= end:
            made.append((start, prices[0], prices[-1] + 0.5, prices[0] - 0.5, prices[-1], len(prices)))
    return made


@settings(max_examples=examples(400), deadline=None)
@given(
    slots=SLOTS,
    seconds=SIZES,
    count=st.integers(1, 6) | st.integers(1, 400),
    until=st.integers(0, 23_400),
)
def test_bars_are_the_last_ones_of_the_obvious_sum(
    slots: set[int], seconds: int, count: int, until: int
) -> None:
    source = Sparse(slots)
    end = OPEN + until

    made = bars(source, end=end, count=count, seconds=seconds)
    rows = [(bar.start, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in made]
    assert rows == reference(source, end=end, seconds=seconds)[-count:]


def test_one_recent_bar_does_not_read_the_whole_session() -> None:
    source = Sparse(set(range(4680)))

    assert len(bars(source, end=CLOSE, count=1, seconds=60)) == 1
    assert source.asked <= 24


def test_the_average_of_a_bar_is_weighted_by_volume() -> None:
    class Uneven(Sparse):
        def columns(self, contract: Contract, *, start: float, end: float, what: str) -> Columns:
            made = super().columns(contract, start=start, end=end, what=what)
            return made._replace(volume=np.array([1, 3], dtype=np.int64)[: len(made.start)])

    [bar] = bars(Uneven({0, 1}), end=OPEN + 60, count=1, seconds=60)
    assert bar.wap == pytest.approx((1 * 1 + 2 * 3) / 4)


def test_no_bars_are_asked_for_and_none_come() -> None:
    assert bars(Sparse({1}), end=CLOSE, count=0, seconds=60) == []
