"""What the account holds and nobody here knows is shown, settled by choice, and blocks entries meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import CommandKind, EngineState, Snapshot
from engine.api_recovery import RecoveryChoice, RecoveryKind, Settlement
from engine.domain.order import Side
from tests.e2e.live import ONE_STOCK, Live, live

pytestmark = pytest.mark.slow

IDLE = {"script": {**ONE_STOCK, "symbols": ["QQQ"], "params": {"enter_at": 0}}}
"""A strategy that never trades."""


async def _with_an_orphan(here: Live, quantity: int = 30) -> Snapshot:
    """Somebody else sells short while the engine runs; it is noticed."""
    await here.ready()
    await here.trade_elsewhere("META", Side.SELL, quantity)
    return await here.until(lambda s: s.recovery.open_rows, why="the orphan is not shown")


@pytest.mark.req("BUG-003", "REQ-ARCH-003", "REQ-ARCH-004", "CARD-ORPHANS")
async def test_a_position_opened_elsewhere_blocks_entries_until_it_is_adopted_with_a_stop(
    place: Path,
) -> None:
    async with live(place, strategies=IDLE) as here:
        shown = await _with_an_orphan(here)
        (row,) = shown.recovery.open_rows
        assert (row.kind, row.symbol, row.broker) == (RecoveryKind.ORPHAN, "META", -30)
        assert row.stop_price is not None
        blocked = await here.until(lambda s: s.engine_state is EngineState.ORPHANS, why="never ORPHANS")
        assert not blocked.entries_allowed

        told = await here.command(
            CommandKind.SETTLE, settlements=(Settlement(row.row_id, RecoveryChoice.ADOPT, row.stamp),)
        )

        assert told.status == "done", told.text
        await here.ready()
        state = await here.at_broker()
        assert {p.key: p.quantity for p in state.positions} == {"META": -30}
        (stop,) = [o for o in state.open_orders if o.key == "META"]
        assert (stop.side, stop.quantity, stop.order_type) == ("BUY", 30, "STP")
        (held,) = here.snapshot.positions
        assert (held.owner, held.quantity, held.is_orphan) == ("operator", -30, False)
