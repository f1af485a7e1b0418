"""The learned trader in the worlds of the gateway: it finds the edge that is there, and makes none up.

The turning world takes two hours of the market: `python -m tests.learning.gateway_worlds`.
"""

from __future__ import annotations

import math

import pytest

from tests.learning.gateway_worlds import KEY, live_through


@pytest.mark.req("FUT-GOAL", "FUT-F4", "FUT-F6")
def test_in_a_world_with_an_edge_it_trades_within_the_hour_and_earns() -> None:
    run = live_through("edge", minutes=35)
    trader = run.trader.contracts[KEY].trader
    assert len(run.played.entries) >= 10
    assert run.net_ticks > 0.0
    shares = trader.judge.direction.champion.model.shares
    assert max(shares, key=shares.__getitem__) == "l1+l2"  # what the book knows lies below its touch


@pytest.mark.req("FUT-GOAL", "FUT-F6")
@pytest.mark.parametrize(("name", "minutes"), [("null", 16), ("costly", 10)])
def test_where_nothing_is_to_be_earned_it_trades_nothing(name: str, minutes: float) -> None:
    run = live_through(name, minutes=minutes)
    contract = run.trader.contracts[KEY]
    assert run.played.entries == []
    assert math.isinf(contract.trader.judge.gate.threshold)
    assert contract.words().startswith("nothing is proven")
