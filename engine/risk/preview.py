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

# Looked up once: an enum's member costs a tenth of a microsecond, and every order asks.
_FUTURE, _BROKER, _ESTIMATED = SecType.FUTURE, FigureSource.BROKER, FigureSource.ESTIMATED
_INF = math.inf

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
    is_stock, sign = instrument.sec_type is not _FUTURE, 1 if role.adds_risk else -1
    cost = abs(mark if price is None else price) * quantity * instrument.multiplier
    fee_by = margin_by = _ESTIMATED
    margin = cost * STOCK_INITIAL_MARGIN if is_stock else math.nan
    if unit is not None:
        margin, margin_by = unit.initial_margin_usd * quantity, _BROKER
    # Of futures each costs the same; a stock's fee has bounds per order, so that of one share says nothing.
    if not is_stock and unit is not None and unit.commission_usd is not None:
        fee, fee_by = unit.commission_usd * quantity, _BROKER
    elif is_stock and math.isnan(cost):  # its fee has a cap by value
        fee = math.nan
    else:
        fee = fees.order_fee_usd(instrument.sec_type, quantity, cost)
    change = sign * margin
    return Preview(
        cost if -_INF < cost < _INF else None,
        fee if -_INF < fee < _INF else None,
        fee_by,
        change if -_INF < change < _INF else None,
        margin_by,
    )
