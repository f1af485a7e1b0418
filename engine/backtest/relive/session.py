"""Plays a whole recorded session again and says whether all of it came out the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from engine.backtest.relive.middle import Difference, Middle, Part
from engine.backtest.relive.steps import LogRow, bars_by_end, steps_of
from engine.risk.limits import RiskLimits


@dataclass(frozen=True, slots=True)
class Relived:
    """What a session was made of, and where it came out another way."""

    steps: int
    decisions: int
    """Entries judged and exits carried out."""
    orders: int
    booked: int
    """Events that the ledger took in."""
    rows: int
    """Of all tables that orders and positions leave."""
    differences: tuple[Difference, ...]


def relive(conn: sqlite3.Connection, parts: Mapping[str, Part], limits: RiskLimits) -> Relived:
    """Everything that a store's log holds through strategies, gate and ledger once more.

    `limits` are those of the configuration; limits that were changed meanwhile are in the log.
    Raises ValueError for a damaged event, and where the log holds no flow at all.
    """
    query = "SELECT boot_id, kind, payload FROM event WHERE kind IN ('flow', 'tape') ORDER BY seq"
    rows = [LogRow(*row) for row in conn.execute(query)]
    middle = Middle(parts, bars_by_end(rows), limits)
    try:
        for recorded in steps_of(rows):
            middle.take(recorded.step, recorded.boot_id)
        if not middle.steps:
            raise ValueError("the log holds no flow of decisions: it is from before they were recorded")
        middle.finish()
        changed = [
            Difference(middle.steps, f"table {row.table}, row {row.number}", str(row.then), str(row.now))
            for row in middle.tables.differences(conn)
        ]
        return Relived(
            steps=middle.steps,
            decisions=middle.decisions,
            orders=middle.orders,
            booked=middle.booked,
            rows=middle.tables.count(),
            differences=(*middle.differences, *changed),
        )
    finally:
        middle.tables.close()
