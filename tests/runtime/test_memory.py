"""Memory stays where it is while a hundred symbols tick ten times a second: nothing is kept per tick."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.domain.market import Bar, Quote
from engine.runtime.inbox import Inbox
from engine.runtime.keeping.recorder import Recorder
from engine.runtime.running import Running
from engine.strategy import STRATEGIES
from tests.builders import TEN
from tests.execution.rig import rig
from tests.runtime.test_trading import _trading
from tests.virtual_time import pass_time, virtual

KEYS = tuple(f"B{number:02}" for number in range(100))
TICKS_PER_S = 10
BAR_S = 5
WARM_UP_S = 300
"""By then each window of bars is full; ticks fill none."""
FEED_S = 3600 if os.environ.get("COCKPIT_SOAK") else 30
KEPT_BYTES = 50_000
"""Whoever keeps a number of every tick has five times this after half a minute."""


def _seconds(first: int, last: int, *, ticks: int = TICKS_PER_S) -> Iterator[tuple[list[Quote], list[Bar]]]:
    """What the market says in each second: ticks that swing, bars that give no reason to trade."""
    for second in range(first, last):
        at = TEN + timedelta(seconds=second)
        swing = 100.0 + (second % 20) * 0.01
        quotes = [
            Quote(key, swing - 0.01, swing + 0.01, 300, 300, swing, 100, at.timestamp() + part / ticks)
            for part in range(ticks)
            for key in KEYS
        ]
        is_end = second % BAR_S == 0
        yield quotes, [Bar(key, at, 100.0, 100.2, 99.8, 100.0, 100) for key in KEYS if is_end]


def _crossing() -> Running:
    """A shipped strategy on all symbols, with short windows."""
    params = {"fast": 2, "slow": 3}
    create = STRATEGIES.get("ma_crossover").create
    return Running(
        strategy=create("cross", params=params, keys=()),
        make=lambda keys: create("cross", params=params, keys=keys),
        kind="ma_crossover",
        timeframe="5s",
        bar_seconds=BAR_S,
        allow_short=False,
        holds_overnight=False,
        symbols=KEYS,
    )


@virtual
@pytest.mark.req("PLAN-RISK-RESOURCES")
async def test_a_hundred_symbols_at_ten_ticks_a_second_leave_nothing_behind(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=KEYS) as here:
        trading, desk = _trading(here, _crossing()), here.desk
        inbox = Inbox(desk, on_bar=trading.on_bar, on_quote=trading.on_quote)
        recorder = Recorder(
            desk.session_log,
            store=here.store,
            quotes=desk.quotes,
            instruments=desk.instruments,
            values=desk.values,
            now=desk.now,
            monotonic=desk.clock.monotonic,
        )

        async def feed(first: int, last: int, *, ticks: int = TICKS_PER_S) -> int:
            for quotes, bars in _seconds(first, last, ticks=ticks):
                for quote in quotes:
                    inbox.on_quote(quote)
                for bar in bars:
                    inbox.on_bar(bar)
                    recorder.on_bar(bar)
                await pass_time(1.0)
                await recorder.round()
            await recorder.close()
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            await feed(0, WARM_UP_S, ticks=0)
            before = await feed(WARM_UP_S, WARM_UP_S + BAR_S)
            after = await feed(WARM_UP_S + BAR_S, WARM_UP_S + BAR_S + FEED_S)
        finally:
            tracemalloc.stop()

        assert desk.telemetry.counters.cycles > 0
        assert after - before < KEPT_BYTES
