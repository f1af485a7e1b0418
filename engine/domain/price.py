"""Rounding to an instrument's price grid. The one place where it happens."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from functools import cache

from engine.domain.instrument import Instrument


class Rounding(StrEnum):
    """Which way a price is moved onto the grid."""

    DOWN = ROUND_FLOOR
    UP = ROUND_CEILING
    NEAREST = ROUND_HALF_EVEN


def tick_at(instrument: Instrument, price: float) -> float:
    """The price increment in force at `price`; `min_tick` where no rule covers it."""
    step = instrument.min_tick
    for low_edge, increment in instrument.price_steps:
        if price >= low_edge or -price >= low_edge:
            step = increment
    return step


def round_to_tick(instrument: Instrument, price: float, rounding: Rounding = Rounding.NEAREST) -> float:
    """`price` on the instrument's grid.

    0.1 + 0.2 style dust never moves a price by a tick. Raises ValueError for a price that is not finite: a
    NaN must never become an order.
    """
    # Written out here and not asked of `tick_at`: a decision of the gate rounds twice.
    step = instrument.min_tick
    for low_edge, increment in instrument.price_steps:
        if price >= low_edge or -price >= low_edge:
            step = increment
    ticks = price / step
    if not -_EXACT_TICKS < ticks < _EXACT_TICKS:
        if not math.isfinite(price):
            raise ValueError(f"{instrument.key}: price {price} is not a number that can be ordered at")
        return _round_exactly(price, step, rounding)
    if rounding is _DOWN:
        whole = math.floor(ticks + _DUST)
    elif rounding is _UP:
        whole = math.ceil(ticks - _DUST)
    else:
        whole = round(round(ticks, 9))
    per_point = 1.0 / step
    # A quotient of two whole numbers is the double next to the price meant, and needs no rounding.
    return whole / per_point if per_point.is_integer() else round(whole * step, 10)


_DUST = 5e-10
"""Part of a tick that is coarser than binary dust down here, and finer than any price that is meant."""

_EXACT_TICKS = 1e5
"""From so many ticks on a double is too coarse for 9 digits of one: Decimal takes over."""

_DOWN, _UP = Rounding.DOWN, Rounding.UP
"""Looked up once: the gate rounds twice per decision, and an enum's member costs a tenth of a microsecond."""


def _round_exactly(price: float, step: float, rounding: Rounding) -> float:
    exact, grid = Decimal(str(round(price, 10))), Decimal(str(step))
    return float((exact / grid).to_integral_value(rounding=rounding.value) * grid)


def decimals(instrument: Instrument) -> int:
    """How many decimals a price of this instrument needs on screen and on the wire."""
    return _decimals_of(instrument.min_tick)


@cache
def _decimals_of(step: float) -> int:
    """Every row of every snapshot asks, and there are few steps."""
    exponent = Decimal(str(step)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 2
