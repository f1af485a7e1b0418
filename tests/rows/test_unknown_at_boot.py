"""What the account holds and the store does not know is shown, and nothing new is entered beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.live import ONE_STOCK, live

pytestmark = pytest.mark.slow


async def test_a_position_and_its_order_that_no_store_knows_block_entries_and_are_shown(place: Path) -> None:
    async with live(place) as here:
        await here.ready()
        held = await here.until(
            lambda s: s.positions and s.positions[0].protected_quantity == s.positions[0].quantity,
            why="no position",
        )
        quantity = held.positions[0].quantity
    shutil.rmtree(place / "embedded-DU9000001")

    other = {"script": {**ONE_STOCK, "symbols": ["QQQ"]}}
    async with live(place, strategies=other) as again:
        shown = await again.until(lambda s: any(p.is_orphan for p in s.positions), why="it is not shown")
        refused = await again.until(
            lambda s: any(w.code == "orphan" for w in s.why_not), why="nothing was refused"
        )

        (orphan,) = [p for p in shown.positions if p.is_orphan]
        assert (orphan.symbol, orphan.quantity) == ("SPY", quantity)
        assert not again.snapshot.entries_allowed
        assert [(w.symbol, w.code) for w in refused.why_not] == [("QQQ", "orphan")]
        assert any(o.symbol == "SPY" and not o.is_done for o in shown.orders)
        told = await again.at_broker()
        assert {p.key: p.quantity for p in told.positions if p.quantity} == {"SPY": quantity}
        assert again.rows("SELECT count(*) FROM intent") == [(0,)]
