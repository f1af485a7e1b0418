"""Bets against a hypothesis: wealth that can grow only where the hypothesis is false."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from engine.learning import plain
from engine.learning.estimator import Plain

STAKES: Final = tuple(2.0**-j for j in range(1, 7))
"""Shares of the wealth that are bet at once, side by side: no one has to know the right one beforehand."""

RUIN: Final = -700.0
RICHES: Final = 700.0
"""Bounds of a logarithm of wealth: exp stays finite, and state stays JSON. Capping riches is conservative."""


class Bets:
    """Wealth of six gamblers who begin with 1 and bet a fixed share on every outcome.

    With outcomes whose mean is at most 0 the average wealth is a nonnegative supermartingale: it ever
    reaches x with chance 1/x at most (Ville). A floor of 1 makes a detector of it: one that begins anew
    at every moment, with false alarms at least 1/alpha outcomes apart on average.
    """

    def __init__(self, *, restarts: bool = False) -> None:
        self._restarts = restarts
        self._logs = [0.0] * len(STAKES)

    @property
    def wealth(self) -> float:
        """Average wealth now; 1 before the first bet."""
        return math.fsum(math.exp(one) for one in self._logs) / len(STAKES)

    def bet(self, gain: float) -> float:
        """One outcome as a share of the most that could be lost on it; returns the wealth after it.

        A loss beyond twice that share costs the boldest gambler everything: the bound is broken for
        that bet, so the share must be taken from the true worst case.
        """
        for index, stake in enumerate(STAKES):
            log = max(0.0, self._logs[index]) if self._restarts else self._logs[index]
            kept = 1.0 + stake * gain
            log = log + math.log(kept) if kept > 0.0 else RUIN
            self._logs[index] = min(RICHES, max(RUIN, log))
        return self.wealth

    def restart(self) -> None:
        """Begin again with a wealth of 1."""
        self._logs = [0.0] * len(STAKES)

    def state(self) -> list[Plain]:
        """Logarithms of the six wealths."""
        return list(self._logs)

    def restore(self, state: Mapping[str, Plain], name: str) -> None:
        """Continue with the wealths kept under `name`."""
        self._logs = plain.floats(state, name, count=len(STAKES))
