"""What the venue charges: the commission of an order, by what of it has filled so far.

Rates are modelled on IBKR's fixed pricing: stocks by the share with a minimum and a cap per order, futures by
the contract. Charged per order, not per fill, so that ten partial fills cost one minimum.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from engine.gateway.model import Contract

_STOCK_PER_SHARE = Decimal("0.005")
_STOCK_MINIMUM = Decimal("1.00")
_STOCK_CAP = Decimal("0.01")
_FUTURE = Decimal("2.25")
_MICRO_FUTURE = Decimal("0.62")
_FUTURES_BY_CLASS = {
    "CL": Decimal("2.47"),
    "GC": Decimal("2.47"),
    "SI": Decimal("2.47"),
    "NG": Decimal("2.47"),
    "ZN": Decimal("1.62"),
    "ZB": Decimal("1.69"),
    "ZF": Decimal("1.47"),
    "ZT": Decimal("1.47"),
    "6E": Decimal("2.47"),
} | dict.fromkeys(("MES", "MNQ", "M2K", "MYM", "MCL", "MGC", "M6E", "MBT"), _MICRO_FUTURE)
_STEP = Decimal("0.0001")


def order_commission(contract: Contract, *, quantity: int, value: Decimal) -> Decimal:
    """The whole commission of an order of which `quantity` filled for `value` (price times quantity).

    USD, rounded to a hundredth of a cent. Never falls while an order fills, so a fill's own share is the
    difference between two calls.
    """
    if contract.sec_type == "FUT":
        return _FUTURES_BY_CLASS.get(contract.trading_class, _FUTURE) * quantity
    by_share = max(_STOCK_PER_SHARE * quantity, _STOCK_MINIMUM)
    return min(by_share, _STOCK_CAP * value).quantize(_STEP, rounding=ROUND_HALF_UP)
