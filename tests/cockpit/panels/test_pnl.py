"""The P&L panel: the session's profit and its Sharpe ratio; a dash while there are too few trades."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.frame import Frame
from cockpit.panels.pnl import PnlPanel
from cockpit.spans import text_of
from tests.cockpit.scripted import NORMAL, NOW


@pytest.mark.req("FUT-QA-UI-4")
@pytest.mark.parametrize(("sharpe", "said"), [(0.42, "+0.42 per trade"), (None, "— too few")])
def test_the_sessions_profit_and_its_sharpe_ratio_stand_side_by_side(sharpe: float | None, said: str) -> None:
    frame = Frame(replace(NORMAL, pnl=replace(NORMAL.pnl, sharpe=sharpe)), NOW)
    shown = [" ".join(text_of(one).split()) for one in PnlPanel().build(frame, width=40, height=10)]
    assert shown[0] == "day ▲ +341.48"
    assert f"Sharpe {said}" in shown
