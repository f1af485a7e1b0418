"""The end of the day: what is closed, when, what stays, and what is said where it does not work."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from engine.config import StrategySection
from engine.domain.instrument import SessionHours
from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.runtime.guards.day_end import RETRY_S, DayEnd
from tests.builders import TEN, proposal, quote, stock
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual

HALF_DAY = SessionHours(TEN - timedelta(minutes=30), TEN + timedelta(hours=3))
"""09:30 to 13:00 in New York."""


def _day_end(here: Rig) -> DayEnd:
    return DayEnd(here.desk, executor=here.executor, spawn=here.spawn)


async def _at(here: Rig, **after_ten: float) -> None:
    """Let the exchange's clock get there."""
    await pass_time((TEN + timedelta(**after_ten) - here.desk.now()).total_seconds())


@virtual
@pytest.mark.req("PS60-ACC-5", "FUT-EDGE-3", "PLAN-STRETCH-FLAT")
async def test_from_one_minute_before_its_time_a_day_position_is_closed(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.unfilled = set()
        day_end = _day_end(here)

        await _at(here, hours=5, minutes=53, seconds=59)
        await day_end.round()
        await pass_time(0.5)
        assert here.broker.positions["SPY"] == 100

        await _at(here, hours=5, minutes=54)
        await day_end.round()
        await pass_time(1)
        assert here.broker.positions.get("SPY", 0) == 0
        assert here.desk.books.open_orders() == ()
        assert here.desk.books.ledger.positions.trades()[0].reason == "eod"


@virtual
@pytest.mark.req("PS60-ACC-5")
async def test_an_early_close_counts(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.desk.instruments["SPY"] = stock(liquid_hours=(HALF_DAY,), trading_hours=(HALF_DAY,))
        await here.enter()
        here.broker.unfilled = set()
        day_end = _day_end(here)

        await _at(here, hours=2, minutes=53)
        await day_end.round()
        await pass_time(1)
        assert here.broker.positions["SPY"] == 100
        await _at(here, hours=2, minutes=54)
        await day_end.round()
        await pass_time(1)
        assert here.broker.positions.get("SPY", 0) == 0


@virtual
@pytest.mark.req("PLAN-STRETCH-FLAT")
async def test_an_overnight_strategy_keeps_its_position_and_its_stop(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        keeps = StrategySection(kind="ma_crossover", symbols=("SPY",), holds_overnight=True)
        here.desk.config = here.desk.config.model_copy(update={"strategies": {"ma": keeps}})
        await here.enter()  # owned by "ma"

        await _at(here, hours=5, minutes=58)
        await _day_end(here).round()
        await pass_time(1)

        assert here.broker.positions["SPY"] == here.stops_at_broker() == 100


@virtual
@pytest.mark.req("PS60-ACC-5")
async def test_what_does_not_close_is_tried_again_and_said_aloud(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        await here.enter()
        here.broker.unfilled = {Role.FLATTEN}
        day_end = _day_end(here)
        await _at(here, hours=5, minutes=54)
        await day_end.round()
        await pass_time(RETRY_S)
        assert here.broker.positions["SPY"] == 100

        await _at(here, hours=5, minutes=55)
        await day_end.round()
        assert "SPY" in here.alerts("not_flat_at_close")[0]
        await pass_time(RETRY_S)
        here.broker.unfilled = set()
        await day_end.round()
        await pass_time(RETRY_S)
        await day_end.round()
        assert here.broker.positions.get("SPY", 0) == 0
        assert here.alerts("not_flat_at_close") == []


@virtual
@pytest.mark.req("FUT-F7")
async def test_near_the_close_the_gate_takes_no_entry(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.desk.instruments["SPY"] = stock(liquid_hours=(HALF_DAY,), trading_hours=(HALF_DAY,))

        def refusal() -> Reason | None:
            here.desk.quotes.on_quote(quote("SPY", at=here.desk.now()))
            judged = check_entry(
                proposal(), here.desk.gate_world(proposal(), allow_short=False), here.desk.limits()
            )
            return judged.reason if isinstance(judged, Refusal) else None

        await _at(here, hours=2, minutes=44, seconds=59)
        assert refusal() is not Reason.NEAR_CLOSE
        await _at(here, hours=2, minutes=45)
        assert refusal() is Reason.NEAR_CLOSE
