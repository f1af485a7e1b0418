"""Judges every gate from recorded evidence: what is not proven is missing, whatever anybody says. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.gates.acceptance import acceptance_rows
from engine.gates.case import Case, GateRow, Report, Verdict
from engine.gates.days import Days, days_of
from engine.gates.drill import drill_row
from engine.gates.waiver import waived

_SWITCHES: Final = {
    "telemetry": "telemetry is collected",
    "alerts": "alerts reach a person",
    "jitter": "the loop is jittered",
    "secrets": "secrets were changed in time",
}


def judge(case: Case) -> Report:
    """Every gate of one paper account."""
    days = days_of(case)
    rows = (
        _enabled(case),
        _ci(case),
        GateRow("config", "configuration is valid", Verdict.GREEN, f"configuration {case.config[:12]}"),
        _clean_days(case, days),
        _paper_days(case, days),
        _alerts_on_time(case, days),
        drill_row(case),
        *(_switch(case, name) for name in _SWITCHES),
        *acceptance_rows(case, days),
    )
    return Report(case.account, waived(rows, case))


def best(reports: Iterable[Report]) -> Report:
    """The report that lacks least: evidence of two accounts is never added up."""
    return min(reports, key=lambda report: len(report.missing))


def _enabled(case: Case) -> GateRow:
    title = "live trading is enabled"
    if case.live_enabled:
        return GateRow("live_enabled", title, Verdict.GREEN, "mode.live_enabled is true")
    text = "mode.live_enabled is false in the configuration"
    return GateRow("live_enabled", title, Verdict.MISSING, text)


def _ci(case: Case) -> GateRow:
    code, title, run = "ci", "every check passed for this version", case.ci
    if run is None:
        return GateRow(code, title, Verdict.MISSING, case.ci_problem or "no run of the checks is recorded")
    if run.code != case.code:
        text = f"the recorded run is of other code ({run.code[:12]}), this is {case.code[:12]}"
        return GateRow(code, title, Verdict.MISSING, text, run.at)
    if run.failed or not run.passed:
        return GateRow(code, title, Verdict.FAILED, f"{run.failed} failed, {run.passed} passed", run.at)
    return GateRow(code, title, Verdict.GREEN, f"{run.passed} tests passed, code {run.code[:12]}", run.at)


def _clean_days(case: Case, days: Days) -> GateRow:
    code, title, needed = "clean_days", "consecutive clean full days", case.rules.clean_days
    text = f"{len(days.clean)} of {needed}"
    verdict = Verdict.GREEN if len(days.clean) >= needed else Verdict.MISSING
    if verdict is Verdict.MISSING and days.broken_by:
        text = f"{text}; before them {days.broken_by}"
    return GateRow(code, title, verdict, text, days.at)


def _paper_days(case: Case, days: Days) -> GateRow:
    code, title, needed = "paper_days", "paper days without a breach", case.rules.paper_days
    text = f"{len(days.without_breach)} of {needed}"
    if len(days.without_breach) >= needed:
        return GateRow(code, title, Verdict.GREEN, text, days.at)
    if days.breach:
        return GateRow(code, title, Verdict.FAILED, f"{text}; before them {days.breach}", days.at)
    return GateRow(code, title, Verdict.MISSING, text, days.at)


def _alerts_on_time(case: Case, days: Days) -> GateRow:
    code, title = "alerts_on_time", "alerts arrived within 5 s"
    window = days.without_breach[-case.rules.paper_days :]
    count = sum(day.alerts for day in window)
    worst_s = max((day.worst_alert_s for day in window), default=0.0)
    late = [day for day in window if not day.is_on_time]
    if late:
        text = f"{late[-1].day}: one took {late[-1].worst_alert_s:.1f} s"
        return GateRow(code, title, Verdict.FAILED, text, days.at)
    if not count:
        return GateRow(code, title, Verdict.MISSING, "no alert's way to a person was measured on these days")
    return GateRow(code, title, Verdict.GREEN, f"{count} alerts, the slowest {worst_s:.1f} s", days.at)


def _switch(case: Case, name: str) -> GateRow:
    # A switch nobody told about is off: unknown is not on.
    why = case.switches.get(name, f"it is not known whether {_SWITCHES[name]}")
    verdict = Verdict.FAILED if why else Verdict.GREEN
    return GateRow(name, _SWITCHES[name], verdict, why or "on")
