"""What the broker lists when it is asked: orders, positions, figures."""

from __future__ import annotations

from decimal import Decimal

from engine.broker.port import AccountValue, BrokerOrder, BrokerPosition
from tests.storm.exchange import ACCOUNT, Exchange
from tests.storm.held import INSTRUMENTS, Held


def listed(exchange: Exchange, held: Held) -> BrokerOrder:
    """An order as the lists show it."""
    claim = exchange.claim(held)
    if not held.is_open:
        claim = claim._replace(order_id=0)
    return BrokerOrder(
        claim=claim,
        symbol=INSTRUMENTS[held.key].symbol,
        key=held.key,
        side=held.side.value,
        quantity=Decimal(held.quantity),
        order_type=held.kind.value,
        limit_price=held.limit,
        stop_price=held.stop,
        tif="DAY",
        parent_id=exchange.orders[held.parent].order_id if held.parent in exchange.orders else 0,
        is_ours=held.is_ours,
    )


def positions(exchange: Exchange) -> tuple[BrokerPosition, ...]:
    """What the account holds."""
    return tuple(
        BrokerPosition(
            ACCOUNT,
            INSTRUMENTS[key].con_id,
            key,
            Decimal(quantity),
            exchange.price[key] * INSTRUMENTS[key].multiplier,
            INSTRUMENTS[key].symbol,
            INSTRUMENTS[key].sec_type.value,
        )
        for key, quantity in exchange.positions.items()
        if quantity
    )


def values() -> tuple[AccountValue, ...]:
    """The account's figures."""
    return (
        AccountValue("NetLiquidation", "1000000", "USD", ACCOUNT),
        AccountValue("AvailableFunds", "1000000", "USD", ACCOUNT),
    )
