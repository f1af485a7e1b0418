"""The broker's own uplink comes and goes while our socket lives: entries stop, then data is asked anew."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from engine.api import EngineState
from tests.e2e.live import ONE_STOCK, Live, live

pytestmark = pytest.mark.slow


def tell(here: Live, code: int) -> None:
    """Have the gateway tell every client an error code."""
    with socket.socket(socket.AF_UNIX) as drill:
        drill.connect(str(here.plan.state_dir / "admin.sock"))
        drill.sendall(json.dumps({"do": "error", "code": code}).encode() + b"\n")
        assert json.loads(drill.recv(4096)) == {"ok": True}


@pytest.mark.parametrize("back", [1101, 1102])
async def test_entries_stop_at_1100_and_come_back_with_the_data(tmp_path: Path, back: int) -> None:
    later = {**ONE_STOCK, "params": {"enter_at": 6}}
    async with live(tmp_path, strategies={"script": later}) as here:
        await here.ready()
        tell(here, 1100)
        await here.until(lambda s: not s.entries_allowed, why="1100 blocked nothing")
        tell(here, back)
        await here.until(
            lambda s: s.engine_state is EngineState.READY and s.entries_allowed, why="never READY again"
        )

        # After 1101 the gateway sends no bar that was not asked for again.
        await here.until(lambda s: bool(s.positions), why="no bar came after the line was back")
