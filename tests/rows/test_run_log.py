"""The log of a whole run: the run's id on every line, and a heartbeat that shows it is alive."""

from __future__ import annotations

import json
import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
import tomli_w

from engine.api import EngineState, Mode
from engine.config import load
from engine.runtime.process.log_files import eastern_day, file_of, wall_now
from engine.runtime.process.session import EngineSession, RunRequest
from tests.e2e import scripted
from tests.e2e.live import ONE_STOCK, PATIENT
from tests.waiting import eventually

__all__ = ["scripted"]

pytestmark = pytest.mark.slow

BEAT_S = 1.0


def _run(state_dir: Path, form: str) -> tuple[str, list[str]]:
    """One run until it has entered and beaten three times; its id and the lines of its log."""
    config = state_dir / "cockpit.toml"
    config.write_text(tomli_w.dumps({"strategies": {"script": ONE_STOCK}}))
    wanted = {"log.format": form, "health.heartbeat_log_s": BEAT_S, "broker.speed": 5.0, "broker.seed": 11}
    overrides = {"state.dir": str(state_dir), **wanted, **PATIENT}
    loaded = load(path=config, overrides=overrides, environ={}, cwd=state_dir, mode="PAPER")
    environ = {"XDG_RUNTIME_DIR": str(state_dir)}
    session = EngineSession(loaded, RunRequest(Mode.PAPER, headless=True, version="0", environ=environ))
    log = file_of(state_dir / "logs", eastern_day(wall_now()))
    session.open()
    try:
        eventually(
            lambda: (
                session.handle.snapshot().engine_state is EngineState.READY
                and session.handle.snapshot().positions
                and log.read_text().count("heartbeat") >= 3
            ),
            within_s=40.0,
            why="an entry and three heartbeats",
        )
    finally:
        session.stop("keep")
        session.wait(30.0)
        session.close()
    return session.run_id, log.read_text().splitlines()


@pytest.mark.req("PLAN-M1-LOGGING", "PLAN-M3-AC-HEARTBEAT")
def test_every_line_names_the_run_and_beats_follow_the_configured_interval(place: Path) -> None:
    run_id, lines = _run(place, "json")

    records = [json.loads(line) for line in lines]
    assert {record["run_id"] for record in records} == {run_id}
    assert {"cockpit.runtime", "engine"} <= {record["logger"] for record in records}
    assert any(r["symbol"] == "SPY" for r in records if r.get("kind") == "order")
    beats = [record for record in records if record["event"] == "heartbeat"]
    facts = {"mode", "state", "link", "positions", "open_orders", "loop_lag_max_ms"}
    assert all(facts <= set(beat) for beat in beats)
    assert (beats[-1]["mode"], beats[-1]["link"], beats[-1]["positions"]) == ("PAPER", "up", 1)
    times = [datetime.fromisoformat(beat["timestamp"]) for beat in beats]
    gaps_s = [(b - a).total_seconds() for a, b in pairwise(times)]
    assert min(gaps_s) >= BEAT_S * 0.9, "not more often than asked"


@pytest.mark.req("PLAN-M1-LOGGING")
def test_as_text_every_line_has_time_logger_level_and_the_runs_id(place: Path) -> None:
    run_id, lines = _run(place, "text")

    form = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z - [\w.]+ - (DEBUG|INFO|WARNING|ERROR|CRITICAL) - .+")
    assert [line for line in lines if not form.fullmatch(line)] == []
    assert [line for line in lines if not line.endswith(f"run_id={run_id}")] == []
    assert any(" - engine - " in line and "SPY" in line for line in lines)
