"""Calendars of what is traded: when they are made, and what they change with a real gateway."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from engine.domain.instrument import SessionHours
from engine.domain.reasons import Reason
from engine.market.sessions import Calendar, SessionDay
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.risk.selection import ProductStatus
from engine.runtime.guards.day_end import DayEnd
from engine.runtime.sessions.maker import MakerError
from engine.runtime.sessions.tables import IDLE_S, RETRY_S, SHORT_DAYS, SessionTables
from engine.store.sessions import put_calendars
from tests.builders import OPEN_DAY, TEN, future, proposal, quote, stock
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual

HALF_DAY = SessionHours(OPEN_DAY.open, TEN + timedelta(hours=3))


class Maker:
    """Makes the calendars it is told to, and remembers what it was asked."""

    def __init__(self, *today: SessionHours) -> None:
        self.today = today
        self.asked: list[tuple[tuple[str, ...], date, date]] = []
        self.fails = ""

    def __call__(self, names: Sequence[str], first: date, last: date) -> dict[str, Calendar]:
        self.asked.append((tuple(names), first, last))
        if self.fails:
            raise MakerError(self.fails)
        return {name: self.calendar(name) for name in names}

    def calendar(self, name: str = "NYSE") -> Calendar:
        """Yesterday, today, and a day far ahead."""
        ends = (_moved(OPEN_DAY, -1), *self.today, _moved(OPEN_DAY, 300))
        return Calendar(name, (SessionDay(one.close.date(), (one,)) for one in ends))


def _moved(hours: SessionHours, days: int) -> SessionHours:
    return SessionHours(hours.open + timedelta(days=days), hours.close + timedelta(days=days))


def _tables(here: Rig, make: Maker, *, gateway: str = "tws") -> SessionTables:
    here.desk.gateway = gateway
    return SessionTables(here.desk, store=here.store, make=make, spawn=here.spawn)


async def _made(here: Rig, tables: SessionTables) -> None:
    """Past the first minute, and whatever is under way has ended."""
    await tables.round()
    await pass_time(IDLE_S)
    await tables.round()
    for task in here.spawned:
        await task
    await tables.round()


def _refusal(here: Rig) -> Reason | None:
    here.desk.quotes.on_quote(quote("SPY", at=here.desk.now()))
    funded(here.desk, 100_000.0)
    world = here.desk.gate_world(proposal(), allow_short=False)
    judged = check_entry(proposal(), world, here.desk.limits())
    return judged.reason if isinstance(judged, Refusal) else None


@virtual
@pytest.mark.req("FUT-F7")
async def test_a_table_is_made_a_minute_after_ready_and_the_next_start_reads_it(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.desk.instruments["ESZ6"] = future("ESZ6")
        make = Maker(OPEN_DAY)
        tables = _tables(here, make)
        await tables.round()
        await pass_time(IDLE_S - 1)
        await tables.round()
        assert make.asked == []

        await _made(here, tables)
        (asked,) = make.asked
        assert asked == (("CME Globex Equity", "NYSE"), date(2026, 11, 10), date(2027, 12, 25))

        again = _tables(here, Maker())
        await _made(here, again)
        assert set(here.desk.close_times.calendars) == {"SPY", "ESZ6"}
        assert again._make.asked == []  # type: ignore[attr-defined] - the maker of this test


@virtual
async def test_one_that_runs_short_is_made_anew_and_one_that_failed_is_tried_again(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        short = Calendar(
            "NYSE", [SessionDay(o.close.date(), (o,)) for o in (OPEN_DAY, _moved(OPEN_DAY, SHORT_DAYS - 1))]
        )
        await here.store.run(lambda conn: put_calendars(conn, (short,)))
        make = Maker(OPEN_DAY)
        make.fails = "no library"
        tables = _tables(here, make)
        await _made(here, tables)
        assert len(make.asked) == 1
        assert any("no library" in event.text for event in here.desk.notices.events)

        make.fails = ""
        await pass_time(RETRY_S)
        await _made(here, tables)
        assert len(make.asked) == 2
        assert here.desk.close_times.calendars["SPY"].covers(TEN + timedelta(days=200))


@virtual
@pytest.mark.req("FUT-F7", "FUT-EDGE-3")
async def test_an_early_close_that_only_the_calendar_knows_ends_entries_and_the_day(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        tables = _tables(here, Maker(HALF_DAY))
        await _made(here, tables)
        assert "NYSE says 2026-11-20 14:30 to 20. 18:00" in here.alerts("session_hours")[0]
        assert _refusal(here) is None
        await here.enter()

        here.without_cooldowns()
        await pass_time(timedelta(hours=2, minutes=45).total_seconds() - IDLE_S)
        await tables.round()
        assert _refusal(here) is Reason.NEAR_CLOSE

        await pass_time(timedelta(minutes=9).total_seconds())
        here.broker.unfilled = set()
        await DayEnd(here.desk, executor=here.executor, spawn=here.spawn).round()
        await pass_time(1)
        assert here.broker.positions.get("SPY", 0) == 0

        await pass_time(timedelta(minutes=10).total_seconds())
        await tables.round()
        assert here.desk.inputs.status == {"SPY": ProductStatus.CLOSED}
        assert _refusal(here) is Reason.NEAR_CLOSE


@virtual
async def test_a_holiday_that_only_the_calendar_knows_takes_no_entry(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        make = Maker()
        tables = _tables(here, make)
        await _made(here, tables)
        assert _refusal(here) is Reason.PRODUCT_HALTED
        assert "NYSE says closed" in here.alerts("session_hours")[0]

        make.today = (OPEN_DAY,)
        await here.store.run(lambda conn: put_calendars(conn, (make.calendar(),)))
        await _made(here, _tables(here, make))
        assert _refusal(here) is None


@virtual
async def test_hours_that_agree_again_clear_the_alert(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        tables = _tables(here, Maker(HALF_DAY))
        await _made(here, tables)
        assert here.alerts("session_hours")
        here.desk.instruments["SPY"] = stock(liquid_hours=(HALF_DAY,), trading_hours=(HALF_DAY,))
        await tables.round()
        assert here.alerts("session_hours") == []


@virtual
async def test_the_embedded_exchange_keeps_its_own_hours(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        make = Maker()
        tables = _tables(here, make, gateway="embedded")
        await _made(here, tables)
        assert len(make.asked) == 1  # for `cockpit plan`
        assert here.desk.close_times.calendars == {}
        assert here.alerts("session_hours") == []
        assert _refusal(here) is None


@virtual
async def test_an_exchange_without_a_calendar_goes_by_the_broker_alone(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.desk.instruments = {"FDAXZ6": future("FDAXZ6", exchange="EUREX")}
        make = Maker(OPEN_DAY)
        await _made(here, _tables(here, make))
        assert make.asked == []
