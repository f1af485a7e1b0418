"""The books of a past session, line by line of its log: what was held, ordered, filled, closed. Pure.

After each line they stand where the live ledger stood when it wrote it (`ledger_digest` of both agree).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, NamedTuple

from engine.api import FillView
from engine.domain.order import Order, OrderState
from engine.ledger.changes import Leg
from engine.store.ledger_log import ledger_digest, leg_of, moved_order, new_order
from engine.store.recordings import Line
from engine.store.values import from_time

LEDGER_KINDS: Final = frozenset({"session", "order", "fill", "position", "trade", "engine"})
"""Kinds of line that the books are made from."""


class PastTrade(NamedTuple):
    """What a closed round trip was worth."""

    gross_usd: Decimal
    fees_usd: Decimal


class PastBooks:
    """Takes the lines of a session in order; knows no clock and no database."""

    def __init__(self) -> None:
        self.legs: dict[str, Leg] = {}
        self.orders: dict[str, Order] = {}
        self.fills: dict[str, FillView] = {}
        """By execution id, in order of booking; today's."""
        self.trades: dict[str, PastTrade] = {}
        """By the booking that closed them; today's, as far as this session closed them."""
        self._realized_before = Decimal(0)
        self._fees_before = Decimal(0)

    def take(self, line: Line) -> None:
        """One more line. Raises KeyError or ValueError for a payload that this version did not write."""
        match line.kind:
            case "session":
                self._begin(line)
            case "order":
                self._order(line)
            case "fill":
                self._fill(line)
            case "position":
                self._position(line)
            case "trade":
                self._trade(line)
            case "engine" if "held" in line.payload:
                self._new_day()

    @property
    def digest(self) -> str:
        """One hash over all of it."""
        return ledger_digest(self.legs.values(), self.orders.values())

    @property
    def realized_usd(self) -> Decimal:
        """Realised today before fees."""
        closed = sum((trade.gross_usd for trade in self.trades.values()), Decimal(0))
        return self._realized_before + closed + self._of_open("realized_usd")

    @property
    def fees_usd(self) -> Decimal:
        """Fees of today as far as reported."""
        closed = sum((trade.fees_usd for trade in self.trades.values()), Decimal(0))
        return self._fees_before + closed + self._of_open("fees_usd")

    def _of_open(self, name: str) -> Decimal:
        return sum((getattr(leg, name) for leg in self.legs.values()), Decimal(0))

    def _begin(self, line: Line) -> None:
        given = line.payload
        self.legs = {key: leg_of(key, payload) for key, payload in given.get("held", {}).items()}
        self.orders = {}
        for payload in given.get("orders", ()):
            order = new_order(payload["ref"], payload["key"], payload["created_at"], payload)
            self.orders[payload["ref"]] = moved_order(order, payload["at"], payload)
        self._realized_before = Decimal(given.get("realized_usd", "0")) - self._of_open("realized_usd")
        self._fees_before = Decimal(given.get("fees_usd", "0")) - self._of_open("fees_usd")

    def _new_day(self) -> None:
        self.orders = {ref: order for ref, order in self.orders.items() if not order.state.is_done}
        self.fills, self.trades = {}, {}
        self._realized_before = -self._of_open("realized_usd")
        self._fees_before = -self._of_open("fees_usd")

    def _order(self, line: Line) -> None:
        payload, ref = line.payload, line.ref
        known = self.orders.get(ref)
        if known is None:
            if "role" in payload:
                self.orders[ref] = new_order(ref, line.symbol, line.at, payload)
        elif "filled" in payload:
            self.orders[ref] = moved_order(known, line.at, payload)
        elif payload.get("state") == OrderState.SENDING:
            at = from_time(line.at)
            self.orders[ref] = known.moved(
                OrderState.SENDING, order_id=payload["order_id"], at=at, message=known.message
            )

    def _fill(self, line: Line) -> None:
        payload: dict[str, Any] = line.payload
        if "replaced" in payload:
            self.fills.pop(payload["replaced"], None)
            return
        commission = payload["commission"]
        self.fills[payload["exec_id"]] = FillView(
            exec_id=payload["exec_id"],
            order_ref=line.ref,
            symbol=line.symbol,
            side="BUY" if payload["quantity"] > 0 else "SELL",
            quantity=abs(payload["quantity"]),
            price=float(payload["price"]),
            commission_usd=None if commission is None else float(commission),
            at=from_time(line.at),
            decimals=2,
        )

    def _position(self, line: Line) -> None:
        if not line.payload["quantity"]:
            self.legs.pop(line.symbol, None)
        else:
            self.legs[line.symbol] = leg_of(line.symbol, line.payload)

    def _trade(self, line: Line) -> None:
        payload = line.payload
        if "withdrawn" in payload:
            self.trades.pop(payload["withdrawn"], None)
            return
        self.trades[payload["closed_by"]] = PastTrade(
            Decimal(payload["gross_usd"]), Decimal(payload["fees_usd"])
        )
