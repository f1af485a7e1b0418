"""What a person may know of one contract's model: how honest it is, where it is good, how far it dares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from engine.learning import plain
from engine.learning.confidence import Calibration, ConfidenceTable, Coverage, Path
from engine.learning.estimator import Features, Plain

HALF_HOUR_S: Final = 1800.0


class Insight:
    """Confidence by contract, regime and half-hour; reliability; coverage. Decides nothing."""

    def __init__(self, contract: str) -> None:
        self.contract = contract
        self.table = ConfidenceTable()
        self.calibration = Calibration()
        self.coverage = Coverage()
        self._free_at = -math.inf

    def path_of(self, features: Features, at: float, opens_at: float) -> Path:
        """The cell of a decision: contract, regime, half-hour of its session."""
        # Livelier or calmer than the last ten minutes: a line that the market draws itself.
        regime = "lively" if features.get("vol_ratio", 0.0) > 1.0 else "calm"
        since = (at - opens_at) / HALF_HOUR_S
        half_hour = f"{int(since):02d}" if math.isfinite(since) and since >= 0 else "--"
        return (self.contract, regime, half_hour)

    def learn(self, path: Path, *, p_up: float, up: bool, at: float, due: float) -> None:
        """One outcome. Shares and intervals count only those that overlap with none counted before."""
        is_right = (p_up > 0.5) == up
        self.calibration.learn(max(p_up, 1.0 - p_up), is_right=is_right)
        if at < self._free_at:
            return
        self._free_at = due
        self.table.learn(path, is_right=is_right)
        self.coverage.learn(p_up, up=up)

    def state(self) -> dict[str, Plain]:
        """All counts."""
        return {
            "table": self.table.state(),
            "calibration": self.calibration.state(),
            "coverage": self.coverage.state(),
            "free_at": None if self._free_at == -math.inf else self._free_at,
        }

    def restore(self, state: Mapping[str, Plain]) -> None:
        """Continue exactly where `state` was taken."""
        self.table.restore(plain.table(state, "table"))
        self.calibration.restore(plain.table(state, "calibration"))
        self.coverage.restore(plain.table(state, "coverage"))
        free_at = plain.maybe(state, "free_at")
        self._free_at = -math.inf if free_at is None else free_at
