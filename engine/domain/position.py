"""Positions and closed round trips. Only the ledger makes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from engine.domain.moment import aware


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

    def __post_init__(self) -> None:
        """Raise ValueError for a naive time."""
        aware(self.opened_at, of=f"position {self.key}")


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

    @property
    def net_usd(self) -> Decimal:
        """Profit after fees."""
        return self.gross_usd - self.fees_usd
