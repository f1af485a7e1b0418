"""What people must hear: the numbered event line and the alerts, both bounded.

An alert is one code about one symbol. It is told when it is raised, told again at most once a minute while
it is raised again, and escalated once when nobody answers. Times are monotonic: a clock that jumps moves
nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from engine.api import AlertView, EventView, Level
from engine.config.redaction import Redactor
from engine.runtime.alerts.catalogue import rule_of
from engine.store.alerts import StoredAlert

KEPT_EVENTS = 200
KEPT_ALERTS = 50


class Telling(StrEnum):
    """Why people are told of an alert now."""

    RAISED = "raised"
    REPEATED = "repeated"
    """It was raised again, or it still stands after a restart."""
    ESCALATED = "escalated"
    """Nobody acknowledged it and its cause goes on."""


class AlertTimes(NamedTuple):
    """Real seconds."""

    dedupe_s: float = 60.0
    """The same alert is told at most once in this time."""
    escalate_s: float = 120.0
    """An alert that stands unacknowledged for this long is escalated, once."""


Hear = Callable[[AlertView, Telling], None]
Key = tuple[str, str]


@dataclass(slots=True)
class _Alert:
    """One alert and what was done about it. `_s` are monotonic."""

    view: AlertView
    record: StoredAlert
    since_s: float
    told_s: float
    untold: bool = False
    """True where it was raised again since people were told."""

    @property
    def is_open(self) -> bool:
        """Nobody has answered."""
        return not self.view.acknowledged


class Notices:
    """Events and alerts of this run, newest last. `log` hears of every event, too."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        log: Callable[[EventView], None],
        times: AlertTimes | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        """`redactor` takes secrets out of every text before anybody sees or stores it."""
        self._now = now
        self._monotonic = monotonic
        self._log = log
        self._times = times or AlertTimes()
        self.redactor = redactor or Redactor()
        self._events: deque[EventView] = deque(maxlen=KEPT_EVENTS)
        self._alerts: dict[Key, _Alert] = {}
        self._ended: dict[Key, _Alert] = {}
        """Those that ended a moment ago: one that comes back is no news."""
        self._unsaved: dict[int, StoredAlert] = {}
        self._hearers: list[Hear] = []
        self._on_unsaved: Callable[[], None] = _nobody
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
        return tuple(alert.view for alert in self._alerts.values())

    def event(self, level: Level, kind: str, text: str, *, symbol: str = "", ref: str = "") -> EventView:
        """Add one line of what happened; `ref` is the order or the signal it is about."""
        self._seq += 1
        self.version += 1
        text = self.redactor(clean(text))
        event = EventView(self._seq, self._now(), level, kind, symbol, text, ref)
        self._events.append(event)
        self._log(event)
        return event

    # --- who hears, and what is written down ----------------------------------------------------

    def on_event(self, log: Callable[[EventView], None]) -> None:
        """Let one more hear of every event; must not wait for anything."""
        first = self._log

        def both(event: EventView) -> None:
            first(event)
            log(event)

        self._log = both

    def on_told(self, hear: Hear) -> None:
        """Let somebody hear whenever people are to be told of an alert; must not wait for anything."""
        self._hearers.append(hear)

    def on_unsaved(self, call: Callable[[], None]) -> None:
        """Call this when rows of alerts wait to be made durable."""
        self._on_unsaved = call

    def take_unsaved(self) -> tuple[StoredAlert, ...]:
        """The rows that wait; whoever takes them gives back what was not written."""
        rows = tuple(self._unsaved.values())
        self._unsaved.clear()
        return rows

    def give_back(self, rows: Iterable[StoredAlert]) -> None:
        """These were not written. What became of an alert meanwhile is newer and stays."""
        self._unsaved = {row.alert_id: row for row in rows} | self._unsaved

    def restore(self, standing: Iterable[StoredAlert], *, highest_id: int) -> None:
        """Alerts that stood when the run before ended stand on, under their ids; open ones are told again.

        The time in which nobody answered goes on, too: restarts put no escalation off.
        """
        self._next_alert = max(self._next_alert, highest_id + 1)
        now_s = self._monotonic()
        for row in standing:
            waited_s = (self._now() - row.at).total_seconds()
            since_s = now_s - min(max(0.0, waited_s), self._times.escalate_s)
            alert = _Alert(_view(row), row, since_s, now_s)
            self._alerts[row.code, row.symbol] = alert
            if alert.is_open:
                self._tell(alert, Telling.REPEATED)

    # --- raising and ending ---------------------------------------------------------------------

    def raise_alert(self, level: Level, code: str, text: str, *, symbol: str = "") -> None:
        """Raise an alert, once per code and symbol until its cause has ended.

        One that was acknowledged stays so while it says the same; with news it is a new alert. One that
        grew worse is a new alert, too, so that its level is the one that counts.
        """
        text, key = self.redactor(clean(text)), (code, symbol)
        standing = self._alerts.get(key)
        if standing is None:
            if not self._came_back(key, level, text):
                self._raise(level, key, text)
        elif standing.view.level is not level or (standing.view.acknowledged and standing.view.text != text):
            self._end(key)
            self._raise(level, key, text)
        else:
            self._again(standing, text)

    def reword(self, code: str, text: str, *, symbol: str = "") -> None:
        """Say a standing alert in words that are true now. No news: nobody is told, an answer stands."""
        text, alert = self.redactor(clean(text)), self._alerts.get((code, symbol))
        if alert is None or alert.view.text == text:
            return
        alert.view = replace(alert.view, text=text)
        alert.record = alert.record._replace(text=text)
        self._save(alert)
        self.version += 1

    def tick(self) -> None:
        """Tell again what was raised again, and escalate what nobody answered. Call about once a second."""
        now_s, times = self._monotonic(), self._times
        for alert in tuple(self._alerts.values()):
            if not alert.is_open:
                continue
            if not alert.view.escalated and now_s - alert.since_s >= times.escalate_s:
                self._escalate(alert)
            elif alert.untold and now_s - alert.told_s >= times.dedupe_s:
                self._tell(alert, Telling.REPEATED)
        old = [key for key, alert in self._ended.items() if now_s - alert.told_s >= times.dedupe_s]
        for key in old:
            del self._ended[key]

    def clear_alert(self, code: str, *, symbol: str = "") -> None:
        """The cause has ended: the alert goes."""
        if (code, symbol) in self._alerts:
            self._ended[code, symbol] = self._end((code, symbol))
            self.version += 1

    def acknowledge(self, alert_id: int, *, who: str = "operator") -> AlertView | None:
        """A person has seen it; it no longer blocks. None where there is no such alert."""
        alert = next((a for a in self._alerts.values() if a.view.alert_id == alert_id), None)
        if alert is None:
            return None
        if alert.is_open:
            seen, now, rule = alert.view, self._now(), rule_of(alert.view.code)
            # What only a person can end has ended with that; it stays on screen until the run ends.
            ended = now if rule is not None and not rule.ends_itself else None
            alert.view = replace(seen, acknowledged=True)
            alert.record = alert.record._replace(
                acknowledged_at=now, acknowledged_by=clean(who), resolved_at=ended
            )
            self._save(alert)
            self.version += 1
        return alert.view

    def blocking(self, symbol: str) -> AlertView | None:
        """An unacknowledged CRITICAL alert that blocks entries of this symbol (or of all)."""
        for held in self._alerts.values():
            alert = held.view
            if alert.level is Level.CRITICAL and not alert.acknowledged and alert.symbol in ("", symbol):
                return alert
        return None

    # --- inside ---------------------------------------------------------------------------------

    def _raise(self, level: Level, key: Key, text: str) -> None:
        code, symbol = key
        row = StoredAlert(self._next_alert, code, level.value, symbol, text, self._now())
        self._next_alert += 1
        now_s = self._monotonic()
        alert = self._alerts[key] = _Alert(_view(row), row, now_s, now_s)
        self._tell(alert, Telling.RAISED)
        if len(self._alerts) > KEPT_ALERTS:
            self._drop_one()

    def _came_back(self, key: Key, level: Level, text: str) -> bool:
        """Whether it is the one that ended a moment ago: it stands again and blocks, and is told in time."""
        ended = self._ended.pop(key, None)
        if ended is None or (ended.view.level, ended.view.text) != (level, text):
            return False
        now_s = self._monotonic()
        if now_s - ended.told_s >= self._times.dedupe_s:
            return False
        ended.since_s = now_s
        ended.view = replace(ended.view, acknowledged=False)
        ended.record = ended.record._replace(acknowledged_at=None, acknowledged_by="", resolved_at=None)
        self._alerts[key] = ended
        self._again(ended, text)
        self._save(ended)
        self.version += 1
        return True

    def _again(self, alert: _Alert, text: str) -> None:
        """The cause goes on, or says something new: counted, and told when it is time."""
        count = alert.view.count + 1
        if alert.view.text != text:
            self.version += 1
        alert.view = replace(alert.view, text=text, count=count)
        alert.record = alert.record._replace(text=text, raised=count)
        if not alert.is_open:
            return
        alert.untold = True
        if self._monotonic() - alert.told_s >= self._times.dedupe_s:
            self._tell(alert, Telling.REPEATED)

    def _escalate(self, alert: _Alert) -> None:
        alert.view = replace(alert.view, escalated=True)
        alert.record = alert.record._replace(escalated_at=self._now())
        self._tell(alert, Telling.ESCALATED)

    def _tell(self, alert: _Alert, why: Telling) -> None:
        alert.told_s, alert.untold = self._monotonic(), False
        view = alert.view
        self.event(view.level, "alert", _line(view, why), symbol=view.symbol)
        self._save(alert)
        for hear in self._hearers:
            hear(view, why)

    def _end(self, key: Key) -> _Alert:
        alert = self._alerts.pop(key)
        if alert.record.resolved_at is None:
            alert.record = alert.record._replace(resolved_at=self._now())
        self._save(alert)
        return alert

    def _drop_one(self) -> None:
        """Make room: the oldest that blocks nothing goes first, so that no block ends unseen."""
        views = self.alerts
        harmless = (a for a in views if a.acknowledged or a.level is not Level.CRITICAL)
        oldest = next(harmless, None) or views[0]
        self._end((oldest.code, oldest.symbol))

    def _save(self, alert: _Alert) -> None:
        self._unsaved[alert.record.alert_id] = alert.record
        self._on_unsaved()


def clean(text: str) -> str:
    """Text without control characters, so that nothing from outside can steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text)


def _line(view: AlertView, why: Telling) -> str:
    match why:
        case Telling.RAISED:
            return view.text
        case Telling.REPEATED:
            return f"{view.text} (alert {view.alert_id} stands, {view.count} times so far)"
        case Telling.ESCALATED:
            return f"{view.text} (alert {view.alert_id} is not acknowledged: ESCALATED)"


def _view(row: StoredAlert) -> AlertView:
    rule = rule_of(row.code)
    return AlertView(
        alert_id=row.alert_id,
        level=Level(row.level),
        code=row.code,
        symbol=row.symbol,
        text=row.text,
        at=row.at,
        acknowledged=row.acknowledged_at is not None,
        count=row.raised,
        escalated=row.escalated_at is not None,
        to_do="" if rule is None else rule.to_do,
    )


def _nobody() -> None:
    """No store listens yet: the rows wait."""
