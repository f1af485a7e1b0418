"""A line that drops again and again leaves everything as it was: each bar, order and fill once."""

from __future__ import annotations

import json
import socket
from collections import Counter
from pathlib import Path

import pytest

from engine.api import EngineState, Snapshot
from engine.broker.port import BrokerState
from engine.domain.market import Bar
from engine.runtime.process.gateway_process import FOLDER
from tests.e2e.live import ONE_STOCK, Live, live

pytestmark = [pytest.mark.slow, pytest.mark.req("PLAN-M3-AC-RECONNECT", "FUT-F1")]

DROPS = 5


def _drop(here: Live) -> None:
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect(str(here.state_dir / FOLDER / "admin.sock"))
        admin.sendall(b'{"do": "drop"}\n')
        assert json.loads(admin.recv(4096)) == {"ok": True}


def _connections(snapshot: Snapshot) -> int:
    return sum("connected to" in event.text for event in snapshot.events)


def _perm_ids(state: BrokerState) -> list[int]:
    return sorted(order.claim.perm_id for order in state.open_orders)


async def test_five_drops_in_a_row_double_nothing_and_lose_nothing(place: Path) -> None:
    two = {"script": {**ONE_STOCK, "symbols": ["SPY", "QQQ"]}}
    async with live(place, strategies=two) as here:
        await here.ready()
        await here.until(
            lambda s: sum(p.protected_quantity == p.quantity > 0 for p in s.positions) == 2,
            why="no positions",
        )
        before = {p.symbol: (p.quantity, p.avg_price) for p in here.snapshot.positions}
        told = await here.at_broker()
        inbox = here.engine.parts.inbox
        bars: list[Bar] = []
        pass_on = inbox.on_bar

        def heard(bar: Bar) -> None:
            bars.append(bar)
            pass_on(bar)

        inbox.on_bar = heard  # type: ignore[method-assign]  # an ear in between
        for number in range(DROPS):
            _drop(here)
            await here.until(
                lambda s, n=number: _connections(s) == n + 2 and s.engine_state is EngineState.READY,
                why=f"no way back from drop {number}",
            )
        seen = len(bars)
        await here.until(
            lambda _: len({b.end for b in bars[seen:] if b.symbol == "QQQ"}) >= 3, why="no bars any more"
        )

        assert {symbol for symbol, _ in Counter((b.symbol, b.end) for b in bars)} == {"SPY", "QQQ"}
        assert max(Counter((b.symbol, b.end) for b in bars).values()) == 1, "each bar once"
        assert {p.symbol: (p.quantity, p.avg_price) for p in here.snapshot.positions} == before
        after = await here.at_broker()
        assert sorted(o.claim.perm_id for o in after.open_orders) == sorted(
            o.claim.perm_id for o in told.open_orders
        )
        assert {p.key: p.quantity for p in after.positions} == {p.key: p.quantity for p in told.positions}
        fills = [row[0] for row in here.rows("SELECT exec_id FROM fill")]
        assert len(fills) == len(set(fills)) == len(here.snapshot.fills)
        assert here.rows("SELECT count(*) FROM intent") == [(4,)]
