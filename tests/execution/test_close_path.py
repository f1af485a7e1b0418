"""The way out of a position, step by step: never more than is held, and booked at what really filled."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engine.domain.order import OrderState, Role
from engine.execution.executor import CloseStatus
from tests.execution.rig import rig
from tests.virtual_time import pass_time, virtual


@virtual
@pytest.mark.req("PS60-PATH-3")
async def test_a_close_is_stored_sent_booked_at_its_fill_and_only_then_a_trade(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(100)
        here.broker.unfilled = {Role.EXIT}
        trace: list[str] = []
        here.broker.on_place = lambda: trace.append(f"sent, stored as {here.last(Role.EXIT).state.value}")
        here.books.on_changes(
            lambda c: trace.extend(["booked"] * bool(c.flat_keys) + ["trade"] * bool(c.trades))
        )

        here.spawn("close", here.close)
        await pass_time(2)
        assert here.books.quantity("SPY") == 100, "it is held until it fills"
        exit_ref = here.last(Role.EXIT).intent.ref
        assert await here.rows(f"SELECT quantity FROM intent WHERE ref = '{exit_ref}'") == [(100,)]
        here.broker.fill(exit_ref, 100, price="98.5")
        await pass_time(2)

        assert trace == ["sent, stored as sending", "booked", "trade"]
        (trade,) = here.books.ledger.positions.trades()
        assert trade.exit_price == Decimal("98.5"), "not the price it was triggered at"
        assert (here.books.quantity("SPY"), here.stops_at_broker()) == (0, 0)
        assert await here.rows("SELECT count(*) FROM trade") == [(1,)]


@virtual
@pytest.mark.req("PS60-PATH-3")
async def test_nothing_is_sent_where_nothing_is_held(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        result = await here.close()

        assert result.status is CloseStatus.NOTHING
        assert here.broker.sent == []


@virtual
@pytest.mark.req("PS60-PATH-3")
async def test_a_close_that_the_broker_refuses_drops_nothing_and_says_so(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter(100)
        here.broker.refuse = {Role.EXIT}

        result = await here.close()

        assert (result.status, here.books.quantity("SPY")) == (CloseStatus.NOT_FLAT, 100)
        assert here.state_of(Role.EXIT) == [OrderState.REJECTED]
        assert here.books.ledger.positions.trades() == ()
