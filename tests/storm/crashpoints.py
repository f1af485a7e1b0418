"""Every place where the process can die in one good run: before and after each commit and each send."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from tests.storm.fate import Point
from tests.storm.weather import Weather
from tests.storm.world import Storm

GOLDEN_SEED = 13
GOLDEN = Weather(horizon_s=32.0)
"""Entries, a partial, exits and a stop that fills, and nothing goes wrong."""
RECOVERY_POINTS = 6


class Died(NamedTuple):
    """One run that died where it was told to, and what became of it."""

    points: tuple[Point, ...]
    violations: tuple[str, ...]


def golden() -> Storm:
    """The run without a crash."""
    return Storm(GOLDEN_SEED, weather=GOLDEN).run()


def points_of(run: Storm) -> Iterator[Point]:
    """Every commit and send of a run, before and after."""
    for kind, total in sorted(run.fate.in_storm.items()):
        for number in range(1, total + 1):
            yield Point(kind, number, after=False)
            yield Point(kind, number, after=True)


def die_at(*points: Point) -> Died:
    """The golden run, dying at the first point, and while it recovers at the next."""
    storm = Storm(GOLDEN_SEED, weather=GOLDEN, points=points).run()
    return Died(points, tuple(storm.violations))


def twice(points: tuple[Point, ...], *, sample: int) -> Iterator[tuple[Point, Point]]:
    """A sample of deaths that are followed by another one during the recovery."""
    rng = random.Random(f"recovery {sample}")
    for first in rng.sample(points, min(sample, len(points))):
        kind = rng.choice(("commit", "commit", "send"))
        yield first, Point(kind, rng.randint(1, RECOVERY_POINTS), rng.random() < 0.5)
