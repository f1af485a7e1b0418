"""The watch list as rows: nearest first, unknown is unknown, held is held."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.domain.setup import Setup
from engine.runtime.setups.views import setup_views
from tests.builders import TEN, quote
from tests.execution.rig import rig
from tests.runtime.setups.test_service import _service
from tests.virtual_time import virtual


@virtual
@pytest.mark.req("PS60-STRAT-PIVOT")
async def test_rows_say_levels_ways_and_why_nothing_is_entered(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        _, trading = _service(here, tmp_path)
        level = Setup(key="SPY", day=TEN.date(), resistance=110.0, support=99.0, source="scan")
        here.desk.setups["SPY"] = level
        trading.take_setups((level,))

        (row,) = setup_views(here.desk, trading, trading.why_not())
        assert (row.above_pct, row.below_pct) == (None, None)
        assert row.code == "warming_up"

        trading.on_quote(quote("SPY"))
        (row,) = setup_views(here.desk, trading, trading.why_not())
        assert row.above_pct is not None
        assert row.above_pct > 0
        assert (row.resistance, row.max_attempts, row.source) == (110.0, 2, "scan")
