"""Small builders for what recovery compares."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from engine.broker.port import BrokerPosition, Execution
from engine.domain.fill import Fill
from engine.domain.order import Side
from engine.domain.position import Position
from tests.builders import TEN


def held(
    key: str = "SPY", quantity: int = 100, *, con_id: int = 1, price: str = "50", multiplier: str = "1"
) -> Position:
    """A position of ours."""
    return Position(
        key=key,
        con_id=con_id,
        quantity=quantity,
        avg_price=Decimal(price),
        multiplier=Decimal(multiplier),
        owner="ma",
        opened_at=TEN - timedelta(hours=1),
    )


def listed(key: str = "SPY", quantity: str = "100", *, con_id: int = 1, cost: float = 50.0) -> BrokerPosition:
    """A position at the broker."""
    return BrokerPosition("DU1", con_id, key, Decimal(quantity), cost, key, "STK")


def execution(
    number: int,
    quantity: int,
    *,
    con_id: int = 1,
    key: str = "SPY",
    price: str = "49",
    at: datetime | None = None,
    liquidation: bool = False,
    revision: int = 1,
) -> Execution:
    """Somebody else's execution of a signed quantity."""
    fill = Fill(
        exec_id=f"0009.{number:04d}.{revision:02d}",
        order_ref="",
        perm_id=7000 + number,
        key=key,
        con_id=con_id,
        side=Side.BUY if quantity > 0 else Side.SELL,
        quantity=abs(quantity),
        price=Decimal(price),
        at=at or TEN + timedelta(seconds=number),
    )
    return Execution(fill, 0, 7, liquidation=liquidation, live=False)
