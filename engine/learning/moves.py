"""How far prices move, and how unlike the known a market is: slow averages of what was seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from engine.learning import plain
from engine.learning.estimator import Plain
from engine.learning.ranks import RecentRanks

MEMORY: Final = 1000
"""Labels over which the mean size of a move is taken."""
STRANGE_SHARE: Final = 0.999
STRANGE_FACTOR: Final = 3.0
"""An input is unfamiliar from so many times the quantile that all but a thousandth stay below."""
STRANGE_WINDOW: Final = 2000
STRANGE_LEAST: Final = 500


class MoveSize:
    """Mean size of a move given that there is one, over about the last thousand moves."""

    def __init__(self) -> None:
        self.mean = 0.0
        self._count = 0

    def learn(self, size: float) -> None:
        """One move, in ticks or any one unit; what is not finite or not positive is no move."""
        if not (math.isfinite(size) and size > 0.0):
            return
        self._count = min(self._count + 1, MEMORY)
        self.mean += (size - self.mean) / self._count

    def state(self) -> dict[str, Plain]:
        """Mean and count."""
        return {"mean": self.mean, "count": self._count}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        self.mean, self._count = plain.number(state, "mean"), plain.whole(state, "count")


class Familiarity:
    """Refuses inputs far outside of what was learnt, by the model's own doubt about them (v'Pv).

    Doubt falls as the model learns, so it is held against the doubt of the last inputs, not of all.
    """

    def __init__(self) -> None:
        self._doubts = RecentRanks(STRANGE_WINDOW)

    def is_unfamiliar(self, doubt: float) -> bool:
        """Take the doubt about the next input; True where it is far above that about the others."""
        if not math.isfinite(doubt):
            return True
        enough = len(self._doubts) >= STRANGE_LEAST
        strange = enough and doubt > STRANGE_FACTOR * self._doubts.quantile(STRANGE_SHARE)
        self._doubts.add(doubt)
        return strange

    def state(self) -> dict[str, Plain]:
        """The last doubts."""
        return {"doubts": self._doubts.state()}

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        self._doubts.restore(state, "doubts")
