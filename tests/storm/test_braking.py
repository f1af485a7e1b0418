"""A KILL among working orders: it keeps to its figures, and bugs that would break them are seen."""

from __future__ import annotations

import pytest

from tests.storm.plant import PLANTS, planted
from tests.storm.weather import Blow, Moment, Weather
from tests.storm.world import Storm

_KILL = (Moment(11.0, Blow.KILL_FILE, 1),)
LATE = Weather(thin=0.9, fill_after_cancel=0.9, long_after=0.9, blows=_KILL, horizon_s=40.0)
"""Entries wait, and fill when the KILL has long proven flat."""
STUBBORN = Weather(thin=1.0, cancel_refused=0.97, blows=_KILL, horizon_s=40.0)
"""No cancel is taken for a long time."""
SEEDS = range(3)
FOUND = {
    "told_when_it_has_ended": LATE,
    "cancels_after_a_pause": LATE,
    "kill_file_at_boot_only": LATE,
    "late_fills_after_the_proof": LATE,
    "asked_once": STUBBORN,
}


def _violations(weather: Weather) -> list[str]:
    return [text for seed in SEEDS for text in Storm(seed, weather=weather).run().violations]


@pytest.mark.req("REQ-K1", "247-GATE-3")
@pytest.mark.parametrize("weather", [LATE, STUBBORN], ids=["late", "stubborn"])
def test_a_kill_by_file_keeps_to_its_figures_where_fills_are_late_and_cancels_refused(
    weather: Weather,
) -> None:
    assert _violations(weather) == []


@pytest.mark.req("REQ-K1")
@pytest.mark.parametrize("name", FOUND)
def test_what_would_break_its_figures_is_seen(name: str) -> None:
    with planted(next(plant for plant in PLANTS if plant.name == name)):
        assert _violations(FOUND[name])
