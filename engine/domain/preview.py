"""What was known of an order before it was sent: what the gate allowed, and what it would cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from engine.domain.quick import quick


class EntryTicket(NamedTuple):
    """Yes: how much, at what limit, with which protective stop. Prices are on the grid."""

    quantity: int
    limit_price: float
    stop_price: float
    exposure_usd: float
    risk_usd: float
    """Loss at the stop, the fees of both orders included."""
    fees_usd: float = 0.0
    """Estimate of both orders' fees."""


class FigureSource(StrEnum):
    """Who named a figure of a preview."""

    BROKER = "broker"
    """The broker's what-if of one unit, asked ahead of time."""
    ESTIMATED = "estimated"
    """Our own reckoning."""


@quick
@dataclass(frozen=True, slots=True)
class Preview:
    """What an order was expected to cost if it filled wholly. None where nobody could say."""

    cost_usd: float | None
    """Value traded: price times quantity times multiplier. Of a market order at the mark."""
    fee_usd: float | None
    fee_by: FigureSource
    margin_usd: float | None
    """Change of the initial margin: negative for orders that only reduce."""
    margin_by: FigureSource
