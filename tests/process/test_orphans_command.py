"""A stranger's trade while an engine runs without a screen, settled from a shell."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from engine.domain.order import Side
from engine.runtime.process.gateway_process import running_gateway
from tests.e2e.live import trade_elsewhere
from tests.process.terminal import Place
from tests.waiting import eventually

pytestmark = pytest.mark.slow

QUIET = """
[strategies.quiet]
kind = "ma_crossover"
symbols = ["SPY"]
timeframe = "1h"
"""
"""A strategy that has no bar to trade on within this test."""


def _state(place: Place) -> object:
    return (place.status() or {}).get("engine_state")


@pytest.mark.req("REQ-ARCH-003", "CARD-ORPHANS")
def test_an_engine_without_a_screen_is_settled_from_a_shell(place: Place) -> None:
    (place.folder / "cockpit.toml").write_text(QUIET, encoding="utf-8")
    with place.headless() as engine:
        eventually(lambda: _state(place) == "READY", within_s=40.0, why="READY")
        assert place.run("orphans").stdout.strip() == "Nothing waits for a decision."
        raised = place.run("set", "max_positions", "5")
        assert (raised.returncode, "repeat with --yes" in raised.stdout) == (4, True)
        assert place.run("strategy", "quiet", "off", "--reason", "news").returncode == 0
        assert "strategy quiet: off by shell uid" in place.run("set").stdout
        gateway = running_gateway(place.state)
        assert gateway is not None
        asyncio.run(trade_elsewhere(gateway.port, "NVDA", Side.BUY, 40, at=datetime.now(UTC)))
        eventually(lambda: _state(place) == "ORPHANS", within_s=30.0, why="ORPHANS")
        (row,) = json.loads(place.run("orphans", "--json").stdout)
        assert (row["symbol"], row["excess"], row["choices"]) == ("NVDA", 40.0, ["adopt", "close", "foreign"])

        asked = place.run("orphans", "adopt", "NVDA", "--stop", "1.5")
        assert asked.returncode == 4
        assert "would adopt NVDA 40 long with a stop at 1.50" in asked.stdout
        assert "repeat with --yes" in asked.stdout
        assert _state(place) == "ORPHANS", "showing sends nothing"
        assert place.run("orphans", "cancel", "NVDA", "--yes").returncode == 2

        done = place.run("orphans", "adopt", row["row_id"], "--stop", "1.5", "--yes")

        assert done.returncode == 0, done.stdout + done.stderr
        eventually(lambda: _state(place) == "READY", within_s=30.0, why="READY again")
        status = place.status()
        assert status is not None
        (stop,) = [o for o in status["orders"] if o["role"] == "stop"]
        assert stop["quantity"] == 40
        assert place.run("stop", "--keep").returncode == 0
        assert engine.wait(30.0) == 0
