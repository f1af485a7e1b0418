"""The header says in the first place that LIVE is in its first stage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.frame import Frame
from cockpit.panels.header import state_line
from cockpit.spans import text_of
from engine.api import Mode
from engine.api_gates import GatesView
from tests.cockpit.scripted import NORMAL, NOW


@pytest.mark.req("247-GATE-5")
@pytest.mark.parametrize(("stage", "shown"), [("CANARY", "LIVE CANARY · "), ("FULL", "LIVE · ")])
def test_the_stage_of_live_is_shown(stage: str, shown: str) -> None:
    live = replace(NORMAL, mode=Mode.LIVE, gateway_text="IBKR U777", gates=GatesView(stage=stage))

    assert text_of(state_line(Frame(live, NOW), width=80)).strip().startswith(shown)
