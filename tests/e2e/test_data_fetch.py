"""`cockpit data fetch` on the real gateway: bars a backtest reads, each fetched once, engine or not."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from engine.backtest.data.fetch import Progress
from engine.backtest.data.universe import load_recorded
from engine.config import load
from engine.runtime.process.gateway_process import end_gateway, running_gateway
from engine.runtime.process.lock import Holder, InstanceLock
from engine.runtime.shell.data_fetch import Wish, fetch

pytestmark = pytest.mark.slow


@pytest.mark.req("PLAN-M2-DATA-IB")
def test_bars_of_the_embedded_gateway_are_fetched_once_and_tested_on(tmp_path: Path) -> None:
    """A fortnight well in the past: the exchange's clock begins at the last session before today."""
    loaded = load(overrides={"state.dir": str(tmp_path)}, environ={}, cwd=tmp_path, mode="PAPER")
    said: list[str] = []
    last = datetime.now(UTC).date() - timedelta(days=10)
    first = last - timedelta(days=13)

    def asked_for(bars: str, since: date) -> list[Progress]:
        told: list[Progress] = []
        wish = Wish(("SPY",), bars, since, last)
        assert fetch(loaded, wish, environ={}, say=said.append, tell=told.append) == 0
        return told

    alone = asked_for("1d", first)
    assert running_gateway(tmp_path) is None, "the gateway that was started for it stayed"
    again = asked_for("1d", first)

    engine = InstanceLock.acquire(tmp_path, Holder(os.getpid(), "PAPER", socket="", run_id=""))
    minutes = asked_for("1m", first)
    stays = running_gateway(tmp_path)
    engine.release()
    assert stays is not None, "the gateway of an engine was ended"
    assert end_gateway(stays.pid)

    assert (alone[-1].done, alone[-1].total) == (1, 1)
    assert again == []
    assert "nothing to ask for, all of it is here" in said[1]
    assert minutes[-1].done == minutes[-1].total <= 3
    for bars, told in (("1d", alone), ("1m", minutes)):
        (recorded,) = load_recorded(loaded, ["SPY"], bars, first, last)
        assert recorded.notes == ()
        assert len(recorded.series) == told[-1].bars
        assert recorded.series.adjustment == "unadjusted"
