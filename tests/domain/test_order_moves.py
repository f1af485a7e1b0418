"""An order in another state is the same order in all else: no field may be lost on the way."""

from __future__ import annotations

from dataclasses import fields, replace

from engine.domain.order import Order, OrderState
from tests.builders import TEN, order


def test_an_order_that_moves_keeps_every_field_it_was_not_told_to_change() -> None:
    before = replace(order("SPY"), perm_id=9001, filled=3, avg_fill_price=100.5, message="old")
    moved = before.moved(OrderState.CANCEL_PENDING, order_id=17, at=TEN, message="new")

    told = {"state": OrderState.CANCEL_PENDING, "order_id": 17, "updated_at": TEN, "message": "new"}
    kept = {f.name: getattr(before, f.name) for f in fields(Order) if f.name not in told}
    assert {f.name: getattr(moved, f.name) for f in fields(Order)} == kept | told
    # A field that still has its default here would pass whether it is kept or not.
    assert all(kept[f.name] != f.default for f in fields(Order) if f.name in kept)
