"""Each order type against a market that moves as told."""

from __future__ import annotations

import pytest

from engine.gateway.model import Executed, OrderChanged, Status
from tests.gateway.exchange.world import World, codes, fills, reports


@pytest.mark.req("CARD-TESTABLE")
def test_a_market_order_is_reported_held_then_executed_and_filled(world: World) -> None:
    events = world.buy(100)

    assert [type(e) for e in events] == [OrderChanged, Executed]
    assert [order.status for order in reports(events)] == [Status.PRE_SUBMITTED, Status.FILLED]
    assert fills(events) == [(100.01, 100)]
    assert world.quantity() == 100


def test_a_market_order_walks_the_displayed_depth_and_goes_on_when_the_book_refreshes(world: World) -> None:
    world.depth([(99.99, 100)], [(100.01, 30), (100.02, 40)])

    first = world.buy(100)
    second = world.depth([(99.99, 100)], [(100.03, 20), (100.04, 50)])

    assert fills(first) == [(100.01, 30), (100.02, 40)]
    assert fills(second) == [(100.03, 20), (100.04, 10)]
    assert world.order(1).status is Status.FILLED
    assert world.order(1).avg_fill_price == (30 * 100.01 + 40 * 100.02 + 20 * 100.03 + 10 * 100.04) / 100


def test_displayed_shares_never_fill_twice_before_their_level_is_refreshed(world: World) -> None:
    world.quote(99.99, 100.01, size=50)

    assert fills(world.buy(50)) == [(100.01, 50)]
    assert fills(world.buy(50)) == []
    assert fills(world.quote(99.98, 100.01, sizes=(60, 50))) == []
    assert fills(world.quote(99.98, 100.01, sizes=(60, 80))) == [(100.01, 50)]


def test_a_level_that_traded_is_new_even_at_the_same_size(world: World) -> None:
    world.quote(99.99, 100.01, size=50)
    world.buy(120)
    world.print(100.01, 10, aggressor=1)

    assert fills(world.quote(99.99, 100.01, size=50)) == [(100.01, 50)]
    assert fills(world.quote(99.99, 100.01, size=50)) == []


def test_a_resting_limit_waits_for_the_queue_before_it(world: World) -> None:
    placed = world.buy(100, "LMT", limit_price=99.99)

    assert [order.status for order in reports(placed)] == [Status.PRE_SUBMITTED, Status.SUBMITTED]
    assert fills(world.print(99.99, 400, aggressor=-1)) == []
    assert fills(world.print(99.99, 130, aggressor=-1)) == [(99.99, 30)]
    assert world.order(1).status is Status.SUBMITTED
    assert fills(world.print(99.98, 500, aggressor=-1)) == [(99.99, 70)]


def test_the_queue_before_an_order_is_never_longer_than_its_level(world: World) -> None:
    world.buy(100, "LMT", limit_price=99.99)
    world.quote(99.99, 100.01, size=40)
    world.quote(99.99, 100.01, size=900)

    assert fills(world.print(99.99, 60, aggressor=-1)) == [(99.99, 20)]


def test_an_order_deeper_than_the_book_shows_waits_behind_all_of_its_level(world: World) -> None:
    world.depth([(99.99, 10), (99.98, 10)], [(100.01, 10)])
    world.buy(100, "LMT", limit_price=99.9)
    world.depth([(99.91, 10), (99.9, 70)], [(99.95, 10)])

    assert fills(world.print(99.9, 80, aggressor=-1)) == [(99.9, 10)]


def test_a_print_that_lifted_the_other_side_leaves_our_queue_alone(world: World) -> None:
    world.buy(100, "LMT", limit_price=99.99)

    assert fills(world.print(99.99, 5_000, aggressor=1)) == []


def test_a_resting_limit_fills_at_its_own_price_when_the_quote_crosses_it(world: World) -> None:
    world.buy(100, "LMT", limit_price=99.99)

    assert fills(world.quote(99.90, 99.95, size=60)) == [(99.99, 60)]


def test_a_stop_is_elected_by_a_print_at_its_price_and_fills_as_a_market_order(world: World) -> None:
    world.buy(100)
    placed = world.sell(100, "STP", aux_price=99.50)

    assert reports(placed)[-1].status is Status.PRE_SUBMITTED
    assert reports(placed)[-1].why_held == "trigger"
    assert fills(world.print(99.51)) == []
    world.quote(99.40, 99.42, size=500)
    assert fills(world.print(99.50)) == [(99.40, 100)]
    assert world.quantity() == 0


def test_a_stop_in_a_market_without_prints_is_elected_by_the_quote(world: World) -> None:
    world.buy(100)
    world.sell(100, "STP", aux_price=99.50)

    assert fills(world.quote(99.40, 99.60)) == []
    world.now += 61
    assert fills(world.quote(99.40, 99.60, size=101)) == [(99.40, 100)]


def test_a_stop_limit_never_sells_below_its_limit(world: World) -> None:
    world.buy(100)
    world.sell(100, "STP LMT", aux_price=99.50, limit_price=99.45)
    world.quote(99.30, 99.40, size=500)

    assert fills(world.print(99.30)) == []
    assert world.order(2).status is Status.SUBMITTED
    assert fills(world.quote(99.46, 99.50, size=500)) == [(99.45, 100)]


def test_a_trailing_stop_follows_the_market_up_and_never_down(world: World) -> None:
    world.buy(100)
    world.sell(100, "TRAIL", aux_price=0.50)

    stops = []
    for price in (100.0, 101.0, 100.6):
        world.quote(price - 0.01, price + 0.01, size=500)
        assert fills(world.print(price)) == []
        stops.append(world.order(2).stop_price)

    assert stops == [99.5, 100.5, 100.5]
    assert fills(world.print(100.5)) == [(100.59, 100)]


def test_a_trailing_percentage_keeps_its_distance_on_the_tick_grid(world: World) -> None:
    world.buy(100)
    world.sell(100, "TRAIL", trailing_percent=1.0)
    world.print(100.57)

    assert world.order(2).stop_price == 99.56


def test_immediate_or_cancel_takes_what_is_there_and_is_gone(world: World) -> None:
    world.quote(99.99, 100.01, size=30)

    events = world.buy(100, "LMT", limit_price=100.01, tif="IOC")

    assert fills(events) == [(100.01, 30)]
    assert world.order(1).status is Status.CANCELLED
    assert (world.order(1).filled, world.order(1).remaining) == (30, 70)


def test_a_cancelled_order_ends_and_cannot_be_cancelled_again(world: World) -> None:
    world.buy(100, "LMT", limit_price=99.0)

    assert reports(world.cancel(1))[-1].status is Status.CANCELLED
    assert codes(world.cancel(1)) == [10148]
    assert codes(world.cancel(99)) == [10147]
    assert codes(world.cancel(1, client_id=8)) == [10147]


def test_a_global_cancel_ends_every_order_of_every_client(world: World) -> None:
    world.buy(100, "LMT", limit_price=99.0)
    world.buy(100, "LMT", limit_price=99.0, client_id=8)

    world.exchange.cancel_all(now=world.now)

    assert world.exchange.open_orders() == []
    assert [o.status for o in world.exchange.completed_orders()] == [Status.CANCELLED] * 2
