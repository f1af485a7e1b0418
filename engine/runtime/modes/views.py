"""Gates as the contract shows them."""

from __future__ import annotations

from engine.api_gates import GateView
from engine.gates.case import Report
from engine.runtime.alerts.notices import clean


def gate_views(report: Report) -> tuple[GateView, ...]:
    """Every row; the codes and words are the same everywhere."""
    return tuple(
        GateView(row.code, row.title, row.verdict.value, clean(row.text), row.at) for row in report.rows
    )
