"""What people must hear: the numbered event line and the alerts, both bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from engine.api import AlertView, EventView, Level

KEPT_EVENTS = 200
KEPT_ALERTS = 50


class Notices:
    """Events and alerts of this run, newest last. `log` hears of every event, too."""

    def __init__(self, *, now: Callable[[], datetime], log: Callable[[EventView], None]) -> None:
        self._now = now
        self._log = log
        self._events: deque[EventView] = deque(maxlen=KEPT_EVENTS)
        self._alerts: dict[int, AlertView] = {}
        self._seq = 0
        self._next_alert = 1
        self.version = 0

    @property
    def events(self) -> tuple[EventView, ...]:
        """The last 200 events, oldest first."""
        return tuple(self._events)

    @property
    def alerts(self) -> tuple[AlertView, ...]:
        """Alerts that stand, oldest first."""
        return tuple(self._alerts.values())

    def event(self, level: Level, kind: str, text: str, *, symbol: str = "") -> EventView:
        """Add one line of what happened."""
        self._seq += 1
        self.version += 1
        event = EventView(self._seq, self._now(), level, kind, symbol, clean(text))
        self._events.append(event)
        self._log(event)
        return event

    def raise_alert(self, level: Level, code: str, text: str, *, symbol: str = "") -> None:
        """Raise an alert, once per code and symbol until its cause has ended.

        One that was acknowledged stays so while it says the same; with news it is a new alert. One that
        grew worse is a new alert, too, so that its level is the one that counts.
        """
        text = clean(text)
        standing = self._find(code, symbol)
        if standing is not None and standing.level is level:
            if standing.text == text:
                return
            if not standing.acknowledged:
                self._alerts[standing.alert_id] = replace(standing, text=text)
                self.version += 1
                return
        self.event(level, "alert", text, symbol=symbol)
        alert = AlertView(self._next_alert, level, code, symbol, text, self._now())
        self._next_alert += 1
        if standing is not None:
            del self._alerts[standing.alert_id]
        self._alerts[alert.alert_id] = alert
        if len(self._alerts) > KEPT_ALERTS:
            self._drop_one()

    def _drop_one(self) -> None:
        """Make room: the oldest that blocks nothing goes first, so that no block ends unseen."""
        harmless = (a for a in self._alerts.values() if a.acknowledged or a.level is not Level.CRITICAL)
        oldest = next(harmless, None) or next(iter(self._alerts.values()))
        del self._alerts[oldest.alert_id]

    def clear_alert(self, code: str, *, symbol: str = "") -> None:
        """The cause has ended: the alert goes."""
        standing = self._find(code, symbol)
        if standing is not None:
            del self._alerts[standing.alert_id]
            self.version += 1

    def acknowledge(self, alert_id: int) -> AlertView | None:
        """A person has seen it; it no longer blocks. None where there is no such alert."""
        alert = self._alerts.get(alert_id)
        if alert is None:
            return None
        self._alerts[alert_id] = replace(alert, acknowledged=True)
        self.version += 1
        return alert

    def blocking(self, symbol: str) -> AlertView | None:
        """An unacknowledged CRITICAL alert that blocks entries of this symbol (or of all)."""
        for alert in self._alerts.values():
            if alert.level is Level.CRITICAL and not alert.acknowledged and alert.symbol in ("", symbol):
                return alert
        return None

    def _find(self, code: str, symbol: str) -> AlertView | None:
        return next((a for a in self._alerts.values() if (a.code, a.symbol) == (code, symbol)), None)


def clean(text: str) -> str:
    """Text without control characters, so that nothing from outside can steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text)
