"""The target of an order by hand: the position is closed once it could be closed there, and never before."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import Command, CommandKind
from engine.api_orders import OrderWish
from engine.domain.order import Role
from engine.domain.plan import Plan
from engine.runtime.by_hand.assembly import acts_by_hand
from engine.runtime.guards.targets import TargetWatch
from tests.builders import quote
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual


async def _held(here: Rig) -> TargetWatch:
    """20 SPY by hand from 100.00, target 101.00."""
    funded(here.desk, 100_000.0)
    here.desk.verified = True
    here.desk.quotes.on_quote(quote())
    here.broker.unfilled = set()
    wish = OrderWish("BUY", quantity=20, target=101.0)
    command = Command("o", CommandKind.ORDER, target="SPY", order=wish, confirmed=True)
    outcome = await acts_by_hand(here.desk, here.executor)[CommandKind.ORDER](command)
    assert outcome.status == "done", outcome
    await pass_time(0.1)
    return TargetWatch(here.desk, executor=here.executor, spawn=here.spawn)


@virtual
@pytest.mark.parametrize(
    ("bid", "ask", "closes"), [(100.99, 101.02, False), (101.0, 101.02, True), (102.0, 102.02, True)]
)
async def test_it_closes_where_the_bid_is_there(tmp_path: Path, bid: float, ask: float, closes: bool) -> None:
    async with rig(tmp_path) as here:
        watch = await _held(here)
        here.desk.quotes.on_quote(quote(bid=bid, ask=ask, at=here.desk.now()))
        watch.round()
        await pass_time(1)
        watch.round()
        await pass_time(1)

        assert here.books.quantity("SPY") == (0 if closes else 20)
        assert here.stops_at_broker() == (0 if closes else 20)
        assert len(here.state_of(Role.FLATTEN)) == closes
        if closes:
            assert here.last(Role.FLATTEN).intent.reason == "target"


@virtual
async def test_an_old_price_or_a_strategys_own_target_closes_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path / "a") as here:
        watch = await _held(here)
        here.desk.quotes.on_quote(quote(bid=102.0, ask=102.02, at=here.desk.now()))
        await pass_time(6)
        watch.round()
        await pass_time(1)
        assert here.books.quantity("SPY") == 20
    async with rig(tmp_path / "b") as here:
        await here.enter(20, plan=Plan(target1=101.0))
        here.desk.quotes.on_quote(quote(bid=102.0, ask=102.02, at=here.desk.now()))
        TargetWatch(here.desk, executor=here.executor, spawn=here.spawn).round()
        await pass_time(1)
        assert here.books.quantity("SPY") == 20
