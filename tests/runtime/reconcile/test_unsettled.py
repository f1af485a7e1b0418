"""A position that differs from the broker's is not closed unasked: old stop and quantity may mean nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.api_recovery import RecoveryKind
from engine.domain.instrument import SessionHours
from engine.domain.order import Role
from engine.recovery.compare import Finding
from tests.builders import TEN, quote, stock
from tests.execution.rig import LoopClock
from tests.runtime.kept import Kept, kept
from tests.virtual_time import pass_time, virtual

SPLIT = Finding(
    RecoveryKind.CORPORATE, "SPY", 1, 100, Decimal(200), corporate="split 2:1", excess=Decimal(100)
)
UNKNOWN_PART = Finding(RecoveryKind.ORPHAN, "SPY", 1, 100, Decimal(60), excess=Decimal(-40))


async def _half_price(it: Kept) -> None:
    for _ in range(20):
        it.here.desk.quotes.on_quote(quote("SPY", 49.99, 50.01, it.here.desk.now()))
        await pass_time(1)


async def _without_its_stop(it: Kept) -> None:
    it.here.broker.refuse = {Role.STOP}
    for held in it.here.broker.open(Role.STOP):
        it.here.broker.end(held.intent.ref)
    await pass_time(40)


async def _too_old(it: Kept) -> None:
    hours = (SessionHours(TEN, TEN + timedelta(hours=100)),)
    it.here.desk.instruments["SPY"] = stock(liquid_hours=hours, trading_hours=hours)
    clock = it.here.desk.clock
    assert isinstance(clock, LoopClock)
    clock.skipped += timedelta(hours=99)
    await pass_time(40)


@virtual
@pytest.mark.req("REQ-POS-005")
@pytest.mark.parametrize("difference", [SPLIT, UNKNOWN_PART], ids=["split", "quantity"])
@pytest.mark.parametrize(
    ("what_happens", "alert"),
    [(_half_price, "stop_not_filled"), (_without_its_stop, "naked"), (_too_old, "position_age")],
)
async def test_nothing_is_closed_before_the_difference_is_settled_and_people_are_told(
    tmp_path: Path, difference: Finding, what_happens: Callable[[Kept], Awaitable[None]], alert: str
) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.desk.differences = (difference,)
        await what_happens(it)

        assert it.here.state_of(Role.FLATTEN) == []
        assert "settled (O)" in it.here.alerts(alert)[0]


@virtual
async def test_after_a_split_no_stop_is_sent_at_the_old_price_until_it_is_settled(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.desk.differences = (SPLIT,)
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        await pass_time(20)
        assert it.here.broker.open(Role.STOP) == []
        assert (await it.upkeep.verify_stops()).failed != ()

        it.here.desk.differences = ()
        await pass_time(3)
        assert it.here.stops_at_broker() == 100
        assert it.here.alerts("naked") == []
