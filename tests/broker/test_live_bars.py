"""The bars that stream live are the bars that history tells of the same seconds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.domain.instrument import Instrument
from engine.domain.market import Bar
from engine.runtime.process.gateway_process import GatewayProcess, plan_for
from tests.broker.conftest import Connect
from tests.waiting import eventually_async

pytestmark = [pytest.mark.slow, pytest.mark.req("PLAN-M3-MD")]

SYMBOLS = ("SPY", "QQQ")
WANTED = 6


def _shape(bar: Bar) -> tuple[object, ...]:
    return (bar.symbol, bar.end, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.seconds)


async def test_streamed_bars_come_once_and_equal_those_of_history(tmp_path: Path, connect: Connect) -> None:
    gateway = GatewayProcess.spawn(
        plan_for(tmp_path, speed=20.0, seed=5, world="edge", tape="", start_at="10:00")
    )
    try:
        broker, hearing = await connect((await gateway.ready()).port)
        found: dict[str, Instrument] = {}
        for symbol in SYMBOLS:
            listed = await broker.instruments(symbol, "STK", "SMART")
            assert listed.value is not None, listed.error
            found[symbol] = listed.value[0]
            broker.subscribe(found[symbol])

        def streamed(symbol: str) -> list[Bar]:
            return [bar for bar in hearing.bars if bar.symbol == symbol]

        await eventually_async(
            lambda: all(len(streamed(symbol)) >= WANTED for symbol in SYMBOLS), within_s=30.0
        )
        answers = await asyncio.gather(
            *(broker.history(found[symbol], count=60, seconds=5) for symbol in SYMBOLS)
        )
        for symbol, answer in zip(SYMBOLS, answers, strict=True):
            assert answer.value is not None, answer.error
            told = {bar.end: _shape(bar) for bar in answer.value}
            live = streamed(symbol)[:WANTED]
            assert len({bar.end for bar in live}) == len(live), "each once"
            assert all(bar.end.second % 5 == 0 for bar in live)
            assert [_shape(bar) for bar in live] == [told[bar.end] for bar in live]
    finally:
        await gateway.stop()
