"""Stops stay what they should be; what cannot be protected, fires not or grows too old is closed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.api import Level, Mode
from engine.broker.port import LinkState
from engine.config import StrategySection
from engine.domain.instrument import SessionHours
from engine.domain.order import OrderState, Role
from engine.domain.reasons import Reason
from engine.ledger.events import FateUnknown, StopMoved
from tests.builders import TEN, quote, stock
from tests.execution.rig import LoopClock
from tests.runtime.kept import Kept, kept
from tests.virtual_time import pass_time, virtual

# --- stops --------------------------------------------------------------------------------------


@virtual
async def test_a_stop_that_vanishes_is_replaced_within_two_seconds(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        await pass_time(2)

        assert it.here.stops_at_broker() == 100
        assert it.here.alerts("naked") == []


@virtual
async def test_when_an_entry_ends_partly_filled_its_stop_shrinks_within_two_seconds(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        entry = await it.here.enter(filled=40)
        it.here.broker.end(entry.ref)
        await pass_time(2)

        assert it.here.stops_at_broker() == 40


@virtual
async def test_a_refused_stop_is_tried_with_growing_pauses_and_alarms(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        it.here.broker.refuse = {Role.STOP, Role.FLATTEN}
        await it.here.enter()
        await pass_time(6)

        assert it.here.alerts("naked") != []
        assert it.here.desk.may_enter("ma", "SPY") is Reason.UNACKNOWLEDGED_ALERT
        await pass_time(300)
        assert len(it.here.state_of(Role.STOP)) < 20

        it.here.broker.refuse = set()
        await pass_time(31)
        assert it.here.broker.positions["SPY"] == it.here.stops_at_broker()
        assert it.here.alerts("naked") == []


@virtual
@pytest.mark.req("REQ-POS-005")
async def test_a_position_that_gets_no_stop_within_ten_seconds_is_closed(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        it.here.broker.refuse = {Role.STOP}
        await it.here.enter()
        await pass_time(9)
        assert it.here.state_of(Role.FLATTEN) == []
        await pass_time(3)

        assert it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]
        assert it.here.last(Role.FLATTEN).intent.reason == "unprotected"
        assert (it.here.broker.positions["SPY"], it.here.broker.open()) == (0, [])
        told = [e.text for e in it.here.desk.notices.events if e.level is Level.CRITICAL]
        assert any("no working stop for 10 s" in text for text in told)
        assert len(it.here.alerts("forced_close")) == 1, "and stands until a person has seen it"


@virtual
async def test_time_without_a_line_is_no_time_in_which_a_stop_could_be_placed(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        it.here.broker.refuse = {Role.STOP}
        await pass_time(6)
        it.here.broker.lose()
        await pass_time(60)
        it.here.broker.link = it.here.desk.link = LinkState.UP
        await pass_time(6)
        assert it.here.state_of(Role.FLATTEN) == []

        await pass_time(8)
        assert it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]


@virtual
async def test_a_position_whose_stop_is_of_unknown_fate_is_told_and_not_closed_blindly(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        stop = it.here.last(Role.STOP).intent.ref
        await it.here.books.post(FateUnknown(stop, "nobody knows", it.here.desk.now()))
        await pass_time(60)

        assert it.here.state_of(Role.FLATTEN) == []
        assert stop in it.here.alerts("unknown_order")[0]


@virtual
async def test_a_look_at_all_stops_says_what_stands_and_what_was_put_right(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        assert await it.upkeep.verify_stops() == (("SPY: stop 100 at 99.0",), ())
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        await pass_time(0.015)

        assert await it.upkeep.verify_stops() == (("SPY: stop 100 at 99.0, put right now",), ())
        await pass_time(0.02)
        assert it.here.stops_at_broker() == 100


@virtual
async def test_a_stop_cancelled_from_outside_comes_back_where_it_was_meant_last(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        await it.here.books.post(StopMoved("SPY", 99.5, "operator", it.here.desk.now()))
        await pass_time(2)
        first = it.here.last(Role.STOP).intent.ref
        assert it.here.broker.held(first).intent.stop_price == 99.5
        it.here.broker.end(first)
        await pass_time(2)

        (again,) = it.here.broker.open(Role.STOP)
        assert again.intent.ref != first
        assert (again.intent.stop_price, again.remaining) == (99.5, 100)


# --- the second net -----------------------------------------------------------------------------


def _price(it: Kept, price: float) -> None:
    at = it.here.desk.now()
    it.here.desk.quotes.on_quote(quote("SPY", price - 0.01, price + 0.01, at))


async def _price_for(it: Kept, price: float, seconds: int) -> None:
    for _ in range(seconds):
        _price(it, price)
        await pass_time(1)


@virtual
@pytest.mark.req("REQ-POS-005")
async def test_a_stop_that_does_not_fire_is_cancelled_and_the_position_closed_once(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        await _price_for(it, 99.5, 10)
        assert it.here.state_of(Role.FLATTEN) == []
        await _price_for(it, 98.5, 8)

        assert it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]
        assert it.here.last(Role.FLATTEN).intent.reason == "stop"
        assert it.here.state_of(Role.STOP) == [OrderState.CANCELLED]
        assert it.here.broker.positions["SPY"] == 0
        assert len(it.here.alerts("forced_close")) == 1
        assert it.here.alerts("stop_not_filled") == []


@virtual
@pytest.mark.req("REQ-POS-005")
async def test_whoever_fires_first_the_position_ends_at_zero(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.deaf_to_cancels_of = {Role.STOP}
        await _price_for(it, 98.5, 5)
        it.here.broker.fill(it.here.last(Role.STOP).intent.ref, 100, "98.5")
        await _price_for(it, 98.5, 20)

        assert it.here.broker.positions["SPY"] == 0
        assert it.here.state_of(Role.FLATTEN) == []


@virtual
async def test_a_short_dip_or_an_old_price_closes_nothing(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        for _ in range(5):
            await _price_for(it, 98.5, 2)
            await _price_for(it, 99.5, 1)
        _price(it, 98.5)
        await pass_time(1)
        it.here.desk.quotes.on_data_type("SPY", 3)
        await _price_for(it, 98.5, 10)

        assert it.here.state_of(Role.FLATTEN) == []


@virtual
async def test_a_refused_exit_gets_its_stop_back_by_itself(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.refuse = {Role.EXIT}
        await it.here.close()
        await pass_time(2)

        assert it.here.stops_at_broker() == 100


@virtual
async def test_a_dry_run_with_a_naked_position_sends_nothing(tmp_path: Path) -> None:
    async with kept(tmp_path, mode=Mode.DRY_RUN) as it:
        await it.here.enter()
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        sent = list(it.here.broker.sent)
        await pass_time(60)

        assert it.here.broker.sent == sent


@virtual
async def test_stops_are_settled_before_the_engine_leaves(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()
        it.here.broker.end(it.here.last(Role.STOP).intent.ref)
        await pass_time(0.015)

        assert await it.upkeep.settle_stops() == ()
        await pass_time(0.02)
        assert it.here.stops_at_broker() == 100


# --- age ----------------------------------------------------------------------------------------


async def _let_hours_pass(it: Kept, hours: float) -> None:
    assert isinstance(it.here.desk.clock, LoopClock)
    it.here.desk.clock.skipped += timedelta(hours=hours)
    await pass_time(2)


def _all_day(it: Kept, hours: float = 9) -> None:
    """A session long enough to grow old in."""
    session = SessionHours(TEN - timedelta(minutes=30), TEN + timedelta(hours=hours))
    it.here.desk.instruments["SPY"] = stock(liquid_hours=(session,), trading_hours=(session,))


def _told(it: Kept, level: Level) -> int:
    return sum(1 for e in it.here.desk.notices.events if e.level is level and "open for" in e.text)


@virtual
@pytest.mark.req("REQ-POS-004")
async def test_an_old_position_is_warned_of_then_alerted_then_closed_each_once(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        _all_day(it)
        await it.here.enter()
        await _let_hours_pass(it, 1.99)
        assert _told(it, Level.WARNING) == 0
        await _let_hours_pass(it, 0.02)
        await pass_time(60)
        assert (_told(it, Level.WARNING), it.here.alerts("position_age")) == (1, [])
        await _let_hours_pass(it, 2)
        await pass_time(60)
        assert (_told(it, Level.ERROR), len(it.here.alerts("position_age"))) == (1, 1)
        assert it.here.state_of(Role.FLATTEN) == []
        await _let_hours_pass(it, 2)

        assert it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]
        assert (it.here.broker.positions["SPY"], it.here.broker.open()) == (0, [])
        assert [t.reason for t in it.here.books.ledger.positions.trades()] == ["max_age"]
        assert len(it.here.alerts("forced_close")) == 1
        await pass_time(2)
        assert it.here.alerts("position_age") == []


@virtual
@pytest.mark.req("REQ-POS-004")
async def test_a_partial_starts_the_clock_anew(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        _all_day(it, 12)
        await it.here.enter()
        await _let_hours_pass(it, 3.98)
        await it.here.reduce()
        await _let_hours_pass(it, 1.9)
        assert (_told(it, Level.WARNING), _told(it, Level.ERROR)) == (1, 0)
        await _let_hours_pass(it, 0.2)
        assert _told(it, Level.WARNING) == 2
        await _let_hours_pass(it, 3.8)
        assert it.here.state_of(Role.FLATTEN) == []
        await _let_hours_pass(it, 0.2)
        assert it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]


@virtual
@pytest.mark.req("REQ-POS-004")
async def test_only_open_session_counts_and_a_shut_market_closes_nothing(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter()  # its session ends six hours after ten
        await _let_hours_pass(it, 7)

        assert _told(it, Level.ERROR) == 1
        assert it.here.state_of(Role.FLATTEN) == []


@virtual
@pytest.mark.req("REQ-POS-004")
@pytest.mark.parametrize(
    ("of_strategy", "closed"),
    [({"max_age_h": 0.0}, False), ({"holds_overnight": True}, False), ({"max_age_h": 3.0}, True)],
    ids=["never", "overnight", "three hours"],
)
async def test_a_strategy_may_have_a_limit_of_its_own(
    tmp_path: Path, of_strategy: dict[str, Any], closed: bool
) -> None:
    async with kept(tmp_path) as it:
        _all_day(it)
        section = StrategySection(kind="momentum", symbols=("SPY",), **of_strategy)
        it.here.desk.config = it.here.desk.config.model_copy(update={"strategies": {"ma": section}})
        await it.here.enter()
        await _let_hours_pass(it, 3.1 if closed else 8)

        assert (it.here.state_of(Role.FLATTEN) == [OrderState.FILLED]) is closed
