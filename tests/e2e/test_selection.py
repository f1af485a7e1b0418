"""Universe and regime on the real gateway: known at READY, shown, and what they forbid is not entered."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from engine.api import Snapshot
from engine.api_pipeline import Stage
from engine.runtime.shell.status import document
from tests.e2e.live import ONE_STOCK, live

pytestmark = pytest.mark.slow


def _tiers(snapshot: Snapshot) -> dict[str, int]:
    return {row.symbol: row.tier for row in snapshot.selection.universe}


@pytest.mark.req("REQ-U1", "REQ-U3", "247-GATE-5")
async def test_what_is_liquid_is_of_tier_one_soon_after_ready_and_the_regime_is_known(tmp_path: Path) -> None:
    script = {**ONE_STOCK, "symbols": ["SPY", "ES@CME"]}
    async with live(tmp_path, strategies={"script": script}) as here:
        first = await here.ready()
        assert set(_tiers(first).values()) <= {1, 2}, "judged before entries are possible"
        assert first.selection.regime.regime in {"bull", "chop", "bear"}
        seen = await here.until(lambda s: set(_tiers(s).values()) == {1}, why="never of tier 1")

        rows = seen.selection.universe
        assert [row.theme for row in rows] == ["index", "index"]
        assert all((row.value_usd or 0) > 1e9 and (row.spread_bps or 99) < 5 for row in rows)


@pytest.mark.req("FUT-F2", "FUT-F3", "FUT-QA-UI-5")
async def test_futures_that_nobody_named_are_found_listed_and_watched(tmp_path: Path) -> None:
    script = {**ONE_STOCK, "symbols": ["SPY"], "from_futures": 2}
    found = {"universe.futures.discover": True, "universe.futures.exchanges": ["CME", "COMEX"]}
    async with live(tmp_path, strategies={"script": script}, **found) as here:
        await here.ready()
        seen = await here.until(
            lambda s: sum(row.spread_bps is not None for row in s.selection.universe) >= 12,
            why="not all were found and watched",
        )

        roots = sorted(row.symbol[:-2] for row in seen.selection.universe if row.symbol != "SPY")
        assert roots == ["6E", "ES", "GC", "HG", "M2K", "MES", "MGC", "MNQ", "NQ", "RTY", "SI"]
        (script_row,) = [row for row in seen.strategies if row.name == "script"]
        assert len(script_row.symbols) == 3, "its stock, and the two most traded of them"


@pytest.mark.req("REQ-U1", "REQ-U3")
async def test_a_crash_declared_by_the_operator_or_a_thin_market_enters_nothing(tmp_path: Path) -> None:
    script = {**ONE_STOCK, "symbols": ["SPY"], "params": {"enter_at": 1}}
    thin = {"universe.min_24h_value": [9e15, 8e15, 7e15], "regime.override": "crash"}
    async with live(tmp_path, strategies={"script": script}, **thin) as here:
        await here.ready()
        seen = await here.until(lambda s: any(w.code == "min_volume" for w in s.why_not), why="not refused")

        assert not seen.positions
        assert seen.selection.regime.factor == 0
        assert any(a.code == "regime" for a in seen.alerts)


@pytest.mark.req("REQ-S1", "REQ-R2", "247-PIPE")
async def test_the_rules_trader_enters_the_best_of_a_bar_close_within_its_terms_and_budget(
    tmp_path: Path,
) -> None:
    rules = {
        "kind": "rules",
        "symbols": ["SPY", "QQQ", "AAPL", "NVDA"],
        "timeframe": "5s",
        "profile": "rules",
        "budget_pct": 1.5,
        "params": {
            "breakout_bars": 2,
            "volume_bars": 2,
            "min_score": 0.0,
            "max_triggers_per_cycle": 1,
            "notional_pct": 1.0,
        },
    }
    eager = {"risk.min_conviction_to_propose": 0.0}
    async with live(tmp_path, strategies={"thrust": rules}, speed=20.0, **eager) as here:
        await here.ready()
        seen = await here.until(lambda s: len(s.positions) >= 2, why="it never held two")

        sizes = [abs(p.exposure_usd or 0.0) for p in seen.positions]
        assert all(p.quantity > 0 and p.owner == "thrust" and p.protected_quantity for p in seen.positions)
        assert max(sizes) <= 12_100, "1 % of a million, more in a rising market"
        assert sum(sizes) <= 18_200, "its budget of 1.5 %"
        trace = seen.selection.pipeline.acted
        assert trace is not None
        rows = {row.stage: row for row in trace.stages}
        assert rows[Stage.UNIVERSE].entered == 4
        assert all(row.entered == row.passed + sum(n for _, n in row.drops) for row in trace.stages)
        assert all(after.entered == row.passed for row, after in pairwise(trace.stages))
        assert trace.proposed >= 1
        told = document(seen)["last_cycle_with_proposal"]
        assert [stage["in"] for stage in told["stages"]] == [row.entered for row in trace.stages]
