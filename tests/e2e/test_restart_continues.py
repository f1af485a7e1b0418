"""What a session leaves in its event log, and that the next start goes on with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.api import CommandKind
from engine.config import load
from engine.runtime.shell.relive import relive_file
from engine.store.session_log import unpacked
from tests.e2e.live import Live, live

pytestmark = pytest.mark.slow


async def until_bars(here: Live, count: int) -> None:
    """Until a checkpoint holds so many bars."""
    await here.until(
        lambda _: here.rows("SELECT count(*) FROM bar_buffer")[0][0] >= count,  # type: ignore[operator]
        why="no checkpoint with bars",
    )


@pytest.mark.req("RECOVERY-GAP", "RECOVERY-SCN-3", "247-NFR-RESTORE", "PLAN-M4-AC-RESTART")
async def test_a_restart_goes_on_with_its_bars_and_repeats_nothing(tmp_path: Path) -> None:
    fast = {"state.checkpoint_s": 1.0}
    async with live(tmp_path, **fast) as here:
        await here.ready()
        await here.until(lambda s: s.positions, why="no position")
        await until_bars(here, 22)
        await here.command(CommandKind.PAUSE, reason="for the record")
        await here.command(CommandKind.STOP, target="keep")
        await here.task
        intents = here.rows("SELECT count(*) FROM intent")
        (document,) = here.rows("SELECT document FROM checkpoint")[0]
        kinds = {str(kind) for (kind,) in here.rows("SELECT DISTINCT kind FROM event")}
        tape = [
            unpacked(json.loads(str(p)))
            for (p,) in here.rows("SELECT payload FROM event WHERE kind = 'tape'")
        ]

    saved = json.loads(str(document))
    assert saved["entry_paths"] == {"scripted": 1}
    assert {"session", "terms", "tape", "account", "proposal", "command", "order", "fill"} <= kinds
    assert any(piece.quotes for piece in tape)
    assert any(piece.bars for piece in tape)

    async with live(tmp_path, **fast) as again:
        await again.ready()
        assert again.engine.parts.desk.analytics.entry_paths == {"scripted": 1}
        assert again.rows("SELECT count(*) FROM intent") == intents
        ends = [
            end for (end,) in again.rows("SELECT end_at FROM bar_buffer WHERE key = 'SPY' ORDER BY end_at")
        ]
        assert len(ends) == len(set(ends)) >= 22
        assert "warming up" not in {s.state for s in again.snapshot.strategies}

    # Both runs decided once more from their log: the second goes on with what the first left in the tables.
    config = load(path=tmp_path / "cockpit.toml", overrides={}, environ={}, cwd=tmp_path, mode="PAPER")
    found = relive_file(config, next(tmp_path.glob("*/cockpit.db")))
    assert found.differences == ()
    assert found.orders == 2
