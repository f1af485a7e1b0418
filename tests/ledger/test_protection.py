"""Protected is what a stop that the broker holds covers, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Order, OrderState, OrderType, Role, Side
from engine.ledger.protection import protection
from tests.ledger.building import intent
from tests.ledger.test_pnl import LONG_SPY, holding


def stop(
    quantity: int, price: float, *, state: OrderState = OrderState.WORKING, side: Side = Side.SELL, **kw
) -> Order:
    wish = intent("s", role=Role.STOP, side=side, quantity=quantity, stop_price=price, **kw)
    return Order(wish, state)


def test_a_working_stop_on_the_other_side_protects_up_to_the_position():
    assert protection(LONG_SPY, [stop(60, 495.0)]) == (60, 60, 495.0)
    assert protection(LONG_SPY, [stop(60, 495.0), stop(60, 490.0)]) == (100, 120, 490.0)
    assert protection(holding("SPY", -100, "500"), [stop(100, 505.0, side=Side.BUY)]) == (100, 100, 505.0)


@pytest.mark.parametrize("state", [s for s in OrderState if s is not OrderState.WORKING])
def test_a_stop_that_is_not_proven_working_protects_nothing(state):
    assert protection(LONG_SPY, [stop(100, 495.0, state=state)]) == (0, 0, None)


def test_other_keys_same_side_and_other_types_protect_nothing():
    limit = stop(100, 505.0)
    limit = replace(limit, intent=replace(limit.intent, order_type=OrderType.LIMIT))

    orders = [stop(100, 495.0, key="QQQ"), stop(100, 505.0, side=Side.BUY), limit]

    assert protection(LONG_SPY, orders).protected == 0


def test_the_filled_part_of_a_stop_protects_nothing():
    assert protection(LONG_SPY, [replace(stop(100, 495.0), filled=30)]).protected == 70


@given(st.integers(-500, 500).filter(bool), st.lists(st.integers(1, 300), max_size=5))
def test_protected_is_never_more_than_position_or_stops(quantity, sizes):
    side = Side.SELL if quantity > 0 else Side.BUY

    found = protection(holding("SPY", quantity, "500"), [stop(n, 1.0, side=side) for n in sizes])

    assert found.protected == min(abs(quantity), sum(sizes))
    assert found.stop_quantity == sum(sizes)
