"""The eight points of acceptance: each proven by the checks of this version, none contradicted by a day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from engine.gates.case import Case, GateRow, Verdict
from engine.gates.day import Day
from engine.gates.days import Days


class Point(NamedTuple):
    """One point: its name, the requirement that tests prove, and what would contradict it on a day."""

    code: str
    title: str
    requirement: str
    contradicted: Callable[[Day], str] = lambda _day: ""


def _open_at_close(day: Day) -> str:
    return f"left open at the close: {', '.join(day.left_open)}" if day.left_open else ""


def _errors(day: Day) -> str:
    return f"{day.errors} log record(s) at ERROR or above" if day.errors else ""


def _crashes(day: Day) -> str:
    return f"{day.crashes} crash(es)" if day.crashes else ""


POINTS: Final = (
    Point("accept_stability", "acceptance 1: stability", "PS60-ACC-1", _crashes),
    Point("accept_recovery", "acceptance 2: recovery", "PS60-ACC-2"),
    Point("accept_accuracy", "acceptance 3: accuracy", "PS60-ACC-3"),
    Point("accept_errors", "acceptance 4: error handling", "PS60-ACC-4"),
    Point("accept_eod", "acceptance 5: end of day", "PS60-ACC-5", _open_at_close),
    Point("accept_state", "acceptance 6: state", "REQ-ARCH-002"),
    Point("accept_logging", "acceptance 7: logging", "PS60-ACC-7", _errors),
    Point("accept_speed", "acceptance 8: performance", "PS60-ACC-8"),
)


def acceptance_rows(case: Case, days: Days) -> tuple[GateRow, ...]:
    """All eight."""
    return tuple(_row(point, case, days) for point in POINTS)


def _row(point: Point, case: Case, days: Days) -> GateRow:
    window = days.ended[-case.rules.clean_days :]
    against = [f"{day.day}: {text}" for day in window if (text := point.contradicted(day))]
    if against:
        return GateRow(point.code, point.title, Verdict.FAILED, against[-1], days.at)
    run = case.ci if case.ci is not None and case.ci.code == case.code else None
    proven = None if run is None else run.rows.get(point.requirement)
    at = None if run is None else run.at
    if proven is None:
        text = f"no test of this version is recorded to prove {point.requirement}"
        return GateRow(point.code, point.title, Verdict.MISSING, text, at)
    if not proven:
        return GateRow(point.code, point.title, Verdict.FAILED, f"{point.requirement} failed", at)
    return GateRow(point.code, point.title, Verdict.GREEN, f"{point.requirement} is proven", at)
