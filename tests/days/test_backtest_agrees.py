"""A recorded session decided twice: live over the wire, and by the backtester on its own event log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from engine.backtest.engine import run_backtest
from engine.backtest.recorded import bars_of, series_of
from engine.backtest.result import RunResult
from engine.config import Loaded
from engine.runtime import catalogue, publisher
from engine.runtime.shell.backtest_setting import backtest_config, strategy_run
from engine.store.session_log import instrument_of
from tests.days.lockstep import in_lockstep, loaded, lockstep
from tests.days.recorded import named, needs_data, tape_of

pytestmark = needs_data

DAY = named("BAC-20131008")
UNTIL = time(9, 34, 42)
"""Before the first tick of the day that the live engine does not believe: bars do not know of it."""
STRATEGIES = {
    "cross": {
        "kind": "ma_crossover",
        "timeframe": "5s",
        "symbols": ["BAC"],
        "params": {"fast": 6, "slow": 15, "stop_atr": 20.0, "min_stop_pct": 3.0},
    }
}
OVERRIDES: dict[str, object] = {
    "sessions.entry_start": "09:30",
    "sessions.open_delay_s": 0.0,
    "risk.cooldown_minutes": 0.0,
    "risk.cooldown_after_stop_minutes": 0.0,
    "risk.allow_short.STK": True,
}
EVENTS = "SELECT kind, payload FROM event WHERE kind IN ('tape', 'terms', 'proposal') ORDER BY seq"


def replayed(config: Loaded, events: Sequence[tuple[str, str]]) -> RunResult:
    """The event log through the middle of the backtester."""
    bars = bars_of(tapes(events))
    terms = [json.loads(payload) for kind, payload in events if kind == "terms"]
    strategy = catalogue.create(config, "cross", config.config.strategies["cross"], ("BAC",))
    setting = backtest_config(config.config, [strategy_run(config.config, "cross", strategy)])
    series = [series_of(key, found) for key, found in bars.items() if key == "BAC"]
    return run_backtest(setting, series, {one["key"]: instrument_of(one) for one in terms})


def tapes(events: Sequence[tuple[str, str]]) -> list[str]:
    """Payloads of the market data."""
    return [payload for kind, payload in events if kind == "tape"]


def signals(proposals: Sequence[Any]) -> list[str]:
    """What was wanted, in order, without what was made of it."""
    return [f"{p['signal']} {p['intention']} {p['side']}" for p in proposals]


@pytest.mark.req("REQ-TEST-005")
@in_lockstep
async def test_a_recorded_session_gives_the_same_signals_live_and_in_the_backtester(tmp_path: Path) -> None:
    with patch.multiple(publisher, MARKET_INTERVAL_S=5.0, SILENCE_S=5.0):
        async with lockstep(
            tmp_path,
            tape=tape_of(DAY, tmp_path / "tape", until=DAY.at(UNTIL)),
            day=DAY.day,
            strategies=STRATEGIES,
            overrides=OVERRIDES,
        ) as here:
            await here.ready()
            await here.play(DAY.at(UNTIL))
            events = [(str(kind), str(payload)) for kind, payload in await here.rows(EVENTS)]
    folder = tmp_path / "again"
    folder.mkdir()
    config = loaded(folder, STRATEGIES, OVERRIDES)

    one, two = replayed(config, events), replayed(config, events)

    # The tape is written every ten seconds: what was decided on bars that are not on it yet is left out.
    last_s = max(bar.end.timestamp() for bars in bars_of(tapes(events)).values() for bar in bars)
    proposals = [json.loads(payload) for kind, payload in events if kind == "proposal"]
    live = signals([p for p in proposals if p["at"] <= last_s])
    again = signals(
        [{"signal": d.signal_id, "intention": d.intention, "side": d.side} for d in one.decisions]
    )
    assert {p["verdict"] for p in proposals} == {"passed", "exit"}
    assert len(live) >= 5
    assert live == again
    assert repr((one.orders, one.fills, one.trades, one.decisions)) == repr(
        (two.orders, two.fills, two.trades, two.decisions)
    )
