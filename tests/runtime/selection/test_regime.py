"""The regime of a run: found in history, overridden by a person, one factor at the gate."""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from engine.api import Level
from engine.broker.port import Fetched
from engine.config.regime import RegimeChoice
from engine.domain.market import Bar
from engine.runtime.selection.regime import ALERT, RETRY_S, RegimeWatch
from tests.builders import TEN, stock
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual


def history(*legs: tuple[int, float, float]) -> Fetched[tuple[Bar, ...]]:
    """Hours of a price made of legs (bars, drift per bar, noise per bar)."""
    draw, log_price, closes = random.Random(3), math.log(100.0), []
    for bars, drift, noise in legs:
        for _ in range(bars):
            log_price += drift + draw.gauss(0.0, noise)
            closes.append(math.exp(log_price))
    first = TEN - timedelta(hours=len(closes))
    bars_ = (Bar("SPY", first + timedelta(hours=n), c, c, c, c, 1, 3600) for n, c in enumerate(closes))
    return Fetched(tuple(bars_))


RISES = history((200, 0.0, 0.001), (60, 0.001, 0.001))
RANGES = history((260, 0.0, 0.001))
FALLS = history((200, 0.0, 0.002), (60, -0.001, 0.001))
CRASHES = history((200, 0.0, 0.001), (30, -0.01, 0.006))


@asynccontextmanager
async def watched(folder: Path, found: Fetched[tuple[Bar, ...]]) -> AsyncIterator[tuple[Rig, RegimeWatch]]:
    """A watch on a reference with that history, which nobody trades."""
    async with rig(folder, keys=("AMD",)) as here:
        here.broker.chains["SPY"] = Fetched((stock("SPY"),))
        here.broker.history_by_length["SPY", 3600] = found
        yield here, RegimeWatch(here.desk, broker=here.broker, spawn=here.spawn)


@virtual
@pytest.mark.req("REQ-U3")
@pytest.mark.parametrize(
    ("found", "regime", "factor"),
    [(RISES, "bull", 1.2), (RANGES, "chop", 1.0), (FALLS, "bear", 0.6), (CRASHES, "crash", 0.0)],
)
async def test_what_history_says_is_the_factor_of_the_gate(
    tmp_path: Path, found: Fetched[tuple[Bar, ...]], regime: str, factor: float
) -> None:
    async with watched(tmp_path, found) as (here, watch):
        await watch.prepare()

        assert here.desk.inputs.regime_multiplier == factor
        row = here.desk.selection.regime
        assert (row.regime, row.detected, row.factor, row.override) == (regime, regime, factor, "")
        assert [a.level for a in here.desk.notices.alerts if a.code == ALERT] == (
            [Level.WARNING] if factor == 0 else []
        )


@virtual
@pytest.mark.req("REQ-U3")
async def test_while_it_is_not_known_nothing_is_widened_and_it_is_said(tmp_path: Path) -> None:
    async with watched(tmp_path, Fetched(None, "no permission")) as (here, watch):
        multipliers = here.desk.config.regime.multipliers.model_copy(update={"chop": 1.2})
        regime = here.desk.config.regime.model_copy(update={"multipliers": multipliers})
        here.desk.config = here.desk.config.model_copy(update={"regime": regime})
        await watch.prepare()

        assert here.desk.inputs.regime_multiplier == 1.0
        assert here.desk.selection.regime.regime == ""
        assert "no permission" in here.desk.notices.events[-1].text
        assert here.desk.notices.events[-1].level is Level.WARNING

        here.broker.history_by_length["SPY", 3600] = FALLS
        await pass_time(RETRY_S + 1)
        await watch.round()
        await pass_time(0.1)
        assert here.desk.inputs.regime_multiplier == 0.6


@virtual
@pytest.mark.req("REQ-U3")
async def test_it_is_looked_at_every_quarter_of_an_hour_and_forgotten_when_it_is_too_old(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path, RISES) as (here, watch):
        await watch.prepare()
        here.broker.history_by_length["SPY", 3600] = CRASHES
        await pass_time(14 * 60)
        await watch.round()
        await pass_time(0.1)
        assert here.desk.selection.regime.regime == "bull"
        await pass_time(61)
        await watch.round()
        await pass_time(0.1)
        assert here.desk.selection.regime.regime == "crash"

        here.broker.history_by_length["SPY", 3600] = Fetched(None, "no answer")
        await pass_time(25 * 3600)
        await watch.round()
        await pass_time(0.1)
        assert here.desk.selection.regime.regime == ""
        assert not here.desk.notices.alerts


@virtual
@pytest.mark.req("REQ-U3")
@pytest.mark.parametrize(("choice", "factor"), [("crash", 0.0), ("bear", 0.6), ("bull", 1.2)])
async def test_what_an_operator_says_counts_whatever_is_detected(
    tmp_path: Path, choice: str, factor: float
) -> None:
    async with watched(tmp_path, RANGES) as (here, watch):
        await watch.prepare()
        regime = here.desk.config.regime.model_copy(update={"override": RegimeChoice(choice)})
        here.desk.config = here.desk.config.model_copy(update={"regime": regime})
        await watch.round()

        row = here.desk.selection.regime
        assert here.desk.inputs.regime_multiplier == factor
        assert (row.regime, row.detected, row.override) == (choice, "chop", choice)
        assert row.text.startswith(f"{choice} by the operator, factor {factor:g}; detected: chop")
