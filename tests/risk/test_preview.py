"""What an order is expected to cost: by the broker's what-if where there is one, else reckoned."""

from __future__ import annotations

import math

import pytest

from engine.domain.fees import FeeSchedule
from engine.domain.instrument import Instrument
from engine.domain.order import OrderIntent, OrderType, Role, Side
from engine.domain.preview import FigureSource, Preview
from engine.risk.preview import UnitCost, preview_of
from tests.builders import future, intent, stock

FEES = FeeSchedule()
BROKER, ESTIMATED = FigureSource.BROKER, FigureSource.ESTIMATED
pytestmark = pytest.mark.req("REQ-X2")


def _preview(order: OrderIntent, instrument: Instrument, *, mark: float, unit: UnitCost | None) -> Preview:
    price = order.limit_price if order.limit_price is not None else order.stop_price
    size = order.quantity
    return preview_of(
        instrument, role=order.role, quantity=size, price=price, mark=mark, fees=FEES, unit=unit
    )


def test_a_stock_without_a_what_if_costs_our_own_estimate_and_says_so() -> None:
    order = intent(quantity=1000, limit_price=50.0)

    made = _preview(order, stock(), mark=49.0, unit=None)

    assert made == Preview(50_000.0, 5.0, ESTIMATED, 25_000.0, ESTIMATED)


def test_a_stock_with_a_what_if_takes_its_margin_from_the_broker_and_its_fee_from_the_schedule() -> None:
    order = intent(quantity=1000, limit_price=50.0)

    made = _preview(order, stock(), mark=49.0, unit=UnitCost(20.0, 1.0))

    assert made == Preview(50_000.0, 5.0, ESTIMATED, 20_000.0, BROKER)


def test_a_future_with_a_what_if_takes_both_from_the_broker() -> None:
    order = intent(quantity=2, limit_price=5000.0)

    made = _preview(order, future(), mark=math.nan, unit=UnitCost(12_000.0, 2.1))

    assert made == Preview(500_000.0, 4.2, BROKER, 24_000.0, BROKER)


def test_the_margin_of_a_future_nobody_named_is_not_known_rather_than_nothing() -> None:
    order = intent(quantity=2, limit_price=5000.0)

    made = _preview(order, future(), mark=math.nan, unit=None)

    assert made == Preview(500_000.0, 4.5, ESTIMATED, None, ESTIMATED)


def test_a_stop_costs_at_its_own_price_and_frees_margin() -> None:
    stop = intent("SPY", Role.STOP, Side.SELL, stop_price=40.0)

    made = _preview(stop, stock(), mark=50.0, unit=None)

    assert made == Preview(4_000.0, 1.0, ESTIMATED, -2_000.0, ESTIMATED)


@pytest.mark.parametrize(("mark", "cost", "fee"), [(50.0, 5_000.0, 1.0), (math.nan, None, None)])
def test_a_market_order_costs_at_the_mark_and_an_unknown_mark_is_said(
    mark: float, cost: float | None, fee: float | None
) -> None:
    exit_ = intent("SPY", Role.EXIT, Side.SELL, order_type=OrderType.MARKET, stop_price=None)

    made = _preview(exit_, stock(), mark=mark, unit=None)

    assert (made.cost_usd, made.fee_usd) == (cost, fee)
