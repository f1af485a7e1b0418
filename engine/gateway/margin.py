"""What a holding ties up: Regulation T rates for stocks, currency per contract for futures."""

from __future__ import annotations

from typing import NamedTuple

from engine.gateway.model import Contract

_STOCK_INITIAL = 0.50
_LONG_MAINTENANCE = 0.25
_SHORT_MAINTENANCE = 0.30
BUYING_POWER_FACTOR = 1 / _STOCK_INITIAL


class Requirement(NamedTuple):
    """Initial and maintenance margin in USD."""

    initial: float
    maintenance: float

    def plus(self, other: Requirement) -> Requirement:
        """Both requirements together; holdings are not offset against each other."""
        return Requirement(self.initial + other.initial, self.maintenance + other.maintenance)


NOTHING = Requirement(0.0, 0.0)


def requirement(contract: Contract, *, quantity: int, price: float) -> Requirement:
    """Margin of holding `quantity` (negative = short) of one contract at `price`."""
    if contract.sec_type == "FUT":
        held = abs(quantity)
        return Requirement(contract.initial_margin * held, contract.maintenance_margin * held)
    value = abs(quantity * price * contract.multiplier)
    rate = _LONG_MAINTENANCE if quantity >= 0 else _SHORT_MAINTENANCE
    return Requirement(value * _STOCK_INITIAL, value * rate)
