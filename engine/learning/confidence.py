"""How often forecasts came true: per contract, regime and half-hour, each leaning on what lies above it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from engine.learning import plain
from engine.learning.estimator import Plain

BINS: Final = 10
LEAST_PRIOR: Final = 2.0
MOST_PRIOR: Final = 1000.0
"""Outcomes that a cell's parent is worth at least and at most."""
Z_95: Final = 1.96

Path = tuple[str, ...]
"""Contract, regime, half-hour; shorter paths are the parents of longer ones."""


class Cell(NamedTuple):
    """What is known of one cell. Counts are of outcomes that do not overlap."""

    path: Path
    right: float
    n: float
    p: float
    """Share that comes true, shrunk to the parent's."""
    low: float
    high: float
    """95 % interval."""


class ConfidenceTable:
    """Beta-binomial shrinkage down a tree: p = (k + n0·parent) / (n + n0).

    n0 comes from how much sibling cells really differ (method of moments): where they differ by chance
    alone, each is worth what its parent says. A cell never opens a gate: there are too many of them.
    """

    def __init__(self) -> None:
        self._counts: dict[Path, tuple[float, float]] = {}

    def learn(self, path: Path, *, is_right: bool) -> None:
        """One outcome that overlaps with none before; counts in the cell and in all its parents."""
        for depth in range(len(path) + 1):
            right, n = self._counts.get(path[:depth], (0.0, 0.0))
            self._counts[path[:depth]] = (right + float(is_right), n + 1.0)

    def cell(self, path: Path) -> Cell:
        """One cell, known or not: an unknown one says what its parent says, widely."""
        p, worth = 0.5, LEAST_PRIOR
        for depth in range(len(path) + 1):
            right, n = self._counts.get(path[:depth], (0.0, 0.0))
            worth = self._worth(path[:depth]) if depth else LEAST_PRIOR
            p = (right + worth * p) / (n + worth)
        right, n = self._counts.get(path, (0.0, 0.0))
        low, high = wilson(p, n + worth)
        return Cell(path, right, n, p, low, high)

    def cells(self, depth: int) -> Sequence[Cell]:
        """Every known cell of one depth (1 contracts, 2 with regime, 3 with half-hour), by name."""
        return [self.cell(path) for path in sorted(self._counts) if len(path) == depth]

    def _worth(self, path: Path) -> float:
        """How many outcomes the parent is worth to this cell and its siblings."""
        parent = path[:-1]
        rows = [
            counts
            for other, counts in self._counts.items()
            if len(other) == len(path) and other[:-1] == parent and counts[1] > 0
        ]
        if len(rows) < 2:
            return LEAST_PRIOR
        n = math.fsum(one[1] for one in rows)
        mean = math.fsum(one[0] for one in rows) / n
        noise = mean * (1.0 - mean)
        spread = math.fsum(one[1] * (one[0] / one[1] - mean) ** 2 for one in rows)
        effective = n - math.fsum(one[1] ** 2 for one in rows) / n
        between = (spread - noise * (len(rows) - 1)) / effective if effective > 0 else 0.0
        if between <= 0.0:
            return MOST_PRIOR
        return min(MOST_PRIOR, max(LEAST_PRIOR, noise / between - 1.0))

    def state(self) -> dict[str, Plain]:
        """All counts."""
        cells: list[Plain] = [[list(path), right, n] for path, (right, n) in sorted(self._counts.items())]
        return {"cells": cells}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        counts: dict[Path, tuple[float, float]] = {}
        for row in plain.items(state, "cells"):
            match row:
                case [list(path), int() | float() as right, int() | float() as n]:
                    counts[tuple(str(part) for part in path)] = (float(right), float(n))
                case _:
                    raise plain.StateError(f"state of a model: cells holds {row!r}")
        self._counts = counts


class Reliability(NamedTuple):
    """One bar of the reliability diagram."""

    claimed: float
    came_true: float
    n: int


class Calibration:
    """How honest the shown probabilities have been: reliability, Brier score, calibration error."""

    def __init__(self) -> None:
        self._rows = [[0.0, 0.0, 0.0] for _ in range(BINS)]
        self._brier = 0.0
        self.n = 0

    def learn(self, p: float, *, is_right: bool) -> None:
        """One forecast of its own direction (p of at least one half) and whether it came true."""
        if not 0.0 <= p <= 1.0:
            return
        row = self._rows[min(BINS - 1, int((p - 0.5) * 2 * BINS))] if p >= 0.5 else self._rows[0]
        row[0] += p
        row[1] += float(is_right)
        row[2] += 1.0
        self._brier += (p - float(is_right)) ** 2
        self.n += 1

    @property
    def brier(self) -> float:
        """Mean squared error; NaN before the first outcome."""
        return self._brier / self.n if self.n else math.nan

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of claimed and seen; NaN before the first outcome."""
        gaps = math.fsum(abs(claimed - seen) for claimed, seen, _ in self._rows)
        return gaps / self.n if self.n else math.nan

    def diagram(self) -> Sequence[Reliability]:
        """The bars that have outcomes, from one half upwards."""
        return [Reliability(c / n, seen / n, int(n)) for c, seen, n in self._rows if n]

    def state(self) -> dict[str, Plain]:
        """All sums."""
        return {"rows": [x for row in self._rows for x in row], "brier": self._brier, "n": self.n}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        flat = plain.floats(state, "rows", count=3 * BINS)
        self._brier, self.n = plain.number(state, "brier"), plain.whole(state, "n")
        self._rows = [flat[3 * index : 3 * index + 3] for index in range(BINS)]


class Coverage:
    """Adaptive conformal sets (Gibbs, Candes): certifies coverage, not money. A figure of health only."""

    def __init__(self, *, miss: float = 0.2, step: float = 0.01) -> None:
        self._target, self._step = miss, step
        self._level = miss
        self.n = self._covered = self._singles = 0

    def learn(self, p_up: float, *, up: bool) -> None:
        """One forecast and its outcome. A label is in the set where its probability is not too low."""
        inside = {label for label, p in ((True, p_up), (False, 1.0 - p_up)) if p >= self._level}
        covered = up in inside
        self._level += self._step * (self._target - float(not covered))
        self.n += 1
        self._covered += covered
        self._singles += len(inside) == 1

    @property
    def share(self) -> float:
        """Share of outcomes that lay in their set; NaN before the first."""
        return self._covered / self.n if self.n else math.nan

    @property
    def decided(self) -> float:
        """Share of sets that held one label only: how much the model dares to say."""
        return self._singles / self.n if self.n else math.nan

    def state(self) -> dict[str, Plain]:
        """Level and counts."""
        return {"level": self._level, "n": self.n, "covered": self._covered, "singles": self._singles}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        self._level, self.n = plain.number(state, "level"), plain.whole(state, "n")
        self._covered, self._singles = plain.whole(state, "covered"), plain.whole(state, "singles")


def wilson(p: float, n: float) -> tuple[float, float]:
    """95 % interval of a share seen over `n` outcomes; never leaves [0, 1]."""
    scale = 1.0 + Z_95 * Z_95 / n
    middle = (p + Z_95 * Z_95 / (2.0 * n)) / scale
    half = Z_95 / scale * math.sqrt(p * (1.0 - p) / n + Z_95 * Z_95 / (4.0 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
