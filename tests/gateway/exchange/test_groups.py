"""Brackets and one-cancels-all groups: what one order's fate does to others."""

from __future__ import annotations

import pytest

from engine.gateway.model import Status
from tests.gateway.exchange.world import World, at, codes, fills


def bracket(world: World, *, quantity: int = 100, entry: float = 100.01) -> None:
    """Order 1 enters, 2 takes profit at 102, 3 stops at 98."""
    world.buy(quantity, "LMT", limit_price=entry, transmit=False)
    world.sell(quantity, "LMT", limit_price=102.0, parent_id=1, transmit=False, tif="GTC")
    world.sell(quantity, "STP", aux_price=98.0, parent_id=1, transmit=True, tif="GTC")


def statuses(world: World) -> list[Status]:
    return [world.order(number).status for number in (1, 2, 3)]


def test_nothing_is_sent_until_the_last_child_transmits(world: World) -> None:
    world.buy(100, "LMT", limit_price=100.01, transmit=False)
    world.sell(100, "LMT", limit_price=102.0, parent_id=1, transmit=False)
    world.quote(99.99, 100.01, size=300)

    assert {o.status for o in world.exchange.open_orders()} == {Status.PENDING_SUBMIT}
    assert world.quantity() == 0

    world.sell(100, "STP", aux_price=98.0, parent_id=1)

    assert statuses(world) == [Status.FILLED, Status.SUBMITTED, Status.PRE_SUBMITTED]
    assert world.quantity() == 100


def test_children_wait_for_their_parent(world: World) -> None:
    bracket(world, entry=99.0)

    assert statuses(world) == [Status.SUBMITTED, Status.PRE_SUBMITTED, Status.PRE_SUBMITTED]
    assert world.order(2).why_held == "child"
    assert world.order(3).why_held == "child,trigger"
    assert world.order(2).parent_perm_id == world.order(1).perm_id
    assert fills(world.quote(103.0, 103.01)) == []


def test_when_one_exit_fills_the_other_is_cancelled(world: World) -> None:
    bracket(world)

    assert fills(world.quote(102.5, 102.6, size=300)) == [(102.0, 100)]
    assert statuses(world) == [Status.FILLED, Status.FILLED, Status.CANCELLED]
    assert world.quantity() == 0


def test_a_partly_filled_exit_shrinks_the_other_by_as_much(world: World) -> None:
    bracket(world)

    world.quote(102.5, 102.6, size=30)

    assert world.order(3).request.quantity == 70
    assert fills(world.print(98.0)) == []
    assert fills(world.quote(97.9, 98.0, size=500)) == [(97.9, 70)]
    assert world.quantity() == 0


def test_children_exit_no_more_than_the_parent_filled_while_it_works(world: World) -> None:
    world.quote(99.99, 100.01, size=40)
    bracket(world)

    assert world.order(1).filled == 40
    assert fills(world.quote(102.5, 102.6, size=500)) == [(102.0, 40)]
    assert world.quantity() == 0
    assert (world.order(1).status, world.order(3).filled) == (Status.SUBMITTED, 0)


def test_what_one_child_exited_yesterday_bounds_the_other_today(world: World) -> None:
    world.quote(99.99, 100.01, size=40)
    world.buy(100, "LMT", limit_price=100.01, transmit=False, tif="GTC")
    world.sell(40, "LMT", limit_price=102.0, parent_id=1, transmit=False, oca_group="own")
    world.sell(100, "LMT", limit_price=101.0, parent_id=1, tif="GTC", oca_group="other")
    world.cancel(3)
    world.sell(100, "LMT", limit_price=103.0, parent_id=1, tif="GTC", oca_group="other")
    world.quote(102.5, 102.6, size=500)
    world.go(at(5, 10))
    world.journal.compact(world.exchange.dump())
    world.restart()

    assert fills(world.quote(103.5, 103.6, size=500)) == []
    assert [o.request.order_id for o in world.exchange.completed_orders()] == []
    assert world.quantity() == 0


def test_cancelling_an_unfilled_parent_cancels_its_children(world: World) -> None:
    bracket(world, entry=99.0)

    world.cancel(1)

    assert statuses(world) == [Status.CANCELLED] * 3


def test_cancelling_a_partly_filled_parent_leaves_its_stop_working(world: World) -> None:
    world.quote(99.99, 100.01, size=40)
    bracket(world)

    world.cancel(1)

    assert statuses(world) == [Status.CANCELLED, Status.SUBMITTED, Status.PRE_SUBMITTED]
    assert world.order(3).request.quantity == 100


def test_a_child_of_an_unknown_or_finished_parent_is_refused(world: World) -> None:
    world.buy(100)

    assert codes(world.sell(100, "STP", aux_price=98.0, parent_id=77)) == [10006]
    assert codes(world.sell(100, "STP", aux_price=98.0, parent_id=1)) == [10006]


def test_resending_a_held_order_with_transmit_sends_it(world: World) -> None:
    held = world.request("BUY", 100, transmit=False)
    world.place(held)

    events = world.buy(100, order_id=1)

    assert fills(events) == [(100.01, 100)]


def test_oca_type_one_cancels_the_rest_at_the_first_share(world: World) -> None:
    world.buy(100, "LMT", limit_price=99.0, oca_group="g", oca_type=1)
    world.buy(100, "LMT", limit_price=98.0, oca_group="g", oca_type=1)

    world.quote(98.9, 98.95, size=10)

    assert (world.order(1).filled, world.order(2).status) == (10, Status.CANCELLED)


@pytest.mark.parametrize("kind", [2, 3])
def test_oca_types_two_and_three_reduce_the_rest_in_proportion(world: World, kind: int) -> None:
    world.buy(100, "LMT", limit_price=99.0, oca_group="g", oca_type=kind)
    world.buy(50, "LMT", limit_price=98.0, oca_group="g", oca_type=kind, client_id=8)

    world.quote(98.9, 98.95, size=11)

    assert world.order(1).filled == 11
    assert world.order(2).request.quantity == 50 - 6
    assert world.order(2).status is Status.SUBMITTED


def test_nothing_joins_a_group_of_type_one_that_has_traded(world: World) -> None:
    world.buy(100, oca_group="g", oca_type=1)

    assert codes(world.buy(100, "LMT", limit_price=98.0, oca_group="g", oca_type=1)) == [201]
    assert codes(world.buy(100, "LMT", limit_price=98.0, oca_group="other", oca_type=1)) == []
    assert [o.request.oca_group for o in world.exchange.open_orders()] == ["other"]
