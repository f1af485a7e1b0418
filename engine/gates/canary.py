"""CANARY, the first stage of LIVE: how long it has run connected, and what starts it anew. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from engine.gates.evidence import number

LONGEST_STEP_S: Final = 5.0
"""A longer time between two looks was not watched and counts no more than this."""


class Canary(NamedTuple):
    """Where the stage stands."""

    connected_s: float = 0.0
    """Connected wall time since it began, or since the last breach."""
    restarts: int = 0
    last_breach: str = ""

    def ran(self, elapsed_s: float, *, connected: bool) -> Canary:
        """After `elapsed_s` more of wall time."""
        if not connected or not elapsed_s > 0.0:
            return self
        return self._replace(connected_s=self.connected_s + min(elapsed_s, LONGEST_STEP_S))

    def breached(self, code: str) -> Canary:
        """A safety gate was breached: it starts anew."""
        return Canary(0.0, self.restarts + 1, code)

    def is_over(self, *, hours: float) -> bool:
        """True once it has run connected for `hours` without a breach."""
        return self.connected_s >= hours * 3600.0

    def facts(self) -> dict[str, object]:
        """As it is stored."""
        return dict(self._asdict())


def canary_of(facts: Mapping[str, object]) -> Canary:
    """As `Canary.facts` wrote it; what cannot be read begins anew."""
    connected_s, restarts = number(facts, "connected_s"), number(facts, "restarts")
    if not (math.isfinite(connected_s) and math.isfinite(restarts) and connected_s >= 0):
        return Canary()
    return Canary(connected_s, int(restarts), str(facts.get("last_breach", "")))
