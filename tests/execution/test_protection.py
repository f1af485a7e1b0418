"""Stops cover the position exactly: never naked, never so much that a stop could flip it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Order, OrderState, Role, Side
from engine.execution.protection import (
    AddStop,
    CancelStop,
    ChangeStop,
    plan_protection,
)
from tests.builders import order
from tests.execution.groups import together


def _stop(
    quantity: int,
    side: Side = Side.SELL,
    state: OrderState = OrderState.WORKING,
    n: int = 0,
    filled: int = 0,
    parent_ref: str = "",
) -> Order:
    ref = f"stop-{n}-{quantity}"
    return order("SPY", Role.STOP, side, state, filled, quantity=quantity, ref=ref, parent_ref=parent_ref)


def test_a_covered_position_needs_nothing() -> None:
    assert plan_protection("SPY", position=100, orders=[_stop(100)]) == ()


def test_a_naked_position_gets_a_stop_for_all_of_it() -> None:
    assert plan_protection("SPY", position=-30, orders=[]) == (AddStop("SPY", Side.BUY, 30),)


def test_a_stop_on_its_way_counts_so_that_no_second_one_is_sent() -> None:
    on_its_way = _stop(100, state=OrderState.SENDING)

    assert plan_protection("SPY", position=100, orders=[on_its_way]) == ()


ENTRY_REF = "ck-0000-SPY-entry"


def test_an_attached_stop_may_cover_the_unfilled_rest_of_its_entry() -> None:
    entry = order("SPY", Role.ENTRY, filled=40)

    assert plan_protection("SPY", position=40, orders=[entry, _stop(100, parent_ref=ENTRY_REF)]) == ()


def test_a_stop_may_not_cover_the_rest_of_an_entry_that_is_not_its_own() -> None:
    entry, loose = order("SPY", Role.ENTRY, filled=40), _stop(100)

    assert plan_protection("SPY", position=40, orders=[entry, loose]) == (ChangeStop(loose, 40, 99.0),)


def test_when_the_entry_ends_partly_filled_the_stop_shrinks() -> None:
    big = _stop(100)

    assert plan_protection("SPY", position=40, orders=[big]) == (ChangeStop(big, 40, 99.0),)


def test_a_stop_that_is_too_small_grows_and_no_second_one_is_sent() -> None:
    small = _stop(60, filled=10)

    assert plan_protection("SPY", position=80, orders=[small]) == (ChangeStop(small, 90, 99.0),)


def test_what_a_stop_that_cannot_be_changed_leaves_open_is_sent_anew() -> None:
    leaving = _stop(60, state=OrderState.CANCEL_PENDING)

    assert plan_protection("SPY", position=80, orders=[leaving]) == (AddStop("SPY", Side.SELL, 20),)


def test_a_stop_that_stands_elsewhere_is_moved_and_stays_one_order() -> None:
    stop = _stop(50)

    assert plan_protection("SPY", position=50, orders=[stop], stop_price=100.0) == (
        ChangeStop(stop, 50, 100.0),
    )
    assert plan_protection("SPY", position=50, orders=[stop], stop_price=99.0) == ()


def test_quantity_and_price_change_in_one_go() -> None:
    stop = _stop(100)

    assert plan_protection("SPY", position=50, orders=[stop], stop_price=100.0) == (
        ChangeStop(stop, 50, 100.0),
    )


def test_a_flat_position_keeps_no_stop_but_those_of_an_entry_that_works() -> None:
    left, attached = _stop(100), _stop(100, n=1, parent_ref=ENTRY_REF)

    assert plan_protection("SPY", position=0, orders=[left]) == (CancelStop(left),)
    assert plan_protection("SPY", position=0, orders=[left, attached, order()]) == (CancelStop(left),)


def test_while_an_exit_is_out_the_stops_cover_only_what_it_leaves() -> None:
    part = order("SPY", Role.EXIT, Side.SELL, quantity=50, ref="exit")
    big = _stop(100)

    assert plan_protection("SPY", position=100, orders=[part, _stop(50)]) == ()
    assert plan_protection("SPY", position=100, orders=[part, big]) == (ChangeStop(big, 50, 99.0),)
    assert plan_protection("SPY", position=100, orders=[part]) == (AddStop("SPY", Side.SELL, 50),)


def test_nothing_is_planned_while_an_exit_takes_all_or_a_fate_is_unknown() -> None:
    closing = order("SPY", Role.EXIT, Side.SELL)
    lost = _stop(100, state=OrderState.UNKNOWN)
    lost_exit = order("SPY", Role.EXIT, Side.SELL, OrderState.UNKNOWN, quantity=50, ref="exit")

    assert plan_protection("SPY", position=100, orders=[closing]) == ()
    assert plan_protection("SPY", position=100, orders=[lost]) == ()
    assert plan_protection("SPY", position=100, orders=[lost_exit]) == ()


def _exit(
    quantity: int = 100,
    state: OrderState = OrderState.UNKNOWN,
    ref: str = "exit",
    *,
    filled: int = 0,
    group: str | None = None,
) -> Order:
    oca = ref if group is None else group
    side = Side.SELL
    return order("SPY", Role.EXIT, side, state, filled, quantity=quantity, ref=ref, oca_group=oca)


def _in_group(stop: Order, group: str = "exit") -> Order:
    return replace(stop, intent=replace(stop.intent, oca_group=group))


def test_an_exit_of_unknown_fate_gets_a_stop_of_its_size_in_its_own_group() -> None:
    assert plan_protection("SPY", position=100, orders=[_exit()]) == (AddStop("SPY", Side.SELL, 100, "exit"),)


def test_a_partial_of_unknown_fate_gets_one_for_its_part_while_the_rest_keeps_its_own() -> None:
    assert plan_protection("SPY", position=100, orders=[_exit(40), _stop(60)]) == (
        AddStop("SPY", Side.SELL, 40, "exit"),
    )


def test_an_exit_that_works_gets_one_only_when_it_is_overdue() -> None:
    works = _exit(state=OrderState.WORKING)

    assert plan_protection("SPY", position=100, orders=[works]) == ()
    assert plan_protection("SPY", position=100, orders=[works], overdue={"exit"}) == (
        AddStop("SPY", Side.SELL, 100, "exit"),
    )


@pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.WORKING])
def test_with_a_stop_beside_it_nothing_more_is_needed(state: OrderState) -> None:
    beside = _in_group(_stop(100))

    assert plan_protection("SPY", position=100, orders=[_exit(state=state), beside]) == ()


def test_the_stop_beside_an_exit_moves_with_its_price_and_follows_the_position() -> None:
    beside = _in_group(_stop(100))

    assert plan_protection("SPY", position=80, orders=[_exit(), beside], stop_price=100.0) == (
        ChangeStop(beside, 80, 100.0),
    )


def test_a_stop_outside_the_group_never_stands_beside_the_exit() -> None:
    loose, beside = _stop(100), _in_group(_stop(100, n=1))

    assert plan_protection("SPY", position=100, orders=[_exit(), loose, beside]) == (CancelStop(loose),)


def test_no_stop_joins_a_group_that_has_begun_to_fill() -> None:
    assert plan_protection("SPY", position=60, orders=[_exit(filled=40)]) == ()


def test_once_the_exit_is_settled_its_stop_is_an_ordinary_one() -> None:
    beside = _in_group(_stop(40))

    assert plan_protection("SPY", position=100, orders=[beside, _stop(60, n=1)]) == ()
    assert plan_protection("SPY", position=0, orders=[beside]) == (CancelStop(beside),)


def test_while_the_stop_itself_is_of_unknown_fate_no_second_one_is_sent() -> None:
    lost = _in_group(_stop(100, state=OrderState.UNKNOWN))

    assert plan_protection("SPY", position=100, orders=[_exit(), lost]) == ()


@given(
    position=st.integers(1, 200),
    exits=st.lists(st.tuples(st.integers(1, 200), st.sampled_from([0, 1])), max_size=2),
    stops=st.lists(st.tuples(st.integers(1, 200), st.sampled_from(["", "x0", "x1"])), max_size=4),
)
def test_what_can_fill_together_never_exceeds_the_position_once_it_is_settled(
    position: int, exits: list[tuple[int, int]], stops: list[tuple[int, str]]
) -> None:
    out = [_exit(quantity, ref=f"x{n}", filled=min(f, quantity - 1)) for n, (quantity, f) in enumerate(exits)]
    live: list[Order] = [_in_group(_stop(q, n=n), group) for n, (q, group) in enumerate(stops)]

    for _ in range(5):
        for number, step in enumerate(plan_protection("SPY", position=position, orders=[*out, *live])):
            live = [o for o in live if isinstance(step, AddStop) or o.intent.ref != step.order.intent.ref]
            if isinstance(step, AddStop):
                live.append(_in_group(_stop(step.quantity, n=100 + number), step.oca_group))
            elif isinstance(step, ChangeStop):
                live.append(replace(step.order, intent=replace(step.order.intent, quantity=step.quantity)))

    assert plan_protection("SPY", position=position, orders=[*out, *live]) == ()
    exposed = together(out + live)
    covered = sum(o.remaining for o in live) + sum(o.remaining for o in out if o.filled)
    assert exposed <= max(position, sum(o.remaining for o in out))
    assert covered >= position or any(o.filled for o in out)


@given(
    position=st.integers(-300, 300),
    sizes=st.lists(st.tuples(st.integers(1, 300), st.sampled_from(Side), st.booleans()), max_size=5),
    entry_rest=st.integers(0, 100),
    exit_rest=st.integers(0, 100),
)
def test_after_one_pass_the_stops_cover_what_exits_leave_and_no_more(
    position: int, sizes: list[tuple[int, Side, bool]], entry_rest: int, exit_rest: int
) -> None:
    stops = [
        _stop(quantity, side, n=n, parent_ref=ENTRY_REF if attached else "")
        for n, (quantity, side, attached) in enumerate(sizes)
    ]
    side = Side.BUY if position >= 0 else Side.SELL
    others = [order("SPY", Role.ENTRY, side, quantity=entry_rest)] if entry_rest else []
    if exit_rest:
        others.append(order("SPY", Role.EXIT, side.opposite, quantity=exit_rest, ref="exit"))

    steps = plan_protection("SPY", position=position, orders=[*stops, *others])

    cover = {o.intent.ref: o.remaining for o in stops if o.intent.side is not side}
    for step in steps:
        if isinstance(step, AddStop):
            cover["new"] = step.quantity
        elif isinstance(step, ChangeStop):
            cover[step.order.intent.ref] = step.quantity
        else:
            cover.pop(step.order.intent.ref, None)
    if position:
        meant = max(0, abs(position) - exit_rest)
        own = entry_rest if any(o.intent.parent_ref and o.intent.ref in cover for o in stops) else 0
        # A stop that is cancelled takes the allowance of its parent along; the next pass sees to it.
        spare = entry_rest if any(o.intent.parent_ref for o in stops) else 0
        assert meant <= sum(cover.values()) <= meant + max(own, spare)
