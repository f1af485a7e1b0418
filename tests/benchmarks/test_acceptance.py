"""The document's own limits of speed, as alarms: the whole cockpit with its screen on, twenty stocks."""

from __future__ import annotations

import os

import pytest

from benchmarks import monitoring
from benchmarks.figures import quantile
from benchmarks.hundred import SYMBOLS
from benchmarks.pivot_to_order import measured

BREAKS, MINUTES = 100, 3
BUSY_ECHO_S = 0.002
"""An echo whose worst takes longer than this has told that the machine is busy with others."""


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.req("PS60-ACC-8", "PS60-NFR-SUBMIT", "PLAN-NFR-LATENCY")
def test_a_break_is_an_order_within_100_ms_and_the_close_of_a_bar_within_two_seconds() -> None:
    times = measured(samples=BREAKS, minutes=MINUTES, symbols=SYMBOLS[:20])

    # On a machine that lets an echo wait, every step of a longer way has waited, too.
    patience = max(1.0, quantile(times.echoes_s, 0.99) / BUSY_ECHO_S)
    assert len(times.breaks_s) == BREAKS
    assert quantile(times.breaks_s, 0.99) < 0.100 * patience
    assert quantile(times.breaks_s, 0.95) < 0.050 * patience
    assert max(taken_s for minute in times.minutes_s for taken_s in minute) < 2.0 * patience


POSITIONS, ROUNDS = 20, 1000
LONG = (POSITIONS,) if os.environ.get("COCKPIT_SOAK") else ()
"""Two minutes: `.ci/soak` runs it; tests/runtime/guards has a sample without the screen."""


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.req("PS60-NFR-LOOP")
@pytest.mark.parametrize("positions", LONG)
def test_a_thousand_rounds_over_twenty_positions_with_the_screen_on_stay_below_100_ms(positions: int) -> None:
    times = monitoring.measured(positions=positions, rounds=ROUNDS)

    patience = max(1.0, quantile(times.echoes_s, 0.99) / BUSY_ECHO_S)
    assert len(times.stamps.rounds_s) >= ROUNDS
    assert quantile(times.stamps.rounds_s, 0.95) < 0.100 * patience
    assert times.stamps.lag_ms < 100.0 * patience
