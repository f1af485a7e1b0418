"""Waivers: a person does without one gate, says why, and only for a short time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from engine.gates.case import Case, GateRow, Verdict
from engine.gates.evidence import Evidence, Kind, moment

LONGEST: Final = timedelta(days=7)
"""No waiver holds longer, whatever it says."""

NEVER_WAIVED: Final = frozenset({"live_enabled", "config"})
"""What is a line in the configuration is changed there."""


def waived(rows: Sequence[GateRow], case: Case) -> tuple[GateRow, ...]:
    """The rows, with those that a valid waiver covers marked as such."""
    found = {e.subject: e for e in case.own if e.kind == Kind.WAIVER and _holds(e, case.now)}
    return tuple(_marked(row, found.get(row.code)) for row in rows)


def _marked(row: GateRow, waiver: Evidence | None) -> GateRow:
    if waiver is None or row.verdict.opens or row.code in NEVER_WAIVED:
        return row
    until, why = waiver.facts.get("until"), waiver.facts.get("reason")
    text = f"waived until {until}: {why}; else: {row.text}"
    return row._replace(verdict=Verdict.WAIVED, text=text)


def _holds(waiver: Evidence, now: datetime) -> bool:
    until = moment(waiver.facts, "until")
    if until is None or not waiver.passed or not str(waiver.facts.get("reason") or "").strip():
        return False
    return waiver.at <= now < until <= waiver.at + LONGEST
