"""The Setups screen: nearest level first, what the filters said, and foreign text as text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cockpit.screens.setups import SetupsDialog, key_of
from engine.api import FilterView, SetupView, StrategyView
from engine.api_pipeline import CycleTrace, PipelineView, Stage, StageView
from tests.cockpit.conftest import OpenDesk
from tests.cockpit.scripted import NORMAL

TSLA = SetupView(
    symbol="TSLA",
    strategy="pivots",
    resistance=447.5,
    support=440.25,
    score=71.0,
    above_pct=-0.05,
    below_pct=1.67,
    stage_above="broken",
    stage_below="armed",
    attempts_long=1,
    attempts_short=0,
    max_attempts=2,
    code="awaits_retest",
    text="447.5 broke, filtered (volume 0.80 of 1.50); waits until it comes back to it",
    source="scanner_results_20260310.json",
    filters=(
        FilterView("bars", True, 20.0, 20.0),
        FilterView("volume", False, 0.8, 1.5),
        FilterView("thrust", False, None, 1.0),
    ),
)
AMD = replace(
    TSLA,
    symbol="AMD",
    above_pct=None,
    below_pct=None,
    code="no_signal",
    text="waits",
    filters=(),
    source="[b]x\x1b[31m",
)
PIVOTS = StrategyView("pivots", "pivot_break", ("AMD", "TSLA"), "5s", "live", trades_levels=True)
QUIET = CycleTrace(
    datetime(2026, 3, 10, 14, 3, 5, tzinfo=UTC),
    (
        StageView(
            Stage.UNIVERSE, 503, 41, (("min_volume", 380), ("max_spread", 60), ("unknown_liquidity", 22)), 1.2
        ),
        StageView(Stage.TRIGGER, 41, 3, (("no_signal", 30), ("warming_up", 6), ("in_position", 2)), 0.4),
        StageView(Stage.RULES, 3, 1, (("filtered", 2),)),
        StageView(Stage.RISK, 1, 0, (("max_positions", 1),), 0.1),
        StageView(Stage.EXECUTION, 0, 0),
        StageView(Stage.STATE, 0, 0),
    ),
)
BUSY = CycleTrace(
    datetime(2026, 3, 10, 13, 41, 20, tzinfo=UTC),
    tuple(StageView(stage, 2, 2, (), 0.3) for stage in Stage),
)
TRACED = replace(NORMAL.selection, pipeline=PipelineView(QUIET, BUSY))
WATCHING = replace(NORMAL, setups=(TSLA, AMD), strategies=(*NORMAL.strategies, PIVOTS), selection=TRACED)


async def test_the_watch_list_shows_levels_ways_attempts_and_filters(open_desk: OpenDesk) -> None:
    async with open_desk(WATCHING, size=(80, 24)) as desk:
        await desk.press("3")
        dialog = desk.app.screen
        assert isinstance(dialog, SetupsDialog)

        assert [row.key for row in dialog.table.rows][:2] == [key_of(TSLA), key_of(AMD)]
        words = desk.text("text")
        assert "awaits_retest" in words
        assert "✗ volume" in words
        assert "0.80 of 1.50" in words
        assert "— of 1.00" in words

        await desk.press("down")
        words = desk.text("text")
        assert "no break was judged yet" in words
        assert "[b]x" in words
        assert "\x1b" not in words
        await desk.press("escape")
        assert not isinstance(desk.app.screen, SetupsDialog)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_every_instrument_without_levels_says_why_it_is_not_entered_with_its_code(
    open_desk: OpenDesk, size: tuple[int, int]
) -> None:
    async with open_desk(NORMAL, size=size) as desk:
        await desk.press("3")
        dialog = desk.app.screen
        assert isinstance(dialog, SetupsDialog)

        rows = dialog.table.rows
        assert [row.key for row in rows] == [key_of(why) for why in NORMAL.why_not]
        assert [row.cells[6].text for row in rows] == [why.code for why in NORMAL.why_not]
        assert NORMAL.why_not[0].code in desk.text("text")
        await desk.publish(setups=(AMD,))
        assert dialog.table.rows[0].key == key_of(AMD)


async def test_where_nobody_trades_levels_it_says_how_to_switch_the_breakout_on(open_desk: OpenDesk) -> None:
    async with open_desk(NORMAL, size=(80, 24)) as desk:
        await desk.press("3")
        assert 'kind = "pivot_break"' in desk.text("text")
        await desk.publish(strategies=(PIVOTS,))
        assert 'kind = "pivot_break"' not in desk.text("text")


@pytest.mark.req("247-PIPE")
@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_it_says_in_figures_why_nothing_happened(open_desk: OpenDesk, size: tuple[int, int]) -> None:
    async with open_desk(WATCHING, size=size) as desk:
        await desk.press("3")
        words = " ".join(desk.text("text").split())
        assert "503 → universe 41 → trigger 3 → rules 1 → risk 0" in words

        await desk.press("enter")
        page = desk.text("text")
        assert "503 → 41: min volume 380, max spread 60, unknown liquidity 22" in " ".join(page.split())
        assert "1 → 0: max positions 1" in page
        assert "The last one with a proposal, 09:41:20" in page
        await desk.publish(selection=replace(TRACED, pipeline=PipelineView(QUIET)))
        assert "No strategy has proposed anything" in desk.text("text")
        await desk.press("escape")
        assert isinstance(desk.app.screen, SetupsDialog)
