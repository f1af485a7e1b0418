"""Decisions about what differed from the broker, and which of them still hold. Pure.

A position is FOREIGN only because somebody left it as such, and only as long as its quantity stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

ENDED = "ended"
"""What was left alone changed or is gone: the decision about it holds no longer."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about one row, with what was known when it was taken."""

    at: datetime
    who: str
    row_id: str
    choice: str
    """A RecoveryChoice, or ENDED."""
    key: str
    con_id: int = 0
    perm_id: int = 0
    quantity: Decimal = Decimal(0)
    """Signed quantity at the broker that it was taken about."""
    evidence: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The decision in one line for people."""
        about = f" {self.quantity.normalize():+f}" if self.quantity else ""
        return f"{self.key}{about}: {self.choice} ({self.row_id}) by {self.who}"


@dataclass(frozen=True, slots=True)
class Standing:
    """The decisions that hold."""

    foreign: dict[int, Decision]
    """con_id -> the decision to leave its position alone."""
    foreign_orders: frozenset[int]
    """permIds of orders that are left alone."""
    adopted: frozenset[int]
    """con_ids of positions that were taken over: what their entry was meant for is not known."""

    @property
    def quantities(self) -> dict[int, Decimal]:
        """con_id -> signed quantity that was left alone."""
        return {con_id: decision.quantity for con_id, decision in self.foreign.items()}


def standing(decisions: Iterable[Decision]) -> Standing:
    """What holds after all of them, oldest first."""
    foreign: dict[int, Decision] = {}
    orders: set[int] = set()
    adopted: set[int] = set()
    for decision in decisions:
        if decision.perm_id:
            (orders.add if decision.choice == "foreign" else orders.discard)(decision.perm_id)
        elif decision.con_id:
            foreign.pop(decision.con_id, None)
            if decision.choice == "foreign":
                foreign[decision.con_id] = decision
            (adopted.add if decision.choice == "adopt" else adopted.discard)(decision.con_id)
    return Standing(foreign, frozenset(orders), frozenset(adopted))
