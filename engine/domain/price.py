"""Rounding to an instrument's price grid. The one place where it happens."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from engine.domain.instrument import Instrument


class Rounding(StrEnum):
    """Which way a price is moved onto the grid."""

    DOWN = ROUND_FLOOR
    UP = ROUND_CEILING
    NEAREST = ROUND_HALF_EVEN


def tick_at(instrument: Instrument, price: float) -> float:
    """The price increment in force at `price`; `min_tick` where no rule covers it."""
    step = instrument.min_tick
    for rule in instrument.price_steps:
        if abs(price) >= rule.low_edge:
            step = rule.increment
    return step


def round_to_tick(instrument: Instrument, price: float, rounding: Rounding = Rounding.NEAREST) -> float:
    """`price` on the instrument's grid.

    Decimal does the division, so that 0.1 + 0.2 style dust never moves a price by a tick.
    Raises ValueError for a price that is not finite: a NaN must never become an order.
    """
    if not math.isfinite(price):
        raise ValueError(f"{instrument.key}: price {price} is not a number that can be ordered at")
    step = Decimal(str(tick_at(instrument, price)))
    # 10 digits are finer than any grid and coarser than binary dust.
    exact = Decimal(str(round(price, 10)))
    return float((exact / step).to_integral_value(rounding=rounding.value) * step)


def decimals(instrument: Instrument) -> int:
    """How many decimals a price of this instrument needs on screen and on the wire."""
    exponent = Decimal(str(instrument.min_tick)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 2
