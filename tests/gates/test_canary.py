"""The first stage of LIVE ends only after its hours of connected time without a breach."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gates.canary import LONGEST_STEP_S, Canary, canary_of

HOURS = 48.0
STEPS = st.lists(
    st.one_of(
        st.tuples(st.floats(-10.0, 1e6), st.booleans()),
        st.sampled_from(["naked", "daily_loss"]),
    ),
    max_size=60,
)


@pytest.mark.req("247-GATE-5")
@given(st.floats(0.0, HOURS * 3600.0), STEPS)
def test_it_is_over_exactly_when_the_connected_time_since_the_last_breach_is_enough(
    before_s: float, steps: list[tuple[float, bool] | str]
) -> None:
    stage, since_s, breaches = Canary(before_s), before_s, 0
    for step in steps:
        if isinstance(step, str):
            stage, since_s, breaches = stage.breached(step), 0.0, breaches + 1
        else:
            stage = stage.ran(step[0], connected=step[1])
            since_s += min(max(step[0], 0.0), LONGEST_STEP_S) if step[1] else 0.0

    assert stage.connected_s == pytest.approx(since_s)
    assert stage.restarts == breaches
    assert stage.is_over(hours=HOURS) is (stage.connected_s >= HOURS * 3600.0)


def test_a_night_asleep_is_no_watching() -> None:
    assert Canary().ran(8 * 3600.0, connected=True).connected_s == LONGEST_STEP_S
    assert Canary().ran(math.nan, connected=True).connected_s == 0.0


@pytest.mark.parametrize(
    "facts", [{}, {"connected_s": "much", "restarts": 0}, {"connected_s": math.inf, "restarts": 0}]
)
def test_a_record_that_cannot_be_read_begins_anew(facts: dict[str, object]) -> None:
    assert canary_of(facts) == Canary()
    assert canary_of(Canary(1234.5, 2, "naked").facts()) == Canary(1234.5, 2, "naked")
