"""What was held overnight counts in the day from its begin, also for the limits and after a restart."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.ledger.pnl import unrealized_usd
from engine.recovery.checkpoint import checkpoint_of, document
from engine.runtime.carried import Carried
from engine.runtime.daypnl import DayPnl, trading_day
from engine.runtime.guards.risk_watch import RiskWatch
from engine.runtime.keeping.checkpoint import Checkpoints, LastState
from engine.store.checkpoint import StoredCheckpoint
from tests.builders import TEN, quote
from tests.execution.rig import LoopClock, Rig, funded
from tests.runtime.kept import kept
from tests.virtual_time import pass_time, virtual

HALF_A_DAY_S = 14 * 3600.0
"""From ten to midnight in New York."""


def _mark(here: Rig, price: float) -> None:
    here.desk.quotes.on_quote(quote("SPY", price, price, at=here.desk.now()))


def _watch(here: Rig, pnl: DayPnl) -> RiskWatch:
    return RiskWatch(
        here.desk, pnl=lambda: pnl.view(here.desk), peaks=(), today=(), pull=lambda _command: None
    )


def _skip_to_midnight(here: Rig) -> None:
    clock = here.desk.clock
    assert isinstance(clock, LoopClock)
    clock.skipped = timedelta(seconds=HALF_A_DAY_S)


@pytest.mark.req("REQ-DD1")
@virtual
async def test_a_new_day_counts_from_the_price_it_began_at(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        here, pnl = it.here, DayPnl()
        funded(here.desk, 100_000.0)
        await here.enter(100)
        entry = float(here.books.positions()[0].avg_price)
        _mark(here, entry + 5)
        assert pnl.view(here.desk).day_usd == pytest.approx(500, abs=2)
        _skip_to_midnight(here)
        await pass_time(2)

        began = pnl.view(here.desk)
        _mark(here, entry + 3)
        later = pnl.view(here.desk)
        watch = _watch(here, pnl)
        await watch.round()

        assert (began.day_usd, began.carried_usd) == (pytest.approx(0), pytest.approx(500))
        assert later.day_usd == pytest.approx(-200)
        assert later.unrealized_usd == pytest.approx(300), "since it was opened"
        assert here.desk.symbol_losses["SPY"] == pytest.approx(-0.2, abs=0.01)
        assert here.desk.losses.day_pct == pytest.approx(-0.2, abs=0.01)


@virtual
async def test_where_no_price_was_there_the_day_counts_from_its_first_one(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        here, pnl = it.here, DayPnl()
        await here.enter(100)
        _skip_to_midnight(here)
        await pass_time(2)

        assert pnl.view(here.desk).day_usd is None, "unknown is not nothing"
        _mark(here, 90.0)
        first = pnl.view(here.desk)
        _mark(here, 91.0)

        assert first.day_usd == pytest.approx(0)
        assert pnl.view(here.desk).day_usd == pytest.approx(100)


@virtual
async def test_a_restart_on_the_same_day_goes_on_from_where_the_day_began(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        here = it.here
        await here.enter(100)
        here.desk.carried.usd, here.desk.carried.waiting = {"SPY": 250.0}, {"QQQ"}
        now = here.desk.now()
        written = document(
            Checkpoints(here.desk, store=here.store, running=(), last=LastState())._checkpoint()
        )
        stored = StoredCheckpoint(now, trading_day(now), written, {})

        here.desk.carried = Carried()
        Checkpoints(here.desk, store=here.store, running=(), last=LastState(stored))

        assert here.desk.carried == Carried({"SPY": 250.0}, {"QQQ"})


def test_a_checkpoint_of_an_earlier_version_has_nothing_carried() -> None:
    data = {
        "session_started_at": TEN.isoformat(),
        "watchlist": [],
        "last_bars": [],
        "filter_blocks": {},
        "entry_paths": {},
        "why_not": [],
    }
    assert checkpoint_of(TEN, TEN.date(), data).carried_usd == {}


@virtual
async def test_what_was_closed_before_any_price_came_carries_nothing(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        await it.here.enter(100)
        (held,) = it.here.books.positions()
        carried = Carried()
        carried.begin((held, replace(held, key="QQQ")))

        carried.settle((held,), {"SPY": math.nan})
        assert carried == Carried({"QQQ": 0.0}, {"SPY"})
        carried.settle((held,), {"SPY": 101.0})

        assert carried.usd["SPY"] == unrealized_usd((held,), {"SPY": 101.0})
