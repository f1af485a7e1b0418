"""An empty table before the account was compared is not a flat account."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.frame import empty_words
from cockpit.panels.positions import empty_text
from engine.api import EngineState
from tests.cockpit.scripted import NORMAL


@pytest.mark.parametrize("state", list(EngineState))
def test_flat_is_said_only_once_the_account_was_compared(state: EngineState) -> None:
    snapshot = replace(NORMAL, engine_state=state, positions=(), why_not=())

    is_known = state not in {EngineState.BOOTING, EngineState.RECONCILING}
    assert (empty_text(snapshot) == "flat: no positions") is is_known
    assert (empty_words(snapshot, "no orders today") == "no orders today") is is_known
