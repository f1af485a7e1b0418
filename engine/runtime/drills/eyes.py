"""Looks at a drill's engine and exchange in short steps, and keeps every look for the verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from engine.api import EngineState, Snapshot
from engine.runtime.drills.criteria import Sight
from engine.runtime.drills.place import Place, Report

STEP_S: Final = 0.05
_STOPS: Final = frozenset({"STP", "STP LMT", "TRAIL"})


class Eyes:
    """Every look at one place, oldest first."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.sights: list[Sight] = []

    def look(self) -> Sight:
        """Look once."""
        sight = sight_of(time.monotonic(), self._place.snapshot(), self._place.report())
        self.sights.append(sight)
        return sight

    def until(self, condition: Callable[[Sight], bool], *, within_s: float) -> float | None:
        """When `condition` first held (monotonic); None where it did not within the time."""
        deadline_s = time.monotonic() + within_s
        while True:
            sight = self.look()
            if condition(sight):
                return sight.at_s
            if sight.at_s > deadline_s:
                return None
            time.sleep(STEP_S)


def sight_of(at_s: float, snapshot: Snapshot | None, report: Report | None) -> Sight:
    """One look, from what both sides say."""
    held, covered = (None, {}) if report is None else (dict(report["positions"]), covered_by(report))
    if snapshot is None:
        return Sight(at_s, False, False, False, "", {}, held, covered)
    return Sight(
        at_s,
        answers=True,
        connected=snapshot.connected,
        entries_allowed=snapshot.entries_allowed,
        state=snapshot.engine_state.value,
        shown={p.symbol: p.quantity for p in snapshot.positions if p.quantity},
        held=held,
        covered=covered,
        alerts=frozenset(alert.code for alert in snapshot.alerts),
        statuses=frozenset(order.status for order in snapshot.orders),
    )


def covered_by(report: Report) -> Mapping[str, int]:
    """Symbol -> units that working stops at the exchange would close."""
    covered: dict[str, int] = {}
    for order in report["orders"]:
        if order["type"] in _STOPS:
            covered[order["symbol"]] = covered.get(order["symbol"], 0) + int(order["remaining"])
    return covered


def trades(sight: Sight) -> bool:
    """Whether all is well: in READY, entries on, everything held covered, and both sides say the same."""
    held = sight.held
    return (
        sight.answers
        and sight.connected
        and sight.entries_allowed
        and sight.state == EngineState.READY.value
        and held is not None
        and held == sight.shown
        and all(sight.covered.get(symbol, 0) >= abs(quantity) for symbol, quantity in held.items())
    )


def in_position(sight: Sight) -> bool:
    """Whether all is well and something is held."""
    return bool(sight.held) and trades(sight)
