"""Prices that are not live: nothing is bought on them, it is said, and only a dry run goes on with them."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from engine.api import Level, Mode
from engine.runtime.process.gateway_process import FOLDER
from tests.e2e.live import ONE_STOCK, Live, live

pytestmark = [pytest.mark.slow, pytest.mark.req("FUT-DO-8", "FUT-DEMO")]

LATER = {"script": {**ONE_STOCK, "params": {"enter_at": 4}}}


async def _deliver_delayed(here: Live) -> None:
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect(str(here.state_dir / FOLDER / "admin.sock"))
        admin.sendall(json.dumps({"do": "data_type", "type": 3}).encode() + b"\n")
        assert json.loads(admin.recv(4096)) == {"ok": True}
    await here.until(lambda s: any(a.code == "delayed_data" for a in s.alerts), why="it was not shown")


async def test_paper_trading_enters_nothing_on_delayed_prices_and_says_why(tmp_path: Path) -> None:
    async with live(tmp_path, strategies=LATER) as here:
        await here.ready()
        await _deliver_delayed(here)

        await here.until(lambda s: any(w.code == "delayed_data" for w in s.why_not), why="no refusal")

        (alert,) = here.snapshot.alerts
        assert (alert.level, alert.symbol) == (Level.WARNING, "SPY")
        assert "delayed" in alert.text
        assert (await here.at_broker()).open_orders == ()
        assert here.rows("SELECT count(*) FROM intent") == [(0,)]


async def test_a_dry_run_decides_on_delayed_prices_and_labels_what_it_would_do(tmp_path: Path) -> None:
    async with live(tmp_path, strategies=LATER, mode=Mode.DRY_RUN) as here:
        await here.ready()
        await _deliver_delayed(here)

        said = await here.until(
            lambda s: any("DRY: would" in e.text for e in s.events), why="no would-be order"
        )

        (wish,) = [e.text for e in said.events if "DRY: would" in e.text]
        assert wish.endswith("(delayed prices)")
