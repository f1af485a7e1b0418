"""Says why a run opened nothing: who refused how often, and by which limit the nearest miss failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine.backtest.metrics import LET_THROUGH
from engine.backtest.result import DecisionRow, RunResult


class Refused(NamedTuple):
    """All refusals of one reason, and the one that came nearest to being let through."""

    code: str
    times: int
    value: float | None
    """Of the nearest; None where the reason knows no limit."""
    limit: float | None
    text: str


def why_nothing_opened(result: RunResult) -> tuple[Refused, ...]:
    """The refusals of a run without an entry that filled, most frequent first; empty where one did."""
    if any(order.role == "entry" and order.filled for order in result.orders):
        return ()
    return refusals(result.decisions)


def refusals(decisions: Iterable[DecisionRow]) -> tuple[Refused, ...]:
    """By reason, most frequent first."""
    found: dict[str, list[DecisionRow]] = {}
    for decision in decisions:
        if decision.code not in LET_THROUGH:
            found.setdefault(decision.code, []).append(decision)
    rows = []
    for code, rows_of in found.items():
        nearest = min(rows_of, key=_miss)
        rows.append(Refused(code, len(rows_of), nearest.value, nearest.limit, nearest.text))
    return tuple(sorted(rows, key=lambda row: (-row.times, row.code)))


def table_of(result: RunResult) -> tuple[str, ...]:
    """The same as lines of a terminal, for a run that opened nothing; empty for every other."""
    if any(order.role == "entry" and order.filled for order in result.orders):
        return ()
    rows = refusals(result.decisions)
    if not rows:
        sent = any(order.role == "entry" for order in result.orders)
        why = "no entry that was sent filled" if sent else "no strategy proposed an entry"
        return (f"nothing was opened: {why}",)
    return ("nothing was opened; why:", *_lines(rows))


def _lines(rows: Sequence[Refused]) -> Iterable[str]:
    wide = max(len(row.code) for row in rows)
    many = max(len(f"{row.times:,}") for row in rows)
    return (f"  {row.code:{wide}}  {row.times:>{many},} x  nearest: {row.text}" for row in rows)


def _miss(decision: DecisionRow) -> float:
    """How far from its limit, as a part of it; without a limit the first one told is as good as any."""
    value, limit = decision.value, decision.limit
    if value is None or limit is None:
        return 0.0
    return abs(value - limit) / abs(limit) if limit else abs(value)
