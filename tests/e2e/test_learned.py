"""The learned trader on the real gateway: it decides on every contract, trades nothing unproven, is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import Snapshot
from tests.e2e.live import live

pytestmark = pytest.mark.slow

LEARNER = {
    "kind": "learned_futures",
    "symbols": ["ES@CME", "ZN@CBOT"],
    "timeframe": "5s",
    "profile": "futures",
    "params": {"appetite": "aggressive", "horizon_s": 5.0, "step_s": 1.0, "bars": 20},
}


def _learnt(snapshot: Snapshot) -> int:
    return min((row.samples for row in snapshot.confidence), default=0)


@pytest.mark.req("FUT-F4", "FUT-F5")
async def test_it_learns_from_the_gateways_prices_trades_nothing_and_is_continued(tmp_path: Path) -> None:
    async with live(tmp_path, strategies={"learner": LEARNER}, **{"broker.speed": 20}) as here:
        await here.ready()
        seen = await here.until(lambda s: _learnt(s) >= 5, why="nothing was learnt")
        assert len(seen.confidence) == 2
        assert {row.needed for row in seen.confidence} == {None}
        assert all(row.text.startswith("not enough data") for row in seen.confidence)
        assert not seen.fills
    async with live(tmp_path, strategies={"learner": LEARNER}, **{"broker.speed": 20}) as here:
        again = await here.until(lambda s: bool(s.confidence), why="no model was continued")

        assert _learnt(again) >= _learnt(seen)
        ((decisions, numbers),) = here.rows(
            "SELECT count(*), count(DISTINCT key || number) FROM learned_decision"
        )
        assert decisions == numbers > 0
