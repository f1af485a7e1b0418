"""An order as the exchange keeps it, from acceptance to its end, and its journal form.

The status is never stored by hand: it follows from what the order waits for (`standing`). Volatile fields
(`resting`, `ahead`, `portion`, `excess`) are a place in a queue or a drill's wish and begin anew after a
restart.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from typing import Any, NamedTuple

from engine.gateway.model import ExecutionView, OrderRequest, OrderView, Status

BUY = "BUY"
SELL = "SELL"
MARKET = "MKT"
LIMIT = "LMT"
STOP = "STP"
STOP_LIMIT = "STP LMT"
TRAIL = "TRAIL"
TRIGGERED = frozenset({STOP, STOP_LIMIT, TRAIL})

_REQUEST_FIELDS = tuple(fields(OrderRequest))


@dataclass(slots=True, eq=False)
class Order:
    """One order. `perm_id` is its key for ever; `priority` its place among our own at one price."""

    request: OrderRequest
    perm_id: int
    priority: int
    transmitted: bool
    status: Status = Status.PENDING_SUBMIT
    expires_at: float | None = None
    parent_perm_id: int = 0
    released: bool = True
    """False while a child waits for its parent's first fill."""
    elected: bool = False
    stop_price: float | None = None
    """Trigger price now; moves for trailing orders."""
    filled: int = 0
    value: Decimal = Decimal(0)
    """Sum of price times quantity over the fills."""
    commission: Decimal = Decimal(0)
    last_fill_price: float = 0.0
    completed_at: float | None = None
    completed_text: str = ""
    resting: bool = False
    """In the book (True), or still to be tried against it."""
    ahead: int | None = 0
    """Size displayed before ours at our price; None where the level is deeper than the book shows."""
    portion: int = 0
    """Most it may fill at once, where a drill wants it in parts; 0 = as much as there is."""
    excess: int = 0
    """What its last fill takes beyond its quantity, where a drill wants it over-filled."""

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.request.action == BUY else -1

    @property
    def remaining(self) -> int:
        """What has not filled; never below nothing, even where a drill filled too much."""
        return max(0, self.request.quantity - self.filled)

    @property
    def is_open(self) -> bool:
        """False once filled, cancelled, expired or rejected."""
        return not self.status.is_done

    @property
    def waits_for_trigger(self) -> bool:
        """A stop that has not been elected."""
        return self.request.order_type in TRIGGERED and not self.elected

    @property
    def limit(self) -> float | None:
        """The price the order may not trade beyond; None for market orders and elected stops."""
        if self.request.order_type in (LIMIT, STOP_LIMIT):
            return self.request.limit_price
        return None

    @property
    def avg_price(self) -> float:
        """Average fill price, 0.0 before the first fill."""
        return float(self.value / self.filled) if self.filled else 0.0

    def finish(self, status: Status, text: str, now: float) -> None:
        """End the order for good."""
        self.status, self.completed_at, self.completed_text = status, now, text
        self.resting = False

    def standing(self, *, in_session: bool) -> Status:
        """The status of an order that is not done, from what it waits for."""
        if not self.transmitted:
            return Status.PENDING_SUBMIT
        if not self.released or self.waits_for_trigger or not in_session:
            return Status.PRE_SUBMITTED
        return Status.SUBMITTED

    def view(self) -> OrderView:
        """The order as sessions report it."""
        return OrderView(
            request=self.request,
            perm_id=self.perm_id,
            status=self.status,
            filled=self.filled,
            remaining=self.remaining,
            avg_fill_price=self.avg_price,
            last_fill_price=self.last_fill_price,
            parent_perm_id=self.parent_perm_id,
            why_held=self._why_held(),
            completed_at=self.completed_at,
            completed_text=self.completed_text,
            stop_price=self.stop_price,
        )

    def _why_held(self) -> str:
        if not self.is_open:
            return ""
        reasons = (("child", not self.released), ("trigger", self.waits_for_trigger))
        return ",".join(word for word, holds in reasons if holds)


class Fill(NamedTuple):
    """One execution as the exchange keeps it; `realized` is None where the fill opened or added."""

    exec_id: str
    ts: float
    perm_id: int
    quantity: int
    price: float
    cum_quantity: int
    avg_price: float
    exchange: str
    liquidity: int
    commission: Decimal
    realized: Decimal | None

    def view(self, order: Order) -> ExecutionView:
        """The execution as sessions report it."""
        return ExecutionView(
            exec_id=self.exec_id,
            ts=self.ts,
            request=order.request,
            perm_id=self.perm_id,
            con_id=order.request.con_id,
            action=order.request.action,
            quantity=self.quantity,
            price=self.price,
            cum_quantity=self.cum_quantity,
            avg_price=self.avg_price,
            exchange=self.exchange,
            liquidity=self.liquidity,
            commission=float(self.commission),
            realized_pnl=None if self.realized is None else float(self.realized),
        )


def order_record(order: Order) -> dict[str, Any]:
    """The order as plain JSON values; fields at their default are left out of the request."""
    request = {
        field.name: value
        for field in _REQUEST_FIELDS
        if (value := getattr(order.request, field.name)) != field.default or field.default is MISSING
    }
    return {
        "request": request,
        "perm_id": order.perm_id,
        "priority": order.priority,
        "transmitted": order.transmitted,
        "status": order.status.value,
        "expires_at": order.expires_at,
        "parent_perm_id": order.parent_perm_id,
        "released": order.released,
        "elected": order.elected,
        "stop_price": order.stop_price,
        "filled": order.filled,
        "value": str(order.value),
        "commission": str(order.commission),
        "last_fill_price": order.last_fill_price,
        "completed_at": order.completed_at,
        "completed_text": order.completed_text,
    }


def order_from(record: dict[str, Any]) -> Order:
    """The order a record describes. KeyError, TypeError or ValueError where the record is not one."""
    known = dict(record)
    known["request"] = OrderRequest(**known["request"])
    known["status"] = Status(known["status"])
    known["value"] = Decimal(known["value"])
    known["commission"] = Decimal(known["commission"])
    return Order(**known)


def fill_record(fill: Fill) -> list[Any]:
    """The execution as plain JSON values, in the order of `Fill`'s fields."""
    realized = None if fill.realized is None else str(fill.realized)
    return [*fill[:9], str(fill.commission), realized]


def fill_from(record: list[Any]) -> Fill:
    """The execution a record describes."""
    commission, realized = record[9:]
    known = [*record[:9], Decimal(commission), None if realized is None else Decimal(realized)]
    return Fill._make(known)


def exact(price: float) -> Decimal:
    """A price as the Decimal its shortest text names; the only way a float enters the books."""
    return Decimal(repr(price))
