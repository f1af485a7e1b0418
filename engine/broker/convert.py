"""From the library's objects to our values and back; the border where odd numbers and text are stopped."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from engine.broker import ibapi
from engine.broker.port import BrokerError, BrokerPosition, Commission
from engine.domain.fill import Fill
from engine.domain.instrument import Instrument, SecType
from engine.domain.order import OrderIntent, OrderType, Side

MAX_TEXT: Final = 300
_UNSET_FROM: Final = ibapi.UNSET_DOUBLE / 10
_SIDES: Final = {"BOT": Side.BUY, "BUY": Side.BUY, "SLD": Side.SELL, "SELL": Side.SELL}


def clean(text: object) -> str:
    """Text from outside as one line of at most 300 characters, without control or bidi characters."""
    line = str(text)
    if not line.isprintable():
        line = "".join(char for char in line if char.isprintable() or char.isspace())
    printable = " ".join(line.split())
    return printable if len(printable) <= MAX_TEXT else printable[: MAX_TEXT - 1] + "…"


def number_or_none(value: Any) -> float | None:
    """A wire number, or None where it is unset, empty, or no finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and abs(number) < _UNSET_FROM else None


def price_or_none(value: Any) -> float | None:
    """An order's price field, or None where the order has none (unset or 0)."""
    return number_or_none(value) or None


def decimal(value: Any) -> Decimal:
    """A wire number as Decimal, through its shortest text; 0 where unset."""
    number = number_or_none(value)
    return Decimal(0) if number is None else Decimal(str(number)).normalize() + 0


def key_of(contract: Any) -> str:
    """Our name of a contract: the symbol of a stock, the local symbol of everything else."""
    name = contract.symbol if contract.secType == SecType.STOCK.value else contract.localSymbol
    return clean(name or contract.symbol)


def contract_of(instrument: Instrument) -> Any:
    """The library's contract for an instrument we know.

    The contract id says all; expiry and multiplier are left out because the broker refuses a contract whose
    further fields differ from its own by as much as the day between last trade and expiration.
    """
    return ibapi.Contract(
        secType=instrument.sec_type.value,
        conId=instrument.con_id,
        symbol=instrument.symbol,
        exchange=instrument.exchange,
        primaryExchange=instrument.primary_exchange if instrument.sec_type is SecType.STOCK else "",
        currency=instrument.currency,
        localSymbol=instrument.local_symbol,
        tradingClass=instrument.trading_class,
    )


def _price_fields(intent: OrderIntent) -> dict[str, float]:
    """The price fields the order type has. Raises BrokerError where one is missing or no number."""
    wanted: dict[OrderType, dict[str, float | None]] = {
        OrderType.MARKET: {},
        OrderType.LIMIT: {"lmtPrice": intent.limit_price},
        OrderType.STOP: {"auxPrice": intent.stop_price},
        OrderType.STOP_LIMIT: {"lmtPrice": intent.limit_price, "auxPrice": intent.stop_price},
    }
    if intent.order_type not in wanted:
        raise BrokerError(f"order {intent.ref}: type {intent.order_type} is not sent by this adapter")
    fields: dict[str, float] = {}
    for name, price in wanted[intent.order_type].items():
        if price is None or not math.isfinite(price):
            raise BrokerError(f"order {intent.ref}: a {intent.order_type} order needs {name}, got {price}")
        fields[name] = price
    return fields


def order_of(
    intent: OrderIntent, *, order_id: int, parent_id: int, account: str, what_if: bool = False
) -> Any:
    """The library's order for an intent. Raises BrokerError where the intent cannot be an order."""
    if intent.quantity <= 0:
        raise BrokerError(f"order {intent.ref}: quantity {intent.quantity} cannot be ordered")
    if not all(text.isascii() and text.isprintable() for text in (intent.ref, intent.oca_group)):
        raise BrokerError(
            f"order {clean(intent.ref)}: its reference or group has characters no order may carry"
        )
    if intent.tif.value == "GTD":
        raise BrokerError(f"order {intent.ref}: GTD needs an end time, which an intent does not carry")
    return ibapi.Order(
        orderId=order_id,
        action=intent.side.value,
        totalQuantity=intent.quantity,
        orderType=intent.order_type.value,
        tif=intent.tif.value,
        account=account,
        orderRef=intent.ref,
        parentId=parent_id,
        transmit=intent.transmit,
        ocaGroup=intent.oca_group,
        # 1: when one of the group fills, the rest is cancelled, one live at a time at the exchange.
        ocaType=1 if intent.oca_group else 0,
        whatIf=what_if,
        **_price_fields(intent),
    )


def fill_of(contract: Any, execution: Any) -> Fill:
    """One execution as a fill. Raises ValueError where it cannot be booked (side, quantity, price)."""
    side = _SIDES.get(execution.side)
    quantity = number_or_none(execution.shares)
    price = number_or_none(execution.price)
    if side is None or price is None or quantity is None or quantity <= 0 or not quantity.is_integer():
        raise ValueError(
            f"execution {clean(execution.execId)} cannot be booked: "
            f"{clean(execution.side)} {execution.shares} at {execution.price}"
        )
    return Fill(
        exec_id=clean(execution.execId),
        order_ref=clean(execution.orderRef),
        perm_id=int(execution.permId),
        key=key_of(contract),
        con_id=int(contract.conId),
        side=side,
        quantity=int(quantity),
        price=decimal(price),
        at=execution.time.astimezone(UTC),
    )


def commission_of(report: Any) -> Commission:
    """One commission report; the realised part is None where the fill opened."""
    realized = number_or_none(report.realizedPNL)
    return Commission(
        exec_id=clean(report.execId),
        amount=decimal(report.commission),
        realized_usd=None if realized is None else decimal(realized),
    )


def position_of(account: str, contract: Any, quantity: float, average_cost: float) -> BrokerPosition:
    """One position as the broker states it."""
    return BrokerPosition(
        account=clean(account),
        con_id=int(contract.conId),
        key=key_of(contract),
        quantity=decimal(quantity),
        average_cost=average_cost,
        symbol=clean(contract.symbol),
        sec_type=clean(contract.secType),
    )


def expiry_of(text: str) -> date | None:
    """`YYYYMMDD` (with anything behind it) as a date; None where there is none."""
    if len(text) < 8 or not text[:8].isdigit():
        return None
    return datetime.strptime(text[:8], "%Y%m%d").replace(tzinfo=UTC).date()
