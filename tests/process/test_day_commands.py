"""The day at a shell: scanned without an engine, planned and scanned through a running one."""

from __future__ import annotations

import json

import pytest

from engine.runtime.process.gateway_process import running_gateway
from tests.process.terminal import Place
from tests.waiting import eventually

pytestmark = pytest.mark.slow

CONFIG = """
[strategies.cross]
kind = "ma_crossover"
symbols = ["SPY", "ES@CME"]
timeframe = "5s"
"""


@pytest.mark.req("PS60-SCANNER")
def test_scan_and_plan_work_with_and_without_an_engine(place: Place) -> None:
    (place.folder / "cockpit.toml").write_text(CONFIG, encoding="utf-8")
    alone = place.run("scan", "SPY", "--write")
    assert alone.returncode == 0, alone.stderr
    assert running_gateway(place.state) is None  # started for the question, and gone with it
    (file,) = (place.folder / "scanner").glob("scanner_results_*.json")

    with place.headless():
        eventually(lambda: (place.status() or {}).get("engine_state") == "READY", within_s=40.0)
        scanned = place.run("scan", "SPY", "NOPE", "--json")
        planned = place.run("plan", "--json")

    assert scanned.returncode == 0, scanned.stderr
    assert json.loads(scanned.stdout)["date"] == json.loads(file.read_text())["date"]
    assert [row["symbol"] for row in json.loads(scanned.stdout)["setups"]] == ["SPY"]
    assert planned.returncode == 0, planned.stderr
    plan = json.loads(planned.stdout)
    assert (plan["source"], plan["mode"]) == ("engine", "PAPER")
    assert plan["day"] == json.loads(file.read_text())["date"]
    assert all(row["source"] == "broker" and row["flat_by"] for row in plan["sessions"])
    assert {"risk.max_positions", "sessions.eod_close"} <= {row["key"] for row in plan["limits"]}
    assert (plan["data_lines"]["used"], len(plan["strategies"][0]["symbols"])) == (4, 2)
