"""What trading costs in a run: how far a fill slips from the price found, and what the broker takes.

Prices and fees that are booked are exact decimals; nothing here is rounded to a price grid, so that an
average slippage of half a tick stays one.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from engine.domain.fees import FeeSchedule
from engine.domain.instrument import Instrument

_BPS: Final = Decimal("0.0001")
_MICRO: Final = Decimal("0.000001")
ZERO: Final = Decimal(0)


class SlippageModel(StrEnum):
    """How the slippage of orders that take what there is (market and stop) is reckoned."""

    BPS = "bps"
    """A fixed part of the price."""
    SPREAD = "spread"
    """A part of the spread, whose width is given in bps of the price."""
    VOLUME = "volume"
    """Grows with the share of the bar's volume that the order takes."""


@dataclass(frozen=True, slots=True)
class Slippage:
    """Slippage of an order that takes liquidity; a limit order has none."""

    model: SlippageModel = SlippageModel.BPS
    bps: float = 1.0
    """Of the price: all of it (`bps`), the width of the spread (`spread`), or at all of the volume."""
    spread_fraction: float = 0.5
    """Part of the spread that is paid; half of it is from the middle to the touch."""

    def of(self, price: Decimal, *, quantity: int, volume: int) -> Decimal:
        """What a unit slips, never negative. `volume` is the bar's."""
        if not self.bps:
            return ZERO
        full = abs(price) * Decimal(str(self.bps)) * _BPS
        if self.model is SlippageModel.BPS:
            return full
        if self.model is SlippageModel.SPREAD:
            return full * Decimal(str(self.spread_fraction))
        # The square root of the share: the usual law of market impact.
        share = min(1.0, quantity / volume) if volume > 0 else 1.0
        return full * Decimal(str(round(share**0.5, 9)))


@dataclass(frozen=True, slots=True)
class Costs:
    """Slippage and commissions of a run; the gate estimates with the same fee schedule."""

    slippage: Slippage
    fees: FeeSchedule

    def commission_usd(self, instrument: Instrument, *, quantity: int, price: float) -> Decimal:
        """Commission of an order that filled for `quantity` at `price` on average; exact to a millionth."""
        value = abs(price) * quantity * instrument.multiplier
        fee = self.fees.order_fee_usd(instrument.sec_type, quantity=quantity, value_usd=value)
        return Decimal(round(fee * 1_000_000)) * _MICRO
