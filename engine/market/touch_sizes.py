"""How thick a market's touch usually is: the size below which only a small share of looks finds it. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

LOOKS: Final = 300
"""Sizes kept, both sides of a look: the last minutes."""
LEAST: Final = 120
"""Sizes seen before anything is said."""
EVERY: Final = 20
"""Sizes between two reckonings."""


class TouchSizes:
    """Of one instrument; written once a second, read by every decision."""

    def __init__(self, *, quantile_pct: float) -> None:
        """`quantile_pct`: the share of looks that may be thinner; 0 says nothing about any."""
        self._quantile_pct = quantile_pct
        self._sizes: deque[int] = deque(maxlen=2 * LOOKS)
        self._until_next = LEAST
        self.floor = 0
        """Units below which the touch is thinner than it nearly ever is; 0 while that is not known."""

    def see(self, bid_size: int, ask_size: int) -> int:
        """Both sides of one look; the floor of now."""
        self._sizes += (bid_size, ask_size)
        self._until_next -= 2
        if self._until_next <= 0:
            self._until_next = EVERY
            ranked = sorted(self._sizes)
            self.floor = ranked[int(len(ranked) * self._quantile_pct / 100.0)] if self._quantile_pct else 0
        return self.floor
