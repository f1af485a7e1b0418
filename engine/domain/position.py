"""Positions and closed round trips. Only the ledger makes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from engine.domain.moment import aware
from engine.domain.plan import NO_PLAN, Plan
from engine.domain.quick import quick


class Partial(NamedTuple):
    """Profit (or loss) taken on a part of a position. One per order, however many executions it had."""

    at: datetime
    """Of its latest execution, aware UTC."""
    price: Decimal
    """Average of its executions, per unit."""
    quantity: int
    """Units it closed, never signed."""
    reason: str
    """Reason code: `PARTIAL_50`, `target` …"""
    order_ref: str = ""
    """The order that took it; empty where it was none of ours."""


@quick
@dataclass(frozen=True, slots=True)
class Position:
    """What we hold of one instrument for one owner. Signed quantity; average price per unit, without fees."""

    key: str
    con_id: int
    quantity: int
    avg_price: Decimal
    multiplier: Decimal
    owner: str
    """Strategy that opened it, or `operator`."""
    opened_at: datetime
    realized_usd: Decimal = Decimal(0)
    """Realised by partial closes since it was opened, before fees."""
    fees_usd: Decimal = Decimal(0)
    initial_stop: float | None = None
    """Stop price at entry; the distance to it is 1 R."""
    entered: int = 0
    """Units ever entered since it was opened; 0 where nobody says."""
    stop_price: float | None = None
    """Where its protective stop is meant to be now: at entry, or where it was moved to since."""
    plan: Plan = NO_PLAN
    partials: tuple[Partial, ...] = ()
    """What was closed of it so far, oldest first."""

    @property
    def remaining(self) -> float:
        """Share of what was entered that is still open, 0 to 1; derived from whole units, it never drifts."""
        return abs(self.quantity) / self.entered if self.entered else 1.0

    def __post_init__(self) -> None:
        """Raise ValueError for a naive time."""
        if self.opened_at.tzinfo is not UTC:
            aware(self.opened_at, of=f"position {self.key}")


@quick
@dataclass(frozen=True, slots=True)
class Trade:
    """One closed round trip, net of fees."""

    key: str
    owner: str
    quantity: int
    """Signed: positive where the trade was long."""
    entry_price: Decimal
    exit_price: Decimal
    opened_at: datetime
    closed_at: datetime
    gross_usd: Decimal
    fees_usd: Decimal
    reason: str
    """Reason code of the close."""
    partials: tuple[Partial, ...] = ()
    """What was taken before the close, oldest first."""

    @property
    def net_usd(self) -> Decimal:
        """Profit after fees."""
        return self.gross_usd - self.fees_usd
