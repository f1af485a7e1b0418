"""The pivot trader's whole way, tick by tick through gate, orders and ledger: one scenario per way out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from engine.domain.market import Bar
from engine.domain.order import OrderType, Role
from engine.domain.setup import Setup
from engine.runtime.guards.day_end import DayEnd
from engine.runtime.running import Running
from engine.runtime.trading import Trading
from engine.strategy import STRATEGIES
from tests.builders import TEN, quote
from tests.execution.rig import Rig, funded, rig
from tests.virtual_time import pass_time, virtual

KEY = "SPY"
LEVELS = Setup(
    key=KEY, day=TEN.date(), resistance=100.0, support=95.0, long_targets=(101.0, 102.0), source="test"
)
STOP = 99.75
"""Resistance less the 0.25 % of `stop_pct`."""


@dataclass
class Scene:
    """A market of one stock that fills at the touch, one tick after the other."""

    here: Rig
    loop: Trading
    day_end: DayEnd

    async def tick(self, *prices: float) -> None:
        """The price is there; what it makes the engine send is filled, what it triggers too."""
        for price in prices:
            tick = quote(KEY, bid=price - 0.01, ask=price + 0.01, at=self.here.desk.now())
            self.here.desk.quotes.on_quote(tick)
            self.loop.on_quote(tick)
            await pass_time(0.5)
            self._trade(price)
            await pass_time(0.5)

    async def clock(self) -> None:
        """The regular round's questions, and the fills of what they make."""
        await self.loop.clock_round()
        await self.day_end.round()
        await pass_time(0.5)
        self._trade(self.here.desk.quotes.mark(KEY))
        await pass_time(0.5)

    def bars(self, count: int, *, volume: int = 100, reach: float = 0.05) -> None:
        """Complete bars up to now, at 99.9."""
        end = self.here.desk.now()
        for back in range(count - 1, -1, -1):
            at = end - timedelta(seconds=5 * back)
            self.loop.on_bar(Bar(KEY, at, 99.9, 99.9 + reach, 99.9 - reach, 99.9, volume))

    async def enter(self) -> None:
        """A break with volume and thrust."""
        self.bars(20)
        await self.tick(99.9)
        await pass_time(5)
        self.bars(1, volume=400, reach=0.2)
        await self.tick(100.05)

    def _trade(self, price: float) -> None:
        for held in self.here.broker.open():
            sign, stop = held.intent.side.sign, held.intent.stop_price
            if held.intent.order_type is not OrderType.STOP:
                self.here.broker.fill(held.intent.ref, held.remaining, f"{price + 0.01 * sign:.2f}")
            elif stop is not None and sign * (price - float(stop)) >= 0:
                self.here.broker.fill(held.intent.ref, held.remaining, f"{stop}")

    def fills(self) -> list[tuple[str, float, float]]:
        """Side, price and share of the entry of every execution."""
        made = [execution.fill for execution in self.here.broker.executions]
        return [(f.side.value, float(f.price), round(f.quantity / made[0].quantity, 2)) for f in made]

    def reasons(self) -> list[str]:
        """Why round trips ended."""
        return [trade.reason for trade in self.here.books.ledger.positions.trades()]


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    async with rig(folder) as here:
        funded(here.desk, 1_000_000.0)
        here.broker.unfilled = set(Role)
        here.desk.setups[KEY] = LEVELS
        kind = STRATEGIES.get("pivot_break")
        running = Running(
            strategy=kind.create("ps60", params={}, keys=()),
            make=lambda keys: kind.create("ps60", params={}, keys=tuple(keys)),
            kind="pivot_break",
            timeframe="5s",
            bar_seconds=5,
            allow_short=False,
            holds_overnight=False,
            symbols=(KEY,),
        )
        loop = Trading(here.desk, executor=here.executor, running=(running,), spawn=here.spawn)
        loop.assign(running, (KEY,))
        loop.warm_up(running, KEY, ())
        yield Scene(here, loop, DayEnd(here.desk, executor=here.executor, spawn=here.spawn))


@virtual
@pytest.mark.req("PS60-STRAT-PIVOT")
async def test_stop_the_price_that_comes_back_through_the_pivot_ends_at_the_stop(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await it.enter()
        await it.tick(100.2, 99.8, 99.75)

        assert it.fills() == [("BUY", 100.06, 1.0), ("SELL", STOP, 1.0)]
        assert it.reasons() == ["stop"]


@virtual
@pytest.mark.req("PS60-STRAT-PIVOT")
async def test_target_half_at_the_first_and_the_rest_at_the_second(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await it.enter()
        await it.tick(100.99, 101.0, 101.5, 102.0)

        assert it.fills() == [("BUY", 100.06, 1.0), ("SELL", 100.99, 0.5), ("SELL", 101.99, 0.5)]
        assert it.reasons()[-1] == "target"


@virtual
@pytest.mark.req("PS60-STRAT-PIVOT")
async def test_after_the_partial_the_stop_stands_where_it_entered(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await it.enter()
        await it.tick(101.0, 100.5, 100.06)

        assert it.fills() == [("BUY", 100.06, 1.0), ("SELL", 100.99, 0.5), ("SELL", 100.06, 0.5)]
        assert it.reasons()[-1] == "stop"


@virtual
@pytest.mark.req("PS60-STRAT-PIVOT", "PS60-5MIN")
async def test_5min_rule_without_progress_it_is_out_at_five_minutes_and_not_before(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await it.enter()
        opened = it.here.books.positions()[0].opened_at
        await it.tick(100.07)
        await pass_time((opened + timedelta(minutes=4, seconds=59) - it.here.desk.now()).total_seconds())
        await it.clock()
        assert len(it.fills()) == 1

        await pass_time(1.0)
        await it.clock()
        assert it.fills()[1:] == [("SELL", 100.06, 1.0)]
        assert it.reasons() == ["5min_rule"]


@virtual
@pytest.mark.req("PS60-STRAT-PIVOT", "PS60-ENTRYWIN")
async def test_eod_what_is_held_is_closed_and_a_break_outside_the_window_is_not_entered(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as it:
        await it.enter()
        await it.tick(101.0)
        await pass_time((TEN + timedelta(hours=5, minutes=54) - it.here.desk.now()).total_seconds())
        await it.tick(101.2)
        await it.clock()
        assert it.fills()[2:] == [("SELL", 101.19, 0.5)]
        assert it.reasons()[-1] == "eod"

    async with scene(tmp_path / "late") as it:
        await pass_time(timedelta(hours=5).total_seconds())
        await it.enter()
        assert it.fills() == []
        assert it.loop.why_not()[0].code == "entry_window"
