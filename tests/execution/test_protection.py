"""Stops cover the position exactly: never naked, never so much that a stop could flip it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Order, OrderState, Role, Side
from engine.execution.protection import (
    AddStop,
    CancelStop,
    ShrinkStop,
    plan_protection,
)
from tests.builders import order


def _stop(quantity: int, side: Side = Side.SELL, state: OrderState = OrderState.WORKING, n: int = 0) -> Order:
    return order("SPY", Role.STOP, side, state, quantity=quantity, ref=f"stop-{n}-{quantity}")


def test_a_covered_position_needs_nothing() -> None:
    assert plan_protection("SPY", position=100, orders=[_stop(100)]) == ()


def test_a_naked_position_gets_a_stop_for_all_of_it() -> None:
    assert plan_protection("SPY", position=-30, orders=[]) == (AddStop("SPY", Side.BUY, 30),)


def test_a_stop_on_its_way_counts_so_that_no_second_one_is_sent() -> None:
    on_its_way = _stop(100, state=OrderState.SENDING)

    assert plan_protection("SPY", position=100, orders=[on_its_way]) == ()


def test_an_attached_stop_may_cover_the_unfilled_rest_of_its_entry() -> None:
    entry = order("SPY", Role.ENTRY, filled=40)

    assert plan_protection("SPY", position=40, orders=[entry, _stop(100)]) == ()


def test_when_the_entry_ends_partly_filled_the_stop_shrinks() -> None:
    big = _stop(100)

    assert plan_protection("SPY", position=40, orders=[big]) == (ShrinkStop(big, 40),)


def test_a_flat_position_keeps_no_stop_once_no_entry_works() -> None:
    left = _stop(100)

    assert plan_protection("SPY", position=0, orders=[left]) == (CancelStop(left),)
    assert plan_protection("SPY", position=0, orders=[left, order()]) == ()


def test_nothing_is_planned_while_an_exit_works_or_a_stop_is_unknown() -> None:
    closing = order("SPY", Role.EXIT, Side.SELL)
    lost = _stop(100, state=OrderState.UNKNOWN)

    assert plan_protection("SPY", position=100, orders=[closing]) == ()
    assert plan_protection("SPY", position=100, orders=[lost]) == ()


@given(
    position=st.integers(-300, 300),
    sizes=st.lists(st.tuples(st.integers(1, 300), st.sampled_from(Side)), max_size=5),
    entry_rest=st.integers(0, 100),
)
def test_after_one_pass_the_stops_cover_the_position_and_no_more(
    position: int, sizes: list[tuple[int, Side]], entry_rest: int
) -> None:
    stops = [_stop(quantity, side, n=n) for n, (quantity, side) in enumerate(sizes)]
    side = Side.BUY if position >= 0 else Side.SELL
    entries = [order("SPY", Role.ENTRY, side, quantity=entry_rest)] if entry_rest else []

    steps = plan_protection("SPY", position=position, orders=[*stops, *entries])

    cover = {o.intent.ref: o.remaining for o in stops if o.intent.side is not side}
    for step in steps:
        if isinstance(step, AddStop):
            cover["new"] = step.quantity
        elif isinstance(step, ShrinkStop):
            cover[step.order.intent.ref] = step.quantity
        else:
            cover.pop(step.order.intent.ref, None)
    if position:
        assert abs(position) <= sum(cover.values()) <= abs(position) + entry_rest
