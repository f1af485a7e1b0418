"""Executions as booked: each execId exactly once, a correction replaces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from engine.domain.moment import aware
from engine.domain.order import Side
from engine.domain.quick import quick


@quick
@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. Price is per unit (not multiplied); commission None until reported."""

    exec_id: str
    order_ref: str
    perm_id: int
    key: str
    con_id: int
    side: Side
    quantity: int
    price: Decimal
    at: datetime
    strategy: str = ""
    role: str = ""
    commission: Decimal | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a naive time."""
        if self.at.tzinfo is not UTC:
            aware(self.at, of=f"execution {self.exec_id}")

    @property
    def signed_quantity(self) -> int:
        """Positive for buys."""
        return self.side.sign * self.quantity


def execution_base(exec_id: str) -> tuple[str, int]:
    """Split an execId into its base and revision: `x.01.02` -> (`x.01`, 2). No revision counts as 0."""
    base, dot, revision = exec_id.rpartition(".")
    return (base, int(revision)) if dot and revision.isdigit() else (exec_id, 0)
