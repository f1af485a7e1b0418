"""What a cycle does with every position: look it up, five-minute rule, partial, stop; each in its guard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.domain.order import Role
from engine.domain.plan import Plan
from engine.runtime.breakers import faults
from engine.runtime.day import DayBook
from engine.runtime.daypnl import DayPnl
from engine.runtime.guards.stops import StopKeeper
from engine.runtime.running import Running
from engine.runtime.trading import Trading
from engine.runtime.upkeep import Upkeep
from engine.strategy import STRATEGIES, pivot_break
from engine.strategy.base import Strategy, StrategyView
from tests.builders import quote
from tests.execution.rig import Rig, rig
from tests.logged import logged_by
from tests.virtual_time import pass_time, virtual

KEYS = ("AAA", "BBB", "CCC")
OWNER = "ma"
"""Who owns what the rig enters."""


def _trader(here: Rig) -> Trading:
    kind = STRATEGIES.get("pivot_break")

    def make(keys: object) -> Strategy:
        return kind.create(OWNER, params={}, keys=KEYS)

    running = Running(
        strategy=make(KEYS),
        make=make,
        kind="pivot_break",
        timeframe="5s",
        bar_seconds=5,
        allow_short=True,
        holds_overnight=False,
        symbols=KEYS,
    )
    loop = Trading(here.desk, executor=here.executor, running=(running,), spawn=here.spawn)
    loop.assign(running, KEYS)
    for key in KEYS:
        loop.warm_up(running, key, ())
    return loop


def _traced(monkeypatch: pytest.MonkeyPatch, loop: Trading) -> list[tuple[str, str]]:
    """Every check of every position as it is made; the five-minute rule of BBB has a bug."""
    trace: list[tuple[str, str]] = []
    view, look = loop._view, StopKeeper._look_at
    rules: dict[str, Callable[..., Any]] = {
        n: getattr(pivot_break, n) for n in ("five_minute_rule", "at_target")
    }

    def viewed(running: Running, key: str) -> StrategyView:
        trace.append((key, "position"))
        return view(running, key)

    def looked(keeper: StopKeeper, key: str) -> object:
        trace.append((key, "stop"))
        return look(keeper, key)

    def ruled(name: str, *given: Any) -> object:
        key = trace[-1][0]
        trace.append((key, name))
        if (key, name) == ("BBB", "five_minute_rule"):
            raise ZeroDivisionError("a bug")
        return rules[name](*given)

    monkeypatch.setattr(loop, "_view", viewed)
    monkeypatch.setattr(StopKeeper, "_look_at", looked)
    for name in rules:
        monkeypatch.setattr(pivot_break, name, partial(ruled, name))
    return trace


@virtual
@pytest.mark.req("PS60-PATH-2", "REQ-TEST-002")
async def test_each_cycle_checks_every_position_in_order_and_an_error_at_one_leaves_the_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, keys=KEYS) as here:
        loop = _trader(here)
        upkeep = Upkeep(
            here.desk,
            executor=here.executor,
            store=here.store,
            day=DayBook(here.desk, store=here.store, pnl=DayPnl(), stored=await here.store.load()),
            kill_file=tmp_path / "KILL",
            on_kill_file=lambda _: asyncio.sleep(0),
            spawn=here.spawn,
            heartbeat=dict,
            chores={"strategies": loop.clock_round},
        )
        here.books.on_changes(upkeep.on_changes)
        for key in KEYS:
            await here.enter(100, key=key, plan=Plan(pivot=100.0, target1=101.0))
            here.desk.quotes.on_quote(quote(key, bid=101.4, ask=101.6))
            # The tick that reached the target came while an exit was on its way: only the clock is left.
            busy = StrategyView(quantity=100, exit_working=True)
            assert loop.running[0].strategy.on_quote(quote(key, bid=101.4, ask=101.6), busy) == ()
        trace, log = _traced(monkeypatch, loop), logged_by(faults, monkeypatch)
        here.broker.unfilled = set()

        await loop.clock_round()
        assert trace == [
            ("AAA", "position"),
            ("AAA", "five_minute_rule"),
            ("AAA", "at_target"),
            ("BBB", "position"),
            ("BBB", "five_minute_rule"),
            ("CCC", "position"),
            ("CCC", "five_minute_rule"),
            ("CCC", "at_target"),
        ]
        assert [line["error"] for line in log.entries if "ZeroDivisionError" in str(line)]

        trace.clear()
        await pass_time(1.0)
        await upkeep.round()
        assert [key for key, what in trace if what == "stop"] == list(KEYS)
        held = {key: here.books.quantity(key) for key in KEYS}
        stops = dict.fromkeys(KEYS, 0)
        for order in here.books.open_orders():
            if order.intent.role is Role.STOP:
                stops[order.intent.key] += order.remaining
        assert held == stops == {"AAA": 50, "BBB": 100, "CCC": 50}
