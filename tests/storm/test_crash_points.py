"""Killed before and after every commit and every send of a good run, the engine keeps its promises."""

from __future__ import annotations

import os
import secrets

import pytest

from tests.storm.crashpoints import die_at, golden, points_of, twice

SAMPLE = int(os.environ.get("COCKPIT_CRASH_SAMPLE", "8"))
EVERY = int(os.environ.get("COCKPIT_CRASH_EVERY", "10"))
"""Each run dies at every tenth point, other ones each time; the long campaign at all of them."""


@pytest.mark.req("PS60-PATH-1", "REQ-X1")
def test_a_crash_at_any_commit_or_send_loses_and_doubles_nothing() -> None:
    run = golden()
    assert run.violations == []
    kinds = {line.split()[1] for line in run.journal}
    assert {"sent", "modify", "cancel", "filled"} <= kinds  # an entry, a partial, an exit: worth dying in
    points = tuple(points_of(run))
    assert len(points) >= 60
    chosen = points[secrets.randbelow(EVERY) :: EVERY]
    broken = [died for died in map(die_at, chosen) if died.violations]
    assert not broken, broken[:5]


@pytest.mark.req("PS60-PATH-1")
def test_a_second_crash_during_the_recovery_loses_and_doubles_nothing() -> None:
    points = tuple(points_of(golden()))
    broken = [died for pair in twice(points, sample=SAMPLE) if (died := die_at(*pair)).violations]
    assert not broken, broken[:5]
