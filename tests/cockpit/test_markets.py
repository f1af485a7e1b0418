"""The Markets screen: who may be entered and why not, the regime, the data lines; foreign text as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.screens.markets import MarketsDialog
from engine.api import StrategyView
from engine.api_selection import LinesRow, RegimeRow, SelectionView, UniverseRow
from tests.cockpit.conftest import OpenDesk
from tests.cockpit.scripted import NORMAL

THIN = "399,700 USD traded in 24 h, tier 3 asks 500,000"
JUDGED = replace(
    NORMAL,
    selection=SelectionView(
        universe=(
            UniverseRow("SPY", 1, "index", 41.5e9, 0.2),
            UniverseRow("ESZ6", 1, "index", 562e9, 0.5),
            UniverseRow("XYZ", 2, "", 7.2e6, None),
            UniverseRow("TINY", 0, "[b]x\x1b[31m", 399_700.0, 12.3, "min_volume", THIN),
        ),
        regime=RegimeRow("bear", 0.6, "bear", text="bear, trend -2.4, volatility above 71%; factor 0.6"),
        lines=LinesRow(4, 4, ("TINY", "OLD")),
    ),
    strategies=(StrategyView("index", "ma_crossover", ("SPY", "TINY"), "1m", "live"),),
)


@pytest.mark.req("REQ-U1", "REQ-U3", "FUT-RISK-1", "FUT-QA-UI-5")
async def test_the_universe_is_shown_with_reasons_regime_and_data_lines(open_desk: OpenDesk) -> None:
    async with open_desk(JUDGED, size=(80, 24)) as desk:
        await desk.press("4")
        dialog = desk.app.screen
        assert isinstance(dialog, MarketsDialog)

        assert [row.key for row in dialog.table.rows] == ["SPY", "ESZ6", "XYZ", "TINY"]
        words = desk.text("text")
        assert "tier 1: may be entered" in words
        await desk.press("down")
        assert "tier 1: watched; no strategy trades it" in desk.text("text")
        assert "factor 0.6" in words
        assert "4 of 4; without one: TINY, OLD" in words
        await desk.press("end")
        assert "399,700 USD traded" in desk.text("text")


async def test_before_anything_was_measured_it_says_so(open_desk: OpenDesk) -> None:
    async with open_desk(NORMAL, size=(80, 24)) as desk:
        await desk.press("4")
        assert "not looked at yet" in desk.text("text")
