"""Small builders of evidence: a case in which everything is proven, to take one thing away from it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from engine.gates.acceptance import POINTS
from engine.gates.case import Case, CiRun
from engine.gates.day import Day
from engine.gates.evidence import Evidence, Kind

ACCOUNT = "DU123"
CODE, CONFIG = "c0de", "c0f1"
NOW = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
"""A Friday evening."""

WEEKDAYS = [date(2026, 11, n) for n in (11, 12, 13, 16, 17, 18, 19, 20)]
"""Eight trading days in a row, the last one over."""


def day(of: date, **changes: object) -> Day:
    """A full and clean day."""
    opens = datetime(of.year, of.month, of.day, 14, 30, tzinfo=UTC)
    base = Day(
        of,
        opens,
        opens + timedelta(hours=6.5),
        next_day=of + timedelta(days=3 if of.weekday() == 4 else 1),
        present_s=6.5 * 3600,
        seen_close=True,
        alerts=1,
        worst_alert_s=0.4,
    )
    return base._replace(**changes)


def piece(kind: Kind, **changes: object) -> Evidence:
    """One piece from a real paper account at 1x."""
    base = Evidence(
        kind=kind,
        subject=kind,
        at=NOW - timedelta(hours=1),
        passed=True,
        gateway="tws",
        account=ACCOUNT,
        mode="PAPER",
        speed=1.0,
        version="1.0",
        code=CODE,
        config=CONFIG,
    )
    return base._replace(**changes)


def day_piece(of: Day, **changes: object) -> Evidence:
    """The record of a day."""
    return piece(Kind.DAY, **{"facts": of.facts(), "subject": of.day.isoformat(), "at": of.closes, **changes})


def drill(**changes: object) -> Evidence:
    """A drill that went well."""
    facts: dict[str, object] = {"orders": 5, "cancel_s": 0.6, "proposals_stop_ms": 0.2}
    return piece(Kind.DRILL, **{"facts": facts, **changes})


CI = CiRun(CODE, NOW - timedelta(hours=30), 2500, 0, {point.requirement: True for point in POINTS})
ON = {"telemetry": "", "alerts": "", "jitter": "", "secrets": ""}


def case(
    days: Iterable[Day] | None = None, extra: Iterable[Evidence] = (drill(),), **changes: object
) -> Case:
    """A case with everything proven; `days` and `extra` replace its evidence."""
    found = [day(of) for of in WEEKDAYS] if days is None else days
    values: dict[str, object] = {
        "now": NOW,
        "code": CODE,
        "config": CONFIG,
        "account": ACCOUNT,
        "evidence": (*map(day_piece, found), *extra),
        "ci": CI,
        "live_enabled": True,
        "switches": ON,
    }
    return Case(**{**values, **changes})  # type: ignore[arg-type]
