"""The way out of real processes: what is printed, what is on the disk afterwards, with which code."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.process.test_kill_and_restart import FAST, holding, idle, in_position
from tests.storm.real import RealCockpit

pytestmark = pytest.mark.slow


def written(cockpit: RealCockpit, what: str) -> Any:
    """The day's file of this kind."""
    (path,) = cockpit.state.glob(f"embedded-*/days/{what}_*.json")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.req("BUG-001", "REQ-ARCH-008")
@pytest.mark.parametrize("symbols", [(), ("TSLA", "SPY")], ids=["0 trades", "2 trades"])
def test_the_end_prints_the_summary_and_leaves_summary_and_trades_on_the_disk(
    cockpit: RealCockpit, symbols: tuple[str, ...]
) -> None:
    cockpit.configure(holding(*symbols) if symbols else idle("SPY"), broker=FAST)
    cockpit.start()
    cockpit.ready()
    in_position(cockpit, *symbols)
    assert cockpit.process is not None
    cockpit.process.send_signal(signal.SIGTERM)

    assert cockpit.exit_code() == 0
    said = cockpit.tail()
    assert f"cockpit: summary of 2026-11-20: {len(symbols)} trades, P&L" in said
    assert "win rate" in said
    assert "KeyError" not in said
    assert "Traceback" not in said
    summary, trades = written(cockpit, "daily_summary"), written(cockpit, "trades")
    assert summary["total_trades"] == len(trades) == len(symbols)
    assert summary["left_open"] == []
    (page,) = cockpit.state.glob("embedded-*/runs/*/report_20261120.html")
    assert page.read_text(encoding="utf-8").count(">LONG<") == len(symbols)
    assert sorted(trade["symbol"] for trade in trades) == sorted(symbols)
    assert {trade["exit_reason"] for trade in trades} <= {"shutdown"}
    for symbol in symbols:
        assert f"cockpit: {symbol:8} LONG" in said


@pytest.mark.req("REQ-ARCH-008")
def test_what_cannot_be_closed_is_named_and_costs_the_zero(cockpit: RealCockpit) -> None:
    cockpit.configure(holding("SPY"), broker=FAST)
    cockpit.start()
    in_position(cockpit, "SPY")
    cockpit.ask(do="reject_next", count=20)
    assert cockpit.process is not None
    cockpit.process.send_signal(signal.SIGTERM)

    assert cockpit.exit_code() == 1
    assert any("SPY" in line for line in written(cockpit, "daily_summary")["left_open"])
    assert "still open: SPY" in cockpit.tail()
    assert cockpit.rows("SELECT clean FROM run ORDER BY rowid DESC LIMIT 1") == [(1,)]
