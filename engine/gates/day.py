"""One trading day on a paper account: what has to be known of it, and when it is full and clean. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, NamedTuple

from engine.gates.evidence import Evidence, Kind, counts, moment, number, words

FULL_SHARE: Final = 0.999
"""Share of the regular session for which a full day is connected: the uptime that was promised."""

ON_TIME_S: Final = 5.0
"""An alert reaches people within this."""

BREACHES: Final = frozenset(
    {
        "cap_breach",
        "daily_loss",
        "drawdown",
        "repeated_execution",
        "duplicate_order",
        "surfaced_order",
        "naked",
        "reconcile_mismatch",
        "engine_failed",
        "wrong_account",
    }
)
"""Alerts that say: a limit was reached or passed, or a promise about orders and positions was not kept.

A KILL is none: it is a gate that worked, and what made it necessary is told by an alert of its own.
"""


class Day(NamedTuple):
    """What was seen of one trading day. Seconds are real ones."""

    day: date
    opens: datetime
    closes: datetime
    next_day: date | None = None
    """The trading day that follows, by the broker's calendar."""
    present_s: float = 0.0
    """Connected inside the regular session."""
    seen_close: bool = False
    """The engine was there when the session closed."""
    crashes: int = 0
    errors: int = 0
    """Log records at ERROR or above."""
    breaches: tuple[str, ...] = ()
    left_open: tuple[str, ...] = ()
    """Positions of day strategies that were still there at the close."""
    alerts: int = 0
    """Alerts whose way to a person was measured."""
    worst_alert_s: float = 0.0
    """The longest of these ways."""

    @property
    def session_s(self) -> float:
        """Length of the regular session."""
        return (self.closes - self.opens).total_seconds()

    def contains(self, at: datetime) -> bool:
        """True inside the regular session."""
        return self.opens <= at < self.closes

    def seconds_between(self, start: datetime, end: datetime) -> float:
        """How much of that time lies inside the regular session."""
        return max(0.0, (min(end, self.closes) - max(start, self.opens)).total_seconds())

    @property
    def is_on_time(self) -> bool:
        """True where no alert took longer than it may."""
        return self.worst_alert_s <= ON_TIME_S

    def why_not_full(self) -> str:
        """What is missing to a full day; empty where nothing is."""
        if not self.seen_close:
            return "the close of the session was not seen"
        if not self.present_s >= FULL_SHARE * self.session_s:
            return f"connected {self.present_s / 60:.0f} of {self.session_s / 60:.0f} minutes"
        return ""

    def why_not_clean(self) -> str:
        """What spoils the day; empty where it was full and clean."""
        if self.crashes:
            return f"{self.crashes} crash(es)"
        if self.breaches:
            return f"breach: {', '.join(self.breaches)}"
        if self.errors:
            return f"{self.errors} log record(s) at ERROR or above"
        if self.left_open:
            return f"left open at the close: {', '.join(self.left_open)}"
        return self.why_not_full()

    def facts(self) -> dict[str, object]:
        """Everything, as it is stored."""
        plain = self._asdict()
        return plain | {
            "day": self.day.isoformat(),
            "opens": self.opens.isoformat(),
            "closes": self.closes.isoformat(),
            "next_day": None if self.next_day is None else self.next_day.isoformat(),
            "breaches": list(self.breaches),
            "left_open": list(self.left_open),
            "why_not_clean": self.why_not_clean(),
        }


def day_of(found: Evidence) -> Day | None:
    """The day a piece of evidence tells of; None where it is none, does not count or cannot be read."""
    if found.kind != Kind.DAY or not counts(found):
        return None
    return read_day(found.facts)


def read_day(facts: Mapping[str, object]) -> Day | None:
    """A day as `Day.facts` wrote it; None where a part is missing."""
    day, opens, closes = _date(facts, "day"), moment(facts, "opens"), moment(facts, "closes")
    breaches, left_open = words(facts, "breaches"), words(facts, "left_open")
    names = ("present_s", "crashes", "errors", "alerts", "worst_alert_s")
    figures = [number(facts, name) for name in names]
    if day is None or opens is None or closes is None or breaches is None or left_open is None:
        return None
    if closes <= opens or not all(math.isfinite(figure) and figure >= 0 for figure in figures):
        return None
    present_s, crashes, errors, alerts, worst_alert_s = figures
    return Day(
        day,
        opens,
        closes,
        next_day=_date(facts, "next_day"),
        present_s=present_s,
        seen_close=facts.get("seen_close") is True,
        crashes=math.ceil(crashes),
        errors=math.ceil(errors),
        breaches=breaches,
        left_open=left_open,
        alerts=int(alerts),
        worst_alert_s=worst_alert_s,
    )


def _date(facts: Mapping[str, object], name: str) -> date | None:
    try:
        return date.fromisoformat(str(facts.get(name)))
    except ValueError:
        return None
