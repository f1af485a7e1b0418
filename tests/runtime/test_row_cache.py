"""A row is made once per value, anew when the value changed, and forgotten with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.runtime.row_cache import RowCache
from engine.runtime.snapshot import fill_rows, order_rows
from tests.execution.rig import rig
from tests.virtual_time import virtual


def test_the_same_object_is_not_made_again_and_a_changed_one_is() -> None:
    made: list[tuple[str, int]] = []

    def make(value: tuple[str, int]) -> int:
        made.append(value)
        return value[1] * 10

    cache: RowCache[tuple[str, int], int] = RowCache(make, key=lambda v: v[0])
    a, b = ("a", 1), ("b", 2)

    assert cache.rows((a, b)) == (10, 20)
    assert cache.rows((b, a)) == (20, 10)
    assert made == [a, b]

    changed = ("a", 3)
    assert cache.rows((changed,)) == (30,)
    assert made == [a, b, changed]
    assert cache.rows((b,)) == (20,)
    assert made[-1] == b, "what was not shown is not kept"


@virtual
async def test_after_a_restart_the_days_orders_get_their_decimals_once_the_instrument_is_described(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        desk = here.desk
        described = desk.instruments.pop("SPY")
        orders, fills = order_rows(desk), fill_rows(desk)
        done, booked = desk.books.orders(), desk.books.ledger.positions.latest_fills(10)
        assert {row.decimals for row in (*orders.rows(done), *fills.rows(booked))} == {2}

        desk.instruments["SPY"] = replace(described, min_tick=0.00005)

        assert {row.decimals for row in (*orders.rows(done), *fills.rows(booked))} == {5}
