"""A contract that ends while it is held: closed before, entered no more, and said aloud where that fails."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from engine.config import StrategySection
from engine.domain.instrument import Instrument, PriceStep, SessionHours
from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.runtime.guards.expiry import RETRY_S, Expiry
from tests.builders import TEN, future, proposal, quote
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual

pytestmark = pytest.mark.req("FUT-F7", "FUT-EDGE-3")
KEY = "ESX6"
HOURS = tuple(
    SessionHours(TEN + timedelta(days=day, hours=-9), TEN + timedelta(days=day, hours=7))
    for day in range(-1, 9)
)
TODAY = TEN.date()


def ending(days: int) -> Instrument:
    """A contract with so many days left."""
    last = TODAY + timedelta(days=days)
    cents = {"min_tick": 0.01, "price_steps": (PriceStep(0.0, 0.01),)}
    return future(KEY, last_trade_date=last, liquid_hours=HOURS, trading_hours=HOURS, **cents)


async def held(here: Rig, *, days: int) -> Expiry:
    """A position that its strategy keeps overnight."""
    here.desk.instruments[KEY] = ending(days)
    keeps = StrategySection(kind="ma_crossover", symbols=("ES@CME",), holds_overnight=True)
    here.desk.config = here.desk.config.model_copy(update={"strategies": {"ma": keeps}})
    await here.enter(1, key=KEY)
    here.broker.unfilled = set()
    return Expiry(here.desk, executor=here.executor, spawn=here.spawn)


async def looked_at(here: Rig, guard: Expiry, **after_ten: float) -> int:
    """What is held after the guard's look then."""
    await pass_time((TEN + timedelta(**after_ten) - here.desk.now()).total_seconds())
    await guard.round()
    await pass_time(1)
    return int(here.broker.positions.get(KEY, 0))


@virtual
async def test_what_is_held_overnight_is_closed_at_the_end_of_the_first_of_its_last_days(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        guard = await held(here, days=4)
        assert await looked_at(here, guard, hours=6, minutes=58) == 1  # four days are enough
        assert await looked_at(here, guard, days=1, hours=3) == 1
        assert await looked_at(here, guard, days=1, hours=6, minutes=55) == 0

        assert here.desk.books.open_orders() == ()
        assert here.desk.books.ledger.positions.trades()[0].reason == Reason.EXPIRY
        assert f"its contract ends on {TODAY + timedelta(days=4)}" in here.alerts("forced_close")[0]


@virtual
async def test_on_its_last_day_it_is_closed_at_once(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        guard = await held(here, days=0)
        assert await looked_at(here, guard, minutes=5) == 0


@virtual
async def test_what_does_not_close_is_tried_again_and_said_aloud(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        guard = await held(here, days=0)
        here.broker.unfilled = {Role.FLATTEN}
        assert await looked_at(here, guard, minutes=5) == 1
        await pass_time(RETRY_S)
        assert "its contract ends, and it is not closed" in here.alerts("ends_soon")[0]

        here.broker.unfilled = set()
        assert await looked_at(here, guard, minutes=10) == 0
        await guard.round()
        assert here.alerts("ends_soon") == []


@virtual
@pytest.mark.parametrize(("days", "reason"), [(4, None), (3, Reason.EXPIRY), (0, Reason.EXPIRY)])
async def test_within_days_of_its_end_the_gate_takes_no_entry(
    tmp_path: Path, days: int, reason: Reason | None
) -> None:
    async with rig(tmp_path) as here:
        here.desk.instruments[KEY] = ending(days)
        here.desk.quotes.on_quote(quote(KEY, at=here.desk.now()))
        wish = proposal(KEY)
        judged = check_entry(wish, here.desk.gate_world(wish, allow_short=False), here.desk.limits())
        refused = judged.reason if isinstance(judged, Refusal) else None

        assert (refused is Reason.EXPIRY) is (reason is Reason.EXPIRY)
        if isinstance(judged, Refusal) and reason is not None:
            assert (
                judged.text
                == f"ESX6: it ends on {TODAY + timedelta(days=days)}, the next contract is traded now"
            )


@virtual
async def test_first_notice_of_delivery_is_the_end_too(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        gold = {"exchange": "COMEX", "last_trade_date": date(2026, 12, 29), "liquid_hours": HOURS}
        here.desk.instruments["GCZ6"] = future("GCZ6", trading_hours=HOURS, **gold)
        wish = proposal("GCZ6")
        here.desk.clock.skipped = timedelta(days=7)  # type: ignore[attr-defined] - the rig's clock
        here.desk.quotes.on_quote(quote("GCZ6", at=here.desk.now()))
        judged = check_entry(wish, here.desk.gate_world(wish, allow_short=False), here.desk.limits())
        assert isinstance(judged, Refusal)
        assert judged.reason is Reason.EXPIRY
