"""An order by hand over the real wire: shown, sent, filled, covered, there after a restart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.api import CommandKind, Snapshot
from engine.api_orders import OrderWish, as_shown
from tests.e2e.live import ONE_STOCK, live

pytestmark = pytest.mark.slow

WAITS = {"script": {**ONE_STOCK, "params": {"enter_at": 0}}}


def _covered(shown: Snapshot) -> bool:
    return bool(shown.positions) and shown.positions[0].protected_quantity == abs(shown.positions[0].quantity)


@pytest.mark.req("247-NFR-SAFE", "CARD-KEYS")
async def test_an_order_by_hand_is_shown_sent_covered_and_still_the_operators_after_a_restart(
    tmp_path: Path,
) -> None:
    wish = OrderWish("BUY", quantity=7)
    async with live(tmp_path, strategies=WAITS) as here:
        await here.ready()
        much = await here.command(CommandKind.ORDER, target="SPY", order=OrderWish("BUY", quantity=9_999))
        assert (much.status, much.code) == ("refused", "per_symbol_notional_cap"), much

        asked = await here.command(CommandKind.ORDER, target="SPY", order=wish)
        assert (asked.status, asked.code) == ("refused", "confirmation"), asked
        assert asked.order is not None
        assert (await here.at_broker()).open_orders == ()

        order = replace(as_shown(wish, asked.order), at_market=True, limit=None)
        sent = await here.command(CommandKind.ORDER, target="SPY", order=order, confirmed=True, reason="news")
        assert sent.status == "done", sent
        assert "accepted by the broker (perm" in sent.text
        held = (await here.until(_covered, why="no covered position")).positions[0]
        assert (held.owner, held.quantity, held.metadata_lost) == ("operator", 7, False)
        stops = [(o.stop_price, int(o.quantity)) for o in (await here.at_broker()).open_orders]
        assert stops == [(asked.order.stop, 7)]

        again = await here.command(CommandKind.ORDER, target="SPY", order=wish, confirmed=True)
        assert again.code == "duplicate_position", again
    async with live(tmp_path, strategies=WAITS) as later:
        await later.ready()
        held = (await later.until(_covered, why="not there after the restart")).positions[0]
        assert (held.owner, held.quantity, held.metadata_lost) == ("operator", 7, False)

        gone = await later.command(CommandKind.FLATTEN, target="SPY", confirmed=True)
        assert gone.status == "done", gone
        assert not [p for p in (await later.at_broker()).positions if p.quantity]
