"""A whole session without a fault, from the start to a graceful stop: nothing to complain of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomli_w

from engine.api import EngineState, Mode, Snapshot
from engine.config import load
from engine.runtime.process.log_files import eastern_day, file_of, wall_now
from engine.runtime.process.session import EngineSession, RunRequest
from tests.storm.churn import KIND
from tests.storm.wire import ROOMY
from tests.waiting import eventually

pytestmark = pytest.mark.slow

SPEED = 30.0
OVERRIDES: dict[str, object] = {
    "broker.speed": SPEED,
    "broker.seed": 11,
    "broker.start_at": "15:50",
    "sessions.entry_end": "15:54",
    "sessions.no_entry_minutes": 5,
    # A busy machine at this speed: what counts is exchange time, and a second of it is soon over.
    "market_data.max_quote_age_seconds": 600.0,
    "market_data.max_ohlcv_age_seconds": 3600.0,
    "log.format": "json",
    "health.max_loop_lag_ms": 10_000.0,
    **ROOMY,
}


@pytest.mark.req("PS60-ACC-7", "FUT-SC-10", "PS60-EXEC-6")
def test_a_session_without_faults_writes_no_error_and_nothing_on_stderr(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    strategies = {"churn": {"kind": KIND, "symbols": ["SPY", "QQQ"], "timeframe": "5s"}}
    config = place / "cockpit.toml"
    config.write_text(tomli_w.dumps({"strategies": strategies}))
    overrides = {"state.dir": str(place), **OVERRIDES}
    loaded = load(path=config, overrides=overrides, environ={}, cwd=place, mode="PAPER")
    request = RunRequest(Mode.PAPER, headless=False, version="0", environ={"XDG_RUNTIME_DIR": str(place)})
    session = EngineSession(loaded, request)
    seen: list[Snapshot] = []

    def shown() -> Snapshot:
        seen.append(session.handle.snapshot())
        return seen[-1]

    session.open()
    try:
        eventually(lambda: shown().engine_state is EngineState.READY, within_s=30.0, why="READY")
        eventually(lambda: len(shown().fills) >= 4, within_s=30.0, why="two round trips")
        closed = "the end of the session, flat"
        eventually(lambda: not shown().session.is_open and not shown().positions, within_s=60.0, why=closed)
    finally:
        session.stop("flatten")
        session.wait(30.0)
        code = session.close()

    lines = file_of(place / "logs", eastern_day(wall_now())).read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) > 20
    assert [r for r in records if r["level"] in ("error", "critical")] == []
    assert code == 0
    assert capfd.readouterr().err == ""
