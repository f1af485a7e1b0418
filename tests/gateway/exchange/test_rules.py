"""What the exchange refuses, with which code, and that a refusal changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from engine.gateway.model import OrderChanged, Rejected, Status, WhatIf
from tests.gateway.exchange.world import ACCOUNT, World, at, codes, fills


@pytest.mark.parametrize(
    ("code", "action", "quantity", "order_type", "more"),
    [
        (110, "BUY", 100, "LMT", {"limit_price": 100.005}),
        (110, "BUY", 1, "LMT", {"limit_price": 5000.1, "con_id": 2}),
        (110, "SELL", 100, "STP", {"aux_price": 99.999}),
        (110, "SELL", 100, "STP LMT", {"aux_price": 99.0, "limit_price": 98.999}),
        (110, "SELL", 100, "TRAIL", {"aux_price": 0.001}),
        (110, "SELL", 100, "TRAIL", {"trailing_percent": 1.0, "trail_stop_price": 98.001}),
        (200, "BUY", 100, "MKT", {"con_id": 99}),
        (201, "BUY", 40_000, "MKT", {}),
        (321, "BUY", 0, "MKT", {}),
        (321, "BUY", -5, "MKT", {}),
        (321, "HOLD", 100, "MKT", {}),
        (321, "BUY", 100, "MKT", {"account": "DU2"}),
        (321, "BUY", 100, "LMT", {}),
        (321, "BUY", 100, "LMT", {"limit_price": -1.0}),
        (321, "SELL", 100, "STP", {}),
        (321, "SELL", 100, "TRAIL", {}),
        (321, "SELL", 100, "TRAIL", {"trailing_percent": 100.0}),
        (321, "BUY", 100, "MKT", {"tif": "FOK"}),
        (321, "BUY", 100, "MKT", {"tif": "GTD"}),
        (321, "BUY", 100, "MKT", {"oca_group": "g", "oca_type": 9}),
        (387, "BUY", 100, "MOC", {}),
    ],
)
def test_a_bad_order_is_refused_by_its_code_and_nothing_works(
    world: World, code: int, action: str, quantity: int, order_type: str, more: dict[str, Any]
) -> None:
    events = world.place(world.request(action, quantity, order_type, **more))

    assert codes(events) == [code]
    assert not any(isinstance(e, OrderChanged) for e in events)
    assert world.exchange.open_orders() == []
    assert world.quantity() == 0


def test_lack_of_margin_leaves_an_inactive_order_and_a_sentence(world: World) -> None:
    (refusal,) = world.buy(40_000)

    assert isinstance(refusal, Rejected)
    assert refusal.order is not None
    assert refusal.order.status is Status.INACTIVE
    assert "insufficient margin" in refusal.text
    assert codes(world.cancel(1)) == [161]


def test_working_orders_count_against_margin(world: World) -> None:
    assert codes(world.buy(15_000, "LMT", limit_price=99.0)) == []
    assert codes(world.buy(15_000, "LMT", limit_price=99.0)) == [201]


def test_an_order_that_reduces_is_never_short_of_margin(world: World) -> None:
    world.quote(99.99, 100.01, size=30_000)
    world.buy(19_900)
    world.quote(60.0, 60.02, size=30_000)

    assert codes(world.sell(19_900)) == []
    assert world.quantity() == 0


def test_the_twenty_first_working_order_of_a_side_is_refused(world: World) -> None:
    for _ in range(20):
        assert codes(world.buy(1, "LMT", limit_price=90.0)) == []

    assert codes(world.buy(1, "LMT", limit_price=90.0)) == [201]
    assert codes(world.sell(1, "LMT", limit_price=110.0)) == []


def test_an_id_of_a_finished_order_cannot_be_used_again(world: World) -> None:
    world.buy(100)
    world.buy(100, "LMT", limit_price=90.0)
    world.cancel(2)

    assert codes(world.buy(100, order_id=1)) == [104]
    assert codes(world.buy(100, order_id=2)) == [103]
    assert codes(world.buy(100, order_id=2, client_id=9)) == []


def test_orders_of_an_expired_future_are_refused(world: World) -> None:
    world.go(at(4, 10) + 60 * 86_400)

    assert codes(world.buy(1, con_id=2)) == [201]


def test_price_and_size_of_a_working_order_can_be_changed(world: World) -> None:
    world.buy(100, "LMT", limit_price=99.0)
    perm_id = world.order(1).perm_id

    events = world.buy(50, "LMT", limit_price=100.01, order_id=1)

    assert fills(events) == [(100.01, 50)]
    assert world.order(1).perm_id == perm_id


def test_less_size_keeps_the_place_in_the_queue_and_a_new_price_does_not(world: World) -> None:
    for order_id in (1, 2):
        world.buy(100, "LMT", limit_price=99.99, order_id=order_id)
    world.print(99.99, 500, aggressor=-1)

    world.buy(80, "LMT", limit_price=99.99, order_id=1)
    assert fills(world.print(99.99, 30, aggressor=-1)) == [(99.99, 30)]
    assert world.order(1).filled == 30
    world.buy(80, "LMT", limit_price=99.98, order_id=1)
    world.buy(80, "LMT", limit_price=99.99, order_id=1)
    world.print(99.98, 120, aggressor=-1)
    assert (world.order(2).filled, world.order(1).filled) == (100, 50)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        (105, {"action": "SELL"}),
        (105, {"con_id": 2}),
        (105, {"parent_id": 4}),
        (110, {"limit_price": 99.995}),
        (201, {"quantity": 60}),
        (201, {"quantity": 60_000}),
    ],
)
def test_a_refused_change_leaves_the_order_as_it_was(world: World, code: int, change: dict[str, Any]) -> None:
    world.buy(100, "LMT", limit_price=99.99)
    world.quote(99.9, 99.95, size=60)
    before = world.order(1)
    wanted: dict[str, Any] = {
        "action": "BUY",
        "quantity": 100,
        "order_type": "LMT",
        "limit_price": 99.9,
        "order_id": 1,
    } | change

    assert codes(world.place(world.request(**wanted))) == [code]
    assert world.order(1) == before


def test_a_stop_can_be_moved_and_then_triggers_at_its_new_price(world: World) -> None:
    world.buy(100)
    world.sell(100, "STP", aux_price=98.0)

    world.sell(100, "STP", aux_price=99.5, order_id=2)
    world.quote(99.4, 99.5, size=500)

    assert world.order(2).stop_price == 99.5
    assert fills(world.print(99.5)) == [(99.4, 100)]


def test_changing_day_to_gtc_lets_the_order_live_on(world: World) -> None:
    world.buy(100, "LMT", limit_price=90.0)
    world.buy(100, "LMT", limit_price=90.0, tif="GTC", order_id=1)

    world.go(at(5, 10))

    assert world.order(1).status is Status.SUBMITTED


def test_what_if_tells_margin_and_commission_and_places_nothing(world: World) -> None:
    answer = world.exchange.what_if(world.request("BUY", 200, what_if=True), now=world.now)
    future = world.exchange.what_if(world.request("SELL", 2, con_id=2), now=world.now)
    wrong = world.exchange.what_if(world.request("BUY", 0), now=world.now)

    assert isinstance(answer, WhatIf)
    assert (answer.initial_change, answer.maintenance_change, answer.commission) == (10_000.0, 5_000.0, 1.0)
    assert isinstance(future, WhatIf)
    assert (future.initial_change, future.maintenance_change, future.commission) == (30_000.0, 27_000.0, 4.5)
    assert isinstance(wrong, Rejected)
    assert world.exchange.open_orders() == world.exchange.completed_orders() == []


def test_an_order_without_an_account_gets_the_one_there_is(world: World) -> None:
    world.buy(100, "LMT", limit_price=90.0)

    assert world.order(1).request.account == ACCOUNT
