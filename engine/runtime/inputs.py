"""What others find out about markets, for the gate: each writes its own field, the gate reads them all.

The defaults change nothing: no regime, no themes, no tiers, and every product trades.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.risk.refusal import Refusal
from engine.risk.selection import Objection, ProductStatus, Selection

_TRADING = ProductStatus.TRADING


@dataclass(slots=True)
class GateInputs:
    """Written on the engine loop only. What is no longer so is taken out of its dictionary."""

    regime_multiplier: float = 1.0
    """Factor of the whole market on sizes and on the caps in percent; 0 forbids entries."""
    themes: dict[str, str] = field(default_factory=dict)
    """Instrument key -> theme or cluster whose exposure is capped together."""
    tiers: dict[str, int] = field(default_factory=dict)
    """Instrument key -> tier of the universe, 1 to 3."""
    status: dict[str, ProductStatus] = field(default_factory=dict)
    """Instrument key -> what the exchange says of it, where that is not simply trading."""
    outliers: dict[str, Objection] = field(default_factory=dict)
    """Instrument key -> what is wrong with its last price."""
    stale: dict[str, Objection] = field(default_factory=dict)
    """Instrument key -> what of its data is too old."""
    excluded: dict[str, Refusal] = field(default_factory=dict)
    """Instrument key -> why the universe leaves it out."""

    depth_floors: dict[str, int] = field(default_factory=dict)
    """Instrument key -> units at the touch below which it is thinner than it nearly ever is."""

    def selection(self, key: str) -> Selection:
        """All of it for one instrument."""
        status, outlier = self.status.get(key, _TRADING), self.outliers.get(key)
        stale, excluded = self.stale.get(key), self.excluded.get(key)
        # As its own `__new__` makes it, without the call before that.
        made = (self.regime_multiplier, self.themes, self.tiers, status, outlier, stale, excluded)
        return tuple.__new__(Selection, made)
