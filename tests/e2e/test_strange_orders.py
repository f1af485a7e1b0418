"""Orders of other clients of the account, over the real wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import EngineState
from engine.api_recovery import RecoveryKind
from tests.e2e.live import ONE_STOCK, live
from tests.storm.wire import WirePlace

pytestmark = pytest.mark.slow

IDLE = {"script": {**ONE_STOCK, "params": {"enter_at": 0}}}


@pytest.mark.req("REQ-ARCH-004")
async def test_where_tws_tells_us_of_all_orders_a_strange_one_blocks_at_once_and_goes_by_itself(
    tmp_path: Path,
) -> None:
    async with live(tmp_path, strategies=IDLE) as here:
        place = WirePlace(here)
        await here.ready()
        await place.drill({"do": "master_client", "client_id": 1})
        order = {"do": "external_order", "symbol": "QQQ", "action": "SELL", "quantity": 3, "type": "STP"}
        placed = await place.drill({**order, "stop": 20.0})

        shown = await here.until(lambda s: s.recovery.open_rows, within_s=10, why="it was not seen")
        assert [(r.kind, r.symbol) for r in shown.recovery.open_rows] == [(RecoveryKind.STRANGE_ORDER, "QQQ")]
        await here.until(lambda s: s.engine_state is EngineState.ORPHANS, why="entries are not blocked")

        await place.drill({"do": "external_cancel", "order_id": placed["order_id"]})
        await here.until(lambda s: s.engine_state is EngineState.READY, within_s=10, why="still blocked")
