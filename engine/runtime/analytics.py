"""Counters of the trading day: what refused entries, and by which way entries were made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Analytics:
    """Continued after a restart on the same trading day."""

    filter_blocks: Counter[str] = field(default_factory=Counter)
    """Reason code -> entries that it refused."""
    entry_paths: Counter[str] = field(default_factory=Counter)
    """Kind of strategy -> entries that it made."""

    def clear(self) -> None:
        """A new trading day."""
        self.filter_blocks.clear()
        self.entry_paths.clear()
