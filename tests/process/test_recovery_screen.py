"""A crash, a stranger's trade, and the recovery screen of the next start on a real terminal."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime

import pytest

from engine.domain.order import Side
from engine.runtime.process.gateway_process import end_gateway, running_gateway
from tests.e2e.live import trade_elsewhere
from tests.process.terminal import Place, Terminal, end_all
from tests.storm.real import MODULE, RealCockpit
from tests.waiting import eventually

pytestmark = pytest.mark.slow

QUIET = """
[strategies.quiet]
kind = "ma_crossover"
symbols = ["SPY"]
timeframe = "1h"
"""
"""A strategy that has no bar to trade on within this test."""


def _start(place: Place) -> Terminal:
    return Terminal(place, "--paper", module="cockpit", size=(80, 24))


@pytest.mark.req("REQ-ARCH-003", "CARD-ORPHANS", "RECOVERY-LOG-1")
def test_after_a_crash_the_screen_opens_with_every_choice_and_abort_ends_with_4(place: Place) -> None:
    (place.folder / "cockpit.toml").write_text(QUIET, encoding="utf-8")
    screen, again = _start(place), None
    try:
        eventually(lambda: (place.status() or {}).get("engine_state") == "READY", within_s=40.0, why="READY")
        os.kill(place.engine_pid(), signal.SIGKILL)
        assert screen.exit_code() == 1
        gateway = running_gateway(place.state)
        assert gateway is not None
        asyncio.run(trade_elsewhere(gateway.port, "NVDA", Side.BUY, 40, at=datetime.now(UTC)))

        again = _start(place)
        again.expect("Recovery 1 waiting", within_s=40.0)
        for words in ("ended without its goodbye", "40 long", "adopt", "close", "leave as foreign"):
            again.expect(words)
        # What waits is shown while a second look at the account still confirms it.
        eventually(lambda: (place.status() or {}).get("engine_state") == "ORPHANS", why="ORPHANS")
        status = place.status()
        assert status is not None
        assert status["entries_allowed"] is False
        assert (status["recovery"]["waiting"], status["recovery"]["crashed"]) == (1, True)
        assert status["orders"] == []

        again.send("A")
        again.expect("exit code 4")
        again.send("y")
        assert again.exit_code() == 4
        assert "Traceback" not in again.text
        # An alert says in the log where it came from: that is no exception.
        assert "Traceback (most recent" not in place.log_text()
    finally:
        screen.close()
        if again is not None:
            again.close()
        left = running_gateway(place.state)
        if left is not None:
            end_gateway(left.pid)


@pytest.mark.req("RECOVERY-RISK-2")
def test_without_a_broker_it_opens_read_only_on_what_was_stored_and_goes_on_by_itself(place: Place) -> None:
    churn = {"kind": "churn", "symbols": ["TSLA"], "timeframe": "5s", "params": {"hold": 0}}
    cockpit, screen = RealCockpit(place.folder), None
    soon = {"standby_base_s": 1.0, "standby_cap_s": 1.0}
    cockpit.configure({"script": churn}, broker={"speed": 5.0, "seed": 11}, connection=soon)
    try:
        cockpit.start()
        cockpit.until(
            lambda s: s.positions and s.positions[0].protected_quantity == abs(s.positions[0].quantity),
            within_s=60.0,
            why="no covered position",
        )
        cockpit.kill()
        cockpit.ask(do="drop", seconds=600)
        orders = len(cockpit.record().orders)

        screen = Terminal(place, "--paper", module=MODULE)
        for words in ("READ ONLY", "TSLA", "UNVERIFIED"):
            screen.expect(words, within_s=40.0)
        status = place.status()
        assert status is not None
        assert (status["connected"], status["entries_allowed"]) == (False, False)
        assert [p["is_verified"] for p in status["positions"]] == [False]
        assert len(cockpit.record().orders) == orders, "something was sent"

        cockpit.ask(do="drop", seconds=0)
        eventually(lambda: (place.status() or {}).get("engine_state") == "READY", within_s=60.0, why="READY")
        status = place.status()
        assert status is not None
        assert [p["is_verified"] for p in status["positions"]] == [True]
    finally:
        if screen is not None:
            screen.close()
            end_all(place)
        cockpit.end()
