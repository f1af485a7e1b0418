"""What an order will cost, by the broker's what-if where there is one, else by our own reckoning. Pure.

Nothing is asked for here: the order path must not wait for an answer that only the record needs.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.domain.fees import FeeSchedule
from engine.domain.instrument import Instrument, SecType
from engine.domain.order import Role
from engine.domain.preview import FigureSource, Preview

STOCK_INITIAL_MARGIN = 0.5
"""Share of a stock's value that Regulation T asks for at first."""


class UnitCost(NamedTuple):
    """What the broker's what-if said of one share or contract."""

    initial_margin_usd: float
    commission_usd: float | None


def preview_of(
    instrument: Instrument,
    *,
    role: Role,
    quantity: int,
    price: float | None,
    mark: float,
    fees: FeeSchedule,
    unit: UnitCost | None,
) -> Preview:
    """The preview of one order. `price` is its limit or stop; at market it is None and `mark` counts.

    `mark` may be NaN; `unit` is None where the broker has not answered.
    """
    cost = abs(mark if price is None else price) * quantity * instrument.multiplier
    fee, fee_by = _fee(instrument, quantity, cost=cost, fees=fees, unit=unit)
    margin, margin_by = _margin(instrument, quantity, cost=cost, unit=unit)
    sign = 1 if role.adds_risk else -1
    return Preview(_known(cost), _known(fee), fee_by, _known(sign * margin), margin_by)


def _fee(
    instrument: Instrument, quantity: int, *, cost: float, fees: FeeSchedule, unit: UnitCost | None
) -> tuple[float, FigureSource]:
    # Of futures each costs the same; a stock's fee has bounds per order, so that of one share says nothing.
    if instrument.sec_type is SecType.FUTURE and unit is not None and unit.commission_usd is not None:
        return unit.commission_usd * quantity, FigureSource.BROKER
    if instrument.sec_type is SecType.STOCK and math.isnan(cost):  # its fee has a cap by value
        return math.nan, FigureSource.ESTIMATED
    fee = fees.order_fee_usd(instrument.sec_type, quantity=quantity, value_usd=cost)
    return fee, FigureSource.ESTIMATED


def _margin(
    instrument: Instrument, quantity: int, *, cost: float, unit: UnitCost | None
) -> tuple[float, FigureSource]:
    if unit is not None:
        return unit.initial_margin_usd * quantity, FigureSource.BROKER
    is_stock = instrument.sec_type is SecType.STOCK
    return (cost * STOCK_INITIAL_MARGIN if is_stock else math.nan), FigureSource.ESTIMATED


def _known(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None
