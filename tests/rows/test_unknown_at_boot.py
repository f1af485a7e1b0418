"""What the account holds and nobody here knows is shown, settled by choice, and blocks entries meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.api import CommandKind, EngineState, Level, Snapshot
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
        assert held.metadata_lost


@pytest.mark.req("REQ-ARCH-003", "REQ-ARCH-004")
async def test_without_a_screen_an_orphan_at_start_ends_it_with_4_and_nothing_is_sent(place: Path) -> None:
    async with live(place, strategies=IDLE) as here:
        await _with_an_orphan(here)

    async with live(place, strategies=IDLE, headless=True) as again:
        async with asyncio.timeout(30):
            code = await again.task

        assert code == 4
        state = await again.at_broker()
        assert {p.key: p.quantity for p in state.positions} == {"META": -30}
        assert state.open_orders == ()
        assert again.rows("SELECT count(*) FROM intent") == [(0,)]
        assert again.rows("SELECT who, choice FROM recovery_decision") == [("policy", "abort")]


@pytest.mark.req("REQ-ARCH-004", "REQ-ARCH-005")
async def test_what_another_client_closes_is_booked_at_its_price_within_five_seconds(place: Path) -> None:
    async with live(place) as here:
        held = await here.until(
            lambda s: s.positions and s.positions[0].protected_quantity == s.positions[0].quantity,
            why="no position",
        )
        quantity = held.positions[0].quantity
        await here.until(lambda s: s.fills and s.fills[0].commission_usd is not None, why="no commission")

        await here.trade_elsewhere("SPY", Side.SELL, quantity)

        await here.until(lambda s: not s.positions, why="it is still shown")
        state = await here.at_broker()
        (theirs,) = [e.fill for e in state.executions if e.fill.side is Side.SELL]
        assert here.rows("SELECT reason, exit_price FROM trade") == [("external_close", str(theirs.price))]
        await here.ready()
        await here.until(lambda s: all(o.is_done for o in s.orders), why="its stop was not cancelled")
        told = await here.at_broker()
        assert [o for o in told.open_orders if o.key == "SPY"] == []
        assert any(row.kind is RecoveryKind.CLOSED_AWAY for row in here.snapshot.recovery.rows)


@pytest.mark.req("RECOVERY-LOG-1", "RECOVERY-LOG-2", "REQ-ARCH-003")
async def test_every_start_reports_what_it_found(place: Path) -> None:
    async with live(place) as here:
        first = await here.ready()
        assert first.recovery.report[0] == "No previous state found (clean start)"
        assert {a.level for a in first.alerts} <= {Level.INFO}
        await here.until(lambda s: s.positions, why="no position")

    async with live(place) as again:
        shown = await again.ready()
        assert shown.recovery.report[0].startswith("State of ")
        assert any("SPY: we knew" in line and "restored" in line for line in shown.recovery.report)
        assert shown.recovery.report[-1] == "recovery complete: books and broker agree"
        told = {e.text for e in shown.events}
        assert set(shown.recovery.report) <= told
        assert not shown.recovery.crashed
