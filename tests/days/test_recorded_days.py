"""Recorded days as markets: the pivot trader trades them over the wire in lockstep, always the same."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from tests.days.golden import again, path_of, trades_of, up_to
from tests.days.lockstep import in_lockstep
from tests.days.recorded import DAYS, RecordedDay, named, needs_data, setup_of

pytestmark = needs_data

UNTIL = time(10, 2)


@in_lockstep
async def test_a_tape_that_ends_early_gives_the_kept_trades_of_the_whole_day_up_to_there(
    tmp_path: Path,
) -> None:
    """So the trades are as kept, and none of them knows what the rest of the day brings."""
    one = named("BAC-20131008")

    told = await trades_of(one, tmp_path, until=UNTIL, tape_ends=True)

    kept = path_of(one).read_text(encoding="utf-8")
    assert told == up_to(kept, UNTIL)
    assert "momentum" in told
    assert "5min_rule" in told
    found = again(one, tmp_path)
    assert found.differences == ()
    assert found.decisions > 0
    assert found.orders > 0


@pytest.mark.parametrize("one", DAYS.values(), ids=lambda one: one.name)
def test_every_recorded_day_has_its_kept_trades_and_levels_from_before_its_open(one: RecordedDay) -> None:
    kept = path_of(one).read_text(encoding="utf-8")
    setup = setup_of(one)

    assert kept.startswith(f"# {one.symbol} {one.day}: resistance {setup.resistance:g} ")
