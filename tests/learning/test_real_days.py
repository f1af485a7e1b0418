"""Recorded large-tick days, a short stretch of each; the campaign plays them whole."""

from __future__ import annotations

import pytest

from tests.learning.real import DAYS, needs_data, run


@needs_data
@pytest.mark.req("FUT-F4")
def test_a_stretch_of_a_recorded_day_is_learnt_from_without_a_false_step() -> None:
    played = run("BAC", DAYS[:1], horizon_s=10.0, fees_ticks=0.3, minutes=25)

    assert len(played.losses["mixed"]) > 250
    assert played.loss("mixed") < 0.65
    assert not played.opened  # crossing the spread on seconds does not pay
    assert played.alarms == 0
