"""The watch list as rows: nearest first, unknown is unknown, held is held."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from engine.api import WhyNot
from engine.domain.market import Bar
from engine.domain.setup import Setup
from engine.runtime.setups.views import SetupRows
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

        (row,) = SetupRows(here.desk, trading).rows(trading.why_not())
        assert (row.above_pct, row.below_pct) == (None, None)
        assert row.code == "warming_up"

        trading.on_quote(quote("SPY"))
        (row,) = SetupRows(here.desk, trading).rows(trading.why_not())
        assert row.above_pct is not None
        assert row.above_pct > 0
        assert (row.resistance, row.max_attempts, row.source) == (110.0, 2, "scan")


@virtual
@pytest.mark.req("PS60-STRAT-PIVOT")
async def test_a_row_is_made_anew_only_where_there_is_news(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        _, trading = _service(here, tmp_path)
        level = Setup(key="SPY", day=TEN.date(), resistance=110.0, support=99.0, source="scan")
        trading.take_setups((level,))
        trading.warm_up(trading.running[0], "SPY", _bars(800))
        trading.on_quote(quote("SPY"))
        rows = SetupRows(here.desk, trading)

        (first,) = rows.rows(trading.why_not())
        (again,) = rows.rows(trading.why_not())
        assert again is first

        trading.on_quote(quote("SPY", bid=100.49, ask=100.51))
        (moved,) = rows.rows(trading.why_not())
        assert (moved.above_pct, moved.text) != (first.above_pct, first.text)

        here.desk.why_not["pivots", "SPY"] = WhyNot("SPY", "pivots", "spread", "too wide", here.desk.now())
        (refused,) = rows.rows(trading.why_not())
        assert (refused.code, refused.text, refused.above_pct) == ("spread", "too wide", moved.above_pct)

        risk = here.desk.config.risk.model_copy(update={"max_attempts": 7})
        here.desk.config = here.desk.config.model_copy(update={"risk": risk})
        (bound,) = rows.rows(trading.why_not())
        assert (bound.max_attempts, refused.max_attempts) == (7, 2)


def _bars(count: int) -> list[Bar]:
    begin = TEN - timedelta(seconds=5 * count)
    return [
        Bar("SPY", begin + timedelta(seconds=5 * n), 100.0, 101.0, 99.0, 100.0, 1000) for n in range(count)
    ]
