"""Recovery by key, from the screen down to the gateway's own books, over both links."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cockpit.screens.cockpit import CockpitScreen
from cockpit.screens.dialog import AskDialog
from cockpit.screens.recovery import RecoveryScreen
from engine.api import EngineState
from engine.api_recovery import RecoveryKind
from engine.domain.order import Side
from engine.runtime.guards import overdue
from engine.runtime.reconcile import account
from tests.e2e.live import ONE_STOCK
from tests.e2e.screen import Cockpit, Link, cockpit
from tests.waiting import eventually_async

pytestmark = pytest.mark.slow

both_links = pytest.mark.parametrize("link", ["direct", "socket"])
IDLE = {"script": {**ONE_STOCK, "symbols": ["QQQ"], "params": {"enter_at": 0}}}
"""A strategy that never trades."""


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path: a socket's may have only 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="ck-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


async def _orphan(here: Cockpit, symbol: str = "META", side: Side = Side.SELL, quantity: int = 30) -> None:
    """Somebody else trades; the recovery screen comes up by itself and nothing may be entered."""
    await here.trade_elsewhere(symbol, side, quantity)
    await here.shows(RecoveryScreen)
    await here.until(lambda s: s.engine_state is EngineState.ORPHANS, why="never ORPHANS")
    assert not here.snapshot.entries_allowed


async def _apply(here: Cockpit) -> None:
    """Through the preview."""
    await here.press("enter")
    await here.shows(AskDialog)
    await here.press("y")


@both_links
@pytest.mark.req("CARD-ORPHANS", "REQ-ARCH-003")
async def test_a_adopts_a_short_with_a_stop_at_the_broker(place: Path, link: Link) -> None:
    async with cockpit(place, link=link, strategies=IDLE) as here:
        await _orphan(here)
        await here.press("a")
        assert list((await here.at_broker()).open_orders) == [], "choosing sends nothing"

        await _apply(here)
        await here.until(lambda s: s.engine_state is EngineState.READY, why="never READY again")

        (stop,) = (await here.at_broker()).open_orders
        assert (stop.key, stop.side, stop.quantity, stop.order_type) == ("META", "BUY", 30, "STP")
        (held,) = here.snapshot.positions
        assert (held.quantity, held.is_orphan, held.protected_quantity) == (-30, False, 30)
        assert held.is_verified


@both_links
@pytest.mark.req("CARD-ORPHANS", "REQ-ARCH-003")
async def test_c_closes_exactly_what_nobody_knew(place: Path, link: Link) -> None:
    async with cockpit(place, link=link, strategies=IDLE) as here:
        await _orphan(here, side=Side.BUY, quantity=20)
        await here.press("c")
        await _apply(here)
        await here.until(lambda s: not s.recovery.open_rows, why="it still waits")
        await here.until(lambda s: s.engine_state is EngineState.READY, why="never READY again")

        state = await here.at_broker()
        assert [p for p in state.positions if p.quantity] == []
        assert list(state.open_orders) == []


@both_links
@pytest.mark.req("CARD-ORPHANS")
async def test_o_leaves_position_and_order_alone_for_good(place: Path, link: Link) -> None:
    async with cockpit(place, link=link, strategies=IDLE) as here:
        await here.trade_elsewhere("AMD", Side.BUY, 5, limit=1.0)
        await _orphan(here, side=Side.BUY, quantity=7)
        await here.until(lambda s: len(s.recovery.open_rows) == 2, why="not both are shown")

        await here.press("asterisk", "o")
        await _apply(here)
        await here.until(lambda s: s.engine_state is EngineState.READY, why="never READY again")

        state = await here.at_broker()
        assert [(p.key, p.quantity) for p in state.positions] == [("META", 7)]
        assert [o.key for o in state.open_orders] == ["AMD"]
        (left,) = here.snapshot.positions
        assert (left.owner, left.is_foreign) == ("foreign", True)
        assert {r.kind for r in here.snapshot.recovery.rows} == {RecoveryKind.FOREIGN}
        await here.press("escape")
        await here.shows(CockpitScreen)


@pytest.mark.req("CARD-ORPHANS", "REQ-ARCH-003")
async def test_a_typed_stop_reaches_the_broker(place: Path) -> None:
    async with cockpit(place, link="direct", strategies=IDLE) as here:
        await _orphan(here)
        await here.until(lambda s: any(p.last for p in s.positions), why="no price")
        await here.until(lambda s: s.recovery.open_rows[0].unrealized_usd is not None, why="not marked")
        (row,) = here.snapshot.recovery.open_rows
        assert row.stop_price is not None
        wanted = round(row.stop_price + 5.0, 2)
        await here.press("s")
        await here.shows(AskDialog)
        await here.type(f"{wanted:.2f}".replace(".", ","))
        await here.press("enter")
        await here.shows(RecoveryScreen)

        await _apply(here)
        await here.until(lambda s: s.engine_state is EngineState.READY, why="never READY again")

        (stop,) = (await here.at_broker()).open_orders
        assert stop.stop_price == wanted


@both_links
@pytest.mark.req("CARD-ORPHANS", "REQ-ARCH-003")
async def test_capital_a_ends_with_4_and_sends_nothing(place: Path, link: Link) -> None:
    async with cockpit(place, link=link, strategies=IDLE) as here:
        await _orphan(here)
        before = await here.at_broker()
        assert [p.quantity for p in before.positions] == [-30]
        assert list(before.open_orders) == []
        await here.press("A")
        await here.shows(AskDialog)
        assert here.snapshot.engine_state is EngineState.ORPHANS, "nothing has happened yet"

        await here.press("y")
        await eventually_async(lambda: not here.session.handle.is_alive, within_s=30, why="it goes on")

        assert not [o for o in here.snapshot.orders if o.is_ours], "not one order was made"
    assert here.exit_code == 4


async def _drill(here: Cockpit, **asked: object) -> dict[str, Any]:
    """Ask the gateway's fault socket."""
    reader, writer = await asyncio.open_unix_connection(here.state_dir / "gateway-embedded" / "admin.sock")
    writer.write(json.dumps(asked).encode() + b"\n")
    answer: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    assert answer["ok"], answer
    return answer


@pytest.mark.req("CARD-ORPHANS")
async def test_x_cancels_an_order_under_our_number_that_nobody_knows(place: Path) -> None:
    async with cockpit(place, link="direct", strategies=IDLE) as here:
        stray = {"symbol": "AMD", "action": "BUY", "quantity": 5, "type": "LMT", "limit": 1.0}
        await _drill(here, do="external_order", client_id=1, **stray)
        await here.shows(RecoveryScreen)
        await here.until(lambda s: s.engine_state is EngineState.ORPHANS, why="never ORPHANS")
        assert [o.key for o in (await here.at_broker()).open_orders] == ["AMD"]

        await here.press("x")
        await _apply(here)

        await here.until(lambda s: s.engine_state is EngineState.READY, why="never READY again")
        assert list((await here.at_broker()).open_orders) == []
        assert here.snapshot.recovery.open_rows == ()


@pytest.mark.req("CARD-ORPHANS")
async def test_n_lets_go_of_an_order_that_never_arrived_and_its_symbol_may_be_entered_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue, "SILENCE_S", 1.0)
    monkeypatch.setattr(account, "IN_FLIGHT_GRACE_S", 0.2)
    entering = {"script": {**ONE_STOCK, "params": {"enter_at": 4}}}
    async with cockpit(place, link="direct", strategies=entering) as here:
        await _drill(here, do="hold_next", seconds=0, ref="-entry", count=2)
        await _drill(here, do="reject_next", ref="-stop", count=9)
        await here.until(
            lambda s: any(r.kind is RecoveryKind.UNKNOWN_ORDER for r in s.recovery.rows), why="not parked"
        )
        assert here.snapshot.unknown_orders
        await here.press("O")
        await here.shows(RecoveryScreen)
        await here.press("asterisk", "n")
        await _apply(here)

        await here.until(lambda s: not s.unknown_orders, why="it still counts")
        report = await _drill(here, do="report")
        assert (report["orders"], report["executions"], report["positions"]) == ([], [], {})


@pytest.mark.req("CARD-ORPHANS")
async def test_after_a_split_a_adopts_the_new_quantity_under_one_stop(place: Path) -> None:
    async with cockpit(place, link="direct") as here:
        await here.in_position("SPY")
        held = here.snapshot.positions[0].quantity
        await _drill(here, do="external_position", symbol="SPY", quantity=held, price=0.0)
        await here.shows(RecoveryScreen)
        (row,) = here.snapshot.recovery.open_rows
        assert (row.kind, row.difference) == (RecoveryKind.CORPORATE, "split 2:1")

        await here.press("a")
        await _apply(here)
        await here.until(lambda s: s.engine_state is EngineState.READY, why="never READY again")
        await here.in_position("SPY")

        (position,) = here.snapshot.positions
        assert (position.quantity, position.is_orphan) == (2 * held, False)
        assert [(o.order_type, o.quantity) for o in (await here.at_broker()).open_orders] == [
            ("STP", 2 * held)
        ]
