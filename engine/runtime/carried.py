"""What positions held overnight had earned before the day began: the day's P&L counts without it.

It is reckoned at the mark of the day's begin; where no price was there, at the first one of the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.domain.position import Position
from engine.ledger.pnl import unrealized_usd


@dataclass(slots=True)
class Carried:
    """Per position of the days before, in USD before fees."""

    usd: dict[str, float] = field(default_factory=dict)
    """Instrument key -> unrealised when the day began; negative for a loss."""
    waiting: set[str] = field(default_factory=set)
    """Keys held since before the day, without a price yet."""

    def begin(self, positions: Iterable[Position]) -> None:
        """A new day: everything that is held was opened before it."""
        self.usd, self.waiting = {}, {position.key for position in positions}

    def settle(self, positions: Iterable[Position], marks: Mapping[str, float]) -> None:
        """Reckon what now has a price. To be called before anything is made of the day's P&L."""
        if not self.waiting:
            return
        held = {position.key: position for position in positions}
        for key in tuple(self.waiting):
            position = held.get(key)
            worth = 0.0 if position is None else unrealized_usd((position,), marks)
            if worth is not None:
                self.usd[key] = worth
                self.waiting.discard(key)

    @property
    def is_begun(self) -> bool:
        """True where something was held when the day began."""
        return bool(self.usd or self.waiting)

    @property
    def total_usd(self) -> float:
        """All of it."""
        return sum(self.usd.values())
