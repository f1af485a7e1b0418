"""Budgets: what a strategy holds and works is its own; one without a budget is held by the account alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import StrategySection
from engine.runtime.budget import budget_of
from tests.execution.rig import rig
from tests.virtual_time import virtual


@virtual
@pytest.mark.req("REQ-E1")
async def test_what_is_held_and_what_is_worked_belongs_to_its_strategy(tmp_path: Path) -> None:
    async with rig(tmp_path, keys=("SPY", "QQQ")) as here:
        with_budget = StrategySection(kind="rules", symbols=("SPY",), budget_pct=5.0)
        config = here.desk.config.model_copy(update={"strategies": {"ma": with_budget}})
        await here.enter(100)
        await here.enter(100, key="QQQ", filled=0)

        budget = budget_of("ma", config, here.books)

        assert budget is not None
        assert (budget.pct, budget.owners) == (5.0, {"SPY": "ma", "QQQ": "ma"})
        assert budget_of("other", config, here.books) is None
        assert budget_of("stocks_cross", here.desk.config, here.books) is None
