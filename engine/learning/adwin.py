"""Sees that a mean has changed: a window that grows while nothing moves and is cut when something does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

from engine.learning import plain
from engine.learning.estimator import Plain

PER_SIZE: Final = 5
"""Buckets of one size before the two oldest become one of twice the size."""
LEAST_SIDE: Final = 5
"""Values that either side of a cut must have."""
GRACE: Final = 10
"""Values before the first look."""


class Adwin:
    """Adaptive windowing (Bifet, Gavalda 2007) over values in [0, 1], looked at after every value.

    River has it, too; this one's state is plain numbers and it reports both sides of the cut. Feed it
    outcomes that do not overlap: overlapping labels fabricate drift.
    """

    def __init__(self, *, delta: float = 0.002) -> None:
        self.delta = delta
        self.before, self.after = math.nan, math.nan
        """Means on both sides of the last cut."""
        self._rows: list[list[tuple[float, float]]] = [[]]
        """Row i: buckets of 2^i values as (sum, squared deviations), newest first."""
        self._width = 0
        self._total = 0.0
        self._squares = 0.0

    @property
    def width(self) -> int:
        """Values in the window."""
        return self._width

    @property
    def mean(self) -> float:
        """Mean of the window; NaN while it is empty."""
        return self._total / self._width if self._width else math.nan

    def update(self, value: float) -> bool:
        """Take the next value. True = the mean has changed, and what lay before was dropped."""
        self._insert(value)
        if self._width < GRACE:
            return False
        found = False
        while self._cut_found():
            found = True
            self._drop_oldest()
        return found

    def restart(self) -> None:
        """Forget the window."""
        self._rows, self._width, self._total, self._squares = [[]], 0, 0.0, 0.0

    def state(self) -> dict[str, Plain]:
        """The whole window."""
        rows: list[Plain] = [[part for bucket in row for part in bucket] for row in self._rows]
        return {"rows": rows, "width": self._width, "total": self._total, "squares": self._squares}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        rows = []
        for row in plain.items(state, "rows"):
            flat = plain.floats({"row": row}, "row")
            rows.append(list(zip(flat[::2], flat[1::2], strict=True)))
        self._width = plain.whole(state, "width")
        self._total, self._squares = plain.number(state, "total"), plain.number(state, "squares")
        self._rows = rows

    def _insert(self, value: float) -> None:
        if self._width:
            off = value - self._total / self._width
            self._squares += off * off * self._width / (self._width + 1)
        self._width += 1
        self._total += value
        self._rows[0].insert(0, (value, 0.0))
        for index, row in enumerate(self._rows):
            if len(row) <= PER_SIZE:
                return
            if index + 1 == len(self._rows):
                self._rows.append([])
            (sum_a, sq_a), (sum_b, sq_b), size = row.pop(), row.pop(), float(2**index)
            apart = (sum_a - sum_b) / size
            merged = (sum_a + sum_b, sq_a + sq_b + apart * apart * size / 2.0)
            self._rows[index + 1].insert(0, merged)

    def _oldest_first(self) -> Iterator[tuple[int, float]]:
        for index in range(len(self._rows) - 1, -1, -1):
            for total, _ in reversed(self._rows[index]):
                yield 2**index, total

    def _cut_found(self) -> bool:
        """Some cut has sides whose means differ by more than chance allows."""
        if self._width < 2 * LEAST_SIDE:
            return False
        doubt = math.log(2.0 * math.log(self._width) / self.delta)
        variance = max(0.0, self._squares / self._width)
        old, old_sum = 0, 0.0
        for size, total in self._oldest_first():
            old, old_sum = old + size, old_sum + total
            new = self._width - old
            if new < LEAST_SIDE:
                return False
            if old < LEAST_SIDE:
                continue
            share = 1.0 / (old - LEAST_SIDE + 1) + 1.0 / (new - LEAST_SIDE + 1)
            allowed = math.sqrt(2.0 * share * variance * doubt) + 2.0 / 3.0 * share * doubt
            mean_old, mean_new = old_sum / old, (self._total - old_sum) / new
            if abs(mean_old - mean_new) > allowed:
                self.before, self.after = mean_old, mean_new
                return True
        return False

    def _drop_oldest(self) -> None:
        index = len(self._rows) - 1
        total, squares = self._rows[index].pop()
        size = 2**index
        self._width -= size
        self._total -= total
        if self._width:
            apart = total / size - self._total / self._width
            self._squares -= squares + apart * apart * size * self._width / (size + self._width)
        else:
            self._squares = 0.0
        while len(self._rows) > 1 and not self._rows[-1]:
            self._rows.pop()
