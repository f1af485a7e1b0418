"""The matcher: prices at which one order fills, by hand and for any bar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backtest.matching import NOTHING, Answer, Terms, at_open, at_touch, inside, reach
from engine.domain.order import OrderType

MARKET, LIMIT, STOP, STOP_LIMIT = OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT
BUY, SELL = 1, -1

PRICES = st.integers(1, 40).map(lambda ticks: ticks / 4)


@st.composite
def bars(draw: st.DrawFn) -> tuple[float, float, float]:
    """Open, high, low."""
    first, *others = (draw(PRICES) for _ in range(3))
    return first, max(first, *others), min(first, *others)


@st.composite
def orders(draw: st.DrawFn) -> Terms:
    kind = draw(st.sampled_from([MARKET, LIMIT, STOP, STOP_LIMIT]))
    limit = draw(PRICES) if kind in (LIMIT, STOP_LIMIT) else None
    stop = draw(PRICES) if kind in (STOP, STOP_LIMIT) else None
    return Terms(kind, draw(st.sampled_from([BUY, SELL])), limit, stop)


def in_bar(order: Terms, bar: tuple[float, float, float]) -> Answer:
    """An order in a whole bar."""
    first = at_open(order, bar[0])
    if first.price is not None:
        return first
    return inside(order._replace(triggered=first.triggered), bar[1], bar[2])


@pytest.mark.req("PLAN-M2-EXECSIM", "PLAN-TEST-INT")
@pytest.mark.parametrize(
    ("order", "bar", "price"),
    [
        (Terms(MARKET, BUY), (10.0, 12.0, 9.0), 10.0),
        (Terms(LIMIT, BUY, 10.0), (11.0, 12.0, 9.5), 10.0),
        (Terms(LIMIT, BUY, 10.0), (11.0, 12.0, 10.0), None),
        (Terms(LIMIT, BUY, 10.0), (9.0, 12.0, 8.0), 9.0),
        (Terms(LIMIT, SELL, 10.0), (11.0, 12.0, 9.0), 11.0),
        (Terms(LIMIT, SELL, 10.0), (9.0, 10.0, 8.0), None),
        (Terms(STOP, SELL, None, 10.0), (11.0, 12.0, 10.0), 10.0),
        (Terms(STOP, SELL, None, 10.0), (9.0, 12.0, 8.0), 9.0),
        (Terms(STOP, BUY, None, 10.0), (11.0, 12.0, 9.0), 11.0),
        (Terms(STOP_LIMIT, BUY, 11.0, 10.0), (9.0, 10.0, 8.0), 10.0),
        (Terms(STOP_LIMIT, BUY, 9.5, 10.0), (9.0, 12.0, 8.0), None),
        (Terms(STOP_LIMIT, BUY, 10.5, 10.0), (11.0, 12.0, 10.0), 10.5),
    ],
)
def test_an_order_fills_in_a_bar_at(
    order: Terms, bar: tuple[float, float, float], price: float | None
) -> None:
    assert in_bar(order, bar).price == price


@pytest.mark.req("PLAN-M2-EXECSIM")
@given(orders(), bars())
def test_no_fill_is_better_than_the_bar_nor_than_the_order_allows(
    order: Terms, bar: tuple[float, float, float]
) -> None:
    price = in_bar(order, bar).price
    if price is None:
        return
    assert bar[2] <= price <= bar[1]
    if order.limit is not None:
        assert order.sign * (order.limit - price) >= 0
    if order.kind is STOP and order.stop is not None:
        assert order.sign * (price - order.stop) >= 0


@given(orders(), bars(), st.booleans())
def test_a_bar_outside_of_its_reach_does_nothing_to_an_order(
    order: Terms, bar: tuple[float, float, float], triggered: bool
) -> None:
    order = order._replace(triggered=triggered and order.stop is not None)
    below, above = reach(order)
    if below is None and above is None:
        return
    if (below is not None and bar[2] <= below) or (above is not None and bar[1] >= above):
        return
    answer = in_bar(order, bar)
    assert answer.price is None
    assert answer.triggered == order.triggered


def test_a_touch_fills_a_limit_at_its_very_price_and_a_print_does_not() -> None:
    assert at_touch(Terms(LIMIT, BUY, 10.0), 10.0).price == 10.0
    assert at_open(Terms(LIMIT, BUY, 10.0), 10.0) == NOTHING


def test_a_stop_that_was_reached_stays_a_market_order() -> None:
    reached = Terms(STOP, SELL, None, 10.0, triggered=True)
    assert at_touch(reached, 12.0) == Answer(12.0, triggered=True)
    assert reach(reached) == (None, None)


def test_a_kind_of_order_it_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="TRAIL"):
        at_touch(Terms(OrderType.TRAIL, BUY), 10.0)
