"""What programs may rely on in `cockpit status --json`, taken from an engine that trades."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.api import CommandKind
from engine.runtime.shell.status import document
from tests.e2e.live import live

pytestmark = pytest.mark.slow


async def test_every_promised_field_is_there_filled_and_plain_json(place: Path) -> None:
    async with live(place) as here:
        await here.ready()
        await here.until(lambda s: s.positions and s.positions[0].protected_quantity, why="no position")
        await here.command(CommandKind.PAUSE, reason="lunch")
        await here.until(lambda s: s.brakes, why="no brake")

        told = json.loads(json.dumps(document(here.snapshot), allow_nan=False))
        broker = await here.at_broker()

    assert (told["engine_state"], told["mode"], told["gateway"]) == ("READY", "PAPER", "embedded")
    assert told["account"] == "DU9000001"
    assert told["clock"]["is_open"] is True
    assert [(b["kind"], b["reason"]) for b in told["brakes"]] == [("PAUSE", "lunch")]
    (position,) = told["positions"]
    assert (position["symbol"], position["owner"]) == ("SPY", "script")
    assert position["quantity"] == position["protected_quantity"] > 0
    assert position["avg_price"] > 0
    orders = {order["perm_id"]: order for order in told["orders"]}
    (stop,) = broker.open_orders
    shown = orders[stop.claim.perm_id]
    assert (shown["symbol"], shown["side"], shown["quantity"]) == ("SPY", "SELL", int(stop.quantity))
    assert shown["order_ref"].startswith("ck-")
    assert (shown["filled"], shown["status"]) == (0, "working")
    assert told["pnl"]
    assert told["health"]["loop_lag_max_ms"] >= 0
