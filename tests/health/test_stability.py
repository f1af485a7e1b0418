"""Health blocks at once and lets go after all was well for the whole stable time, whatever came between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.reasons import Reason
from engine.health.stability import Stability
from engine.health.verdicts import Check, bad, ok, warn

WELL = ok(Check.LOOP, "max lag 0.1 ms")
LATE = bad(Check.LOOP, Reason.LOOP_LAG, "300 ms late")
FULL = bad(Check.MEMORY, Reason.MEMORY, "90 % in use")


def test_what_is_bad_blocks_at_once_with_every_name() -> None:
    block = Stability().judge([WELL, LATE, FULL], now_s=0.0, stable_s=5.0)

    assert block is not None
    assert block.reason is Reason.LOOP_LAG
    assert block.text == "loop: 300 ms late; memory: 90 % in use"


def test_a_warning_blocks_nothing() -> None:
    assert Stability().judge([warn(Check.CPU, "busy")], now_s=0.0, stable_s=5.0) is None


def test_a_relapse_begins_the_stable_time_anew() -> None:
    health = Stability()
    health.judge([LATE], now_s=0.0, stable_s=5.0)
    settling = health.judge([WELL], now_s=1.0, stable_s=5.0)
    health.judge([LATE], now_s=4.0, stable_s=5.0)

    assert settling is not None
    assert settling.reason is Reason.HEALTH_SETTLING
    assert settling.text == "loop well again, entries in 4 s"
    assert health.judge([WELL], now_s=8.9, stable_s=5.0) is not None
    assert health.judge([WELL], now_s=9.0, stable_s=5.0) is None


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(min_value=0, max_value=10))
def test_entries_go_on_exactly_when_all_was_well_for_the_stable_time(looks: list[bool], stable: int) -> None:
    """One look a second; the model is a count of good looks in a row."""
    health, last_bad = Stability(), None
    for second, well in enumerate(looks):
        block = health.judge([WELL if well else LATE], now_s=float(second), stable_s=float(stable))
        last_bad = last_bad if well else second
        free = well and (last_bad is None or second - last_bad >= stable)
        assert (block is None) == free
