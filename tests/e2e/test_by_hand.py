"""A stop moved and a part taken by hand, over the real wire: what the broker holds, and what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import CommandKind, Snapshot
from tests.e2e.live import Live, live

pytestmark = pytest.mark.slow


def _covered(shown: Snapshot) -> bool:
    return bool(shown.positions) and shown.positions[0].protected_quantity == abs(shown.positions[0].quantity)


async def _stops(here: Live) -> list[tuple[float | None, int]]:
    orders = (await here.at_broker()).open_orders
    return [(order.stop_price, int(order.quantity)) for order in orders if order.order_type == "STP"]


@pytest.mark.req("REQ-POS-005")
async def test_a_stop_goes_nearer_at_once_and_back_after_a_second_yes_and_half_is_taken(
    tmp_path: Path,
) -> None:
    async with live(tmp_path) as here:
        held = (await here.until(_covered, why="no covered position")).positions[0]
        meant, quantity = held.stop_price, held.quantity
        assert meant is not None
        nearer = round(meant + 2.0, 2)

        moved = await here.command(CommandKind.MOVE_STOP, target="SPY", value=nearer)
        assert moved.status == "done", moved.text
        assert await _stops(here) == [(nearer, quantity)]

        asked = await here.command(CommandKind.MOVE_STOP, target="SPY", value=meant, seen=nearer)
        assert asked.code == "confirmation"
        back = await here.command(
            CommandKind.MOVE_STOP, target="SPY", value=meant, seen=nearer, confirmed=True
        )
        assert back.status == "done", back.text
        assert await _stops(here) == [(meant, quantity)], "nobody puts it back"

        took = await here.command(CommandKind.PARTIAL, target="SPY", value=50.0)
        assert took.status == "done", took.text
        left = quantity - quantity // 2
        assert [int(p.quantity) for p in (await here.at_broker()).positions if p.quantity] == [left]
        assert await _stops(here) == [(meant, left)]

        assert (await here.command(CommandKind.NOTE, reason="half is home", target="SPY")).status == "done"
        assert here.rows("SELECT price, why FROM stop_move ORDER BY rowid") == [
            (nearer, "operator"),
            (meant, "operator"),
        ]
        await here.until(lambda s: any(e.kind == "note" for e in s.events), why="no note")
