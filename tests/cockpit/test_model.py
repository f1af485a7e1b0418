"""The Model screen: what is proven and what is not, drift, reliability, how to switch it on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cockpit.frame import Frame
from cockpit.panels.model_page import page_lines
from cockpit.screens.model import ModelDialog, banner, model_rows, without_models
from cockpit.spans import Tone, text_of, width_of
from engine.api import ModelView
from engine.api_learning import ModelState
from tests.cockpit.conftest import Desk, OpenDesk
from tests.cockpit.learning import CONTESTED, FEW, LEARNER, LEARNING, PROVEN, TURNED
from tests.cockpit.scripted import NORMAL, NOW, ago


async def opened(desk: Desk) -> ModelDialog:
    await desk.press("5")
    dialog = desk.app.screen
    assert isinstance(dialog, ModelDialog)
    return dialog


def shown(view: ModelView, *, width: int = 76) -> str:
    lines = page_lines(view, width=width, chart_rows=4, time_zone="America/New_York")
    assert all(width_of(one) <= width for one in lines)
    return " ".join(" ".join(text_of(one) for one in lines).split())


@pytest.mark.req("FUT-F6", "FUT-DO-4", "FUT-QA-UI-2")
def test_a_proven_contract_shows_signal_threshold_evidence_reliability_and_where_it_is_good() -> None:
    rows = model_rows(LEARNING)
    assert [row.cells[0].text for row in rows] == ["ESH6", "NQH6", "ZNH6"]
    assert [row.cells[3].text for row in rows] == ["open", "revoked", "not enough data"]
    words = shown(PROVEN, width=110)
    for part in (
        "why not sure enough, open 12% of the time",
        "▲ up 0.61 calibrated",
        "needs 0.58 (by evidence 0.58, floor 0.52, ceiling 0.85)",
        "412 of 40.0 needed",
        "133 shadow · 7 live · 2 exploring, never evidence",
        "+0.120 (95 %: +0.050 to +0.190)",
        "deflated Sharpe 0.91 (14 tried)",
        "gate open 12 % of the time",
        "no alarm · 38 % wrong in 388 outcomes that do not overlap",
        "champion alone, 0 promoted",
        "calibration error 0.013 · Brier 0.232 · coverage 80 % of 80 · n 2058",
        "ESH6 0.62 n 388",
        "lively 0.64 n 178",
        "+0:30 0.63 n 28",
        "queue 8 % · l1 71 %",
        "Reliability came true by what was claimed, n 2,058",
        "Confidence last 39 m, dotted 0.58 needed",
    ):
        assert part in words, part


@pytest.mark.req("FUT-EDGE-6")
def test_a_contract_that_drifted_shows_before_and_after_its_challenger_and_what_it_needs_now() -> None:
    words = shown(TURNED)
    for part in (
        "why nothing is proven: evidence 1.3 of 240 needed",
        "1 alarm · 61 % wrong in 23 outcomes",
        "1.3 of 240 needed",
        "life 2: each asks for more",
        "drawdown 40 % used, the bar is higher",
        "errors: 0.36 before, 0.64 now, 171 outcomes",
        "challenger at 3.1 of 20.0 needed to take over",
        "only 9: may be chance",
        "needs — (nothing is proven)",
    ):
        assert part in words, part


@pytest.mark.req("FUT-DO-3", "FUT-EDGE-6", "FUT-QA-UI-2")
def test_who_is_champion_and_how_each_rival_stands_is_told() -> None:
    words = shown(CONTESTED)
    for part in (
        "ftrl is champion, no challenger, 1 promoted · ftrl 100 %",
        "bayes 0.2 of 360 needed (log-loss 0.642 against 0.611, n 171)",
        "sgd 1.0 of 360 needed (log-loss — against —, n 171)",
    ):
        assert part in words, part
    assert "rivals" not in shown(PROVEN)


@pytest.mark.req("FUT-DO-4", "FUT-QA-UI-2")
def test_every_figure_below_its_least_number_of_outcomes_is_grey() -> None:
    few = replace(
        PROVEN, labels=29, shadow_trades=29, cells=tuple(replace(one, n=29) for one in PROVEN.cells)
    )

    def tones(view: ModelView, label: str) -> set[Tone]:
        lines = page_lines(view, width=150, chart_rows=0, time_zone="America/New_York")
        (found,) = (one for one in lines if text_of(one).startswith(label))
        return {span.tone for span in found[1:] if span.text.strip()}

    for label in ("signal", "mean R", "honesty", "right"):
        assert tones(few, label) == {Tone.MUTED}, label
        assert Tone.TEXT in tones(PROVEN, label), label


@pytest.mark.req("FUT-DO-4", "FUT-QA-UI-2")
def test_where_there_is_not_enough_data_it_says_so_and_greys_what_may_be_chance() -> None:
    words = shown(FEW)
    assert "not enough data: 4 of 30 outcomes" in words
    assert "no shadow trade since evidence began" in words
    assert "None" not in words
    assert "nan" not in words
    few, many = (row.cells for row in model_rows(replace(LEARNING, models=(FEW, PROVEN))))
    assert few[1].text == few[2].text == few[7].text == "—"
    assert few[8].tone is Tone.MUTED
    assert many[8].tone is Tone.TEXT


def test_without_a_strategy_that_learns_it_says_how_to_switch_one_on() -> None:
    without = " ".join(text_of(one) for one in without_models(NORMAL))
    assert 'kind = "learned_futures"' in without
    with_one = replace(NORMAL, strategies=(LEARNER,), confidence_text="learner: not enough data")
    assert [text_of(one) for one in without_models(with_one)] == ["learner: not enough data"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"entries_allowed": False, "entries_text": "paused"}, "no entries: paused; it goes on learning"),
        ({"connected": False}, "no connection to the broker: nothing is learnt, nothing is entered"),
        ({"as_of": ago(42)}, "the engine is silent for 42 s: figures may be old"),
    ],
)
def test_what_keeps_every_model_from_trading_stands_above_it(change: dict[str, Any], said: str) -> None:
    snapshot = replace(LEARNING, **change)
    assert "".join(text_of(one) for one in banner(snapshot, frame=Frame(snapshot, NOW))) == said


async def test_a_strategy_that_is_off_says_why_as_text_and_the_words_scroll(open_desk: OpenDesk) -> None:
    off = ModelView("learner", "[i]ES", ModelState.OFF, "switched off: [b]x\x1b[31m")
    async with open_desk(replace(LEARNING, models=(off, PROVEN)), size=(80, 24)) as desk:
        dialog = await opened(desk)
        assert dialog.table.rows[0].cells[3].tone is Tone.ERROR
        assert "switched off: [b]x" in desk.text("text")
        assert "\x1b" not in desk.text("text")
        await desk.press("down")
        box = dialog.query_one("#words")
        assert box.virtual_size.height > box.size.height
        await desk.press("pagedown")
        assert box.scroll_y > 0
        assert dialog.table.cursor_key == "learner ESH6"


@pytest.mark.parametrize("changes", [{"course": ()}, {"bins": ()}, {"cells": ()}, {"experts": ()}])
@pytest.mark.parametrize("width", [60, 71, 110, 190])
def test_a_view_fits_its_width_also_without_one_of_its_parts(changes: dict[str, Any], width: int) -> None:
    assert "challenger" in shown(replace(TURNED, **changes), width=width)
