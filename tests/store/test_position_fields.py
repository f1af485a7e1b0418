"""A position that was stored comes back field by field, with its partials, its plan and its stop order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.domain.managed import ContractRef, ManagedPosition, PositionSide, PositionState
from engine.domain.order import Role, Side
from engine.domain.plan import Plan
from engine.domain.position import Partial
from engine.ledger.events import Adjustment, Described, Registered, StopMoved
from engine.ledger.ledger import Ledger
from tests.ledger.building import T0, at, claim, executed, fill, intent
from tests.store.building import opened, restored

PLAN = Plan(pivot=444.77, target1=460.25, target2=470.5, moves_to_breakeven=True)
EVENTS = (
    Described("TSLA", 76792991, Decimal(1), "STK", "TSLA", "SMART", "USD"),
    Registered(
        (
            intent("in", key="TSLA", plan=PLAN),
            intent("stop", role=Role.STOP, side=Side.SELL, key="TSLA", parent_ref="in", stop_price=443.0),
            intent("p1", role=Role.EXIT, side=Side.SELL, quantity=50, key="TSLA", reason="PARTIAL_50"),
        ),
        T0,
    ),
    executed(fill("e0.01", 100, "445.25", ref="in", key="TSLA", seconds=47)),
    claim("stop", "PreSubmitted", perm_id=12345, order_id=7),
    executed(fill("e1.01", -50, "447.13", ref="p1", key="TSLA", seconds=195)),
    StopMoved("TSLA", 445.25, "breakeven", at(196)),
    Adjustment("a1", "NVDA", 4815747, 10, Decimal("725.5"), T0, "adopted", "operator", 710.3, plan=PLAN),
)


async def written(path: Path) -> Ledger:
    """A ledger whose changes are all in the store."""
    ledger = Ledger()
    async with opened(path) as store:
        for event in EVENTS:
            assert await store.apply(ledger.apply(event), at=T0)
    return ledger


@pytest.mark.req("RECOVERY-STATE-POS", "REQ-DATA-002", "REQ-POS-001")
async def test_every_field_of_a_position_survives_a_restart(tmp_path: Path) -> None:
    before = (await written(tmp_path / "s.db")).positions

    after = (await restored(tmp_path / "s.db")).positions

    assert after.managed_positions() == before.managed_positions()
    tesla = after.get_position("TSLA")
    assert tesla == ManagedPosition(
        symbol="TSLA",
        side=PositionSide.LONG,
        entry_price=445.25,
        entry_time=T0 + timedelta(seconds=47),
        shares=100,
        remaining=0.5,
        pivot=444.77,
        stop=445.25,
        partials=(Partial(at(195), Decimal("447.13"), 50, "PARTIAL_50", "p1"),),
        contract=ContractRef(756733, "TSLA", "STK", "SMART", "USD", 1.0),
        target1=460.25,
        target2=470.5,
        state=PositionState.OPEN,
        owner="ma",
    )


@pytest.mark.req("RECOVERY-STATE-POS")
async def test_the_stop_order_comes_back_with_its_reference_and_perm_id(tmp_path: Path) -> None:
    await written(tmp_path / "s.db")

    ledger = await restored(tmp_path / "s.db")

    stop = ledger.orders.get("stop")
    assert stop is not None
    assert (stop.intent.ref, stop.perm_id, stop.intent.stop_price) == ("stop", 12345, 443.0)


@pytest.mark.req("RECOVERY-STATE-POS")
async def test_an_adopted_position_comes_back_with_its_owner_its_plan_and_its_stop(tmp_path: Path) -> None:
    await written(tmp_path / "s.db")

    adopted = (await restored(tmp_path / "s.db")).positions.position("NVDA")

    assert adopted is not None
    assert (adopted.owner, adopted.plan, adopted.stop_price) == ("operator", PLAN, 710.3)


@pytest.mark.req("RECOVERY-STATE-POS")
async def test_the_next_trading_day_begins_with_all_of_it(tmp_path: Path) -> None:
    before = await written(tmp_path / "s.db")
    async with opened(tmp_path / "s.db", boot_id="boot-2") as store:
        legs = before.start_day()
        await store.start_day(legs, day=T0.date() + timedelta(days=1), at=T0 + timedelta(days=1))

    after = await restored(tmp_path / "s.db")

    assert after.positions.managed_positions() == before.positions.managed_positions()
    assert after.positions.trades() == ()
