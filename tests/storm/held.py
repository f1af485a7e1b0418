"""What is traded in the storm, and one order as the exchange has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from engine.domain.instrument import Instrument, SecType
from engine.domain.order import OrderIntent, OrderType, Role, Side
from tests.builders import TEN, future, stock

INSTRUMENTS: dict[str, Instrument] = {
    "AAA": stock("AAA"),
    "BBB": stock("BBB"),
    "ESZ6": future("ESZ6", last_trade_date=(TEN + timedelta(days=28)).date()),
}
START_PRICE = {"AAA": 100.0, "BBB": 40.0, "ESZ6": 5000.0}


@dataclass(slots=True)
class Held:
    """One order as the exchange has it."""

    intent: OrderIntent | None
    """None for somebody else's."""
    ref: str
    key: str
    side: Side
    quantity: int
    kind: OrderType
    limit: float | None
    stop: float | None
    perm_id: int
    order_id: int
    parent: int = 0
    """permId of the parent, 0 for none."""
    status: str = "Submitted"
    filled: int = 0
    notional: Decimal = Decimal(0)
    triggered: bool = False
    came_back: bool = False
    """It filled, or worked again, after its cancel was confirmed."""

    @property
    def is_open(self) -> bool:
        return self.status in ("Submitted", "PreSubmitted", "Inactive")

    @property
    def is_working(self) -> bool:
        return self.status in ("Submitted", "PreSubmitted")

    @property
    def is_ours(self) -> bool:
        return self.intent is not None

    @property
    def role(self) -> Role | None:
        return None if self.intent is None else self.intent.role

    @property
    def oca_group(self) -> str:
        """Of which the first share ends the others; empty for none."""
        return "" if self.intent is None else self.intent.oca_group

    @property
    def remaining(self) -> int:
        return max(0, self.quantity - self.filled)


def of_one_group(held: Held, orders: Mapping[int, Held]) -> list[Held]:
    """The others of its one-cancels-all group."""
    group = held.oca_group
    return [h for h in orders.values() if group and h is not held and h.oca_group == group]


def margin_usd(instrument: Instrument) -> float:
    """Initial margin of one contract."""
    return 12_000.0 if instrument.sec_type is SecType.FUTURE else 0.0
