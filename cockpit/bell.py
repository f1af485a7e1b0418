"""Decides when the terminal's bell rings: once for each loud alert that is new or was escalated. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from engine.api import AlertView, Level

_LEVELS = list(Level)


class Bell:
    """Remembers what it rang for. An alert that was acknowledged or has ended may ring again."""

    def __init__(self, quietest: Level | None) -> None:
        """`quietest` is the least severe level that rings; None never does."""
        self._quietest = quietest
        self._rung: frozenset[tuple[int, bool]] = frozenset()

    def is_due(self, alerts: Iterable[AlertView]) -> bool:
        """Whether these alerts hold one that has not rung yet."""
        if self._quietest is None:
            return False
        least = _LEVELS.index(self._quietest)
        loud = frozenset(
            (alert.alert_id, alert.escalated)
            for alert in alerts
            if not alert.acknowledged and _LEVELS.index(alert.level) >= least
        )
        fresh = loud - self._rung
        self._rung = loud
        return bool(fresh)
