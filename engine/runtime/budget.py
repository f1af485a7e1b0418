"""What one strategy may have out by itself: its budget, and which instruments are its own."""

from __future__ import annotations

from engine.config import Config
from engine.execution.books import Books
from engine.risk.world import Budget


def budget_of(strategy: str, config: Config, books: Books) -> Budget | None:
    """The budget of a strategy; None where it has none of its own. One position per symbol, so one owner."""
    section = config.strategies.get(strategy)
    if section is None or section.budget_pct <= 0:
        return None
    owners = {p.key: p.owner for p in books.positions()}
    entries = (o.intent for o in books.open_orders() if o.intent.role.adds_risk)
    owners |= {intent.key: intent.strategy for intent in entries}
    return Budget(strategy, section.budget_pct, owners)
