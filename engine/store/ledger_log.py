"""How positions, orders and trades are written into the event log: it alone can show them again.

Payloads are whole: the newest one about a position or an order says all there is to say about it. Money
is decimal text, times are column text (UTC).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from engine.domain.order import Order, OrderIntent, OrderState, OrderType, Role, Side, Tif
from engine.ledger.changes import BookedFill, Leg, TradeRecord
from engine.store.values import from_time, to_json, to_time

_MONEY: Final = ("cost", "multiplier", "entry_notional", "exit_notional", "realized_usd", "fees_usd")
_PLAIN: Final = ("con_id", "quantity", "owner", "entered", "initial_stop", "stop_price")
_MOVES: Final = ("order_id", "perm_id", "filled", "avg_fill_price", "message")
_TERMS: Final = ("quantity", "limit_price", "stop_price")


def leg_payload(leg: Leg) -> dict[str, object]:
    """A position as it stands, with the totals behind it; what its entry was meant for is left out."""
    money = {name: str(getattr(leg, name)) for name in _MONEY}
    return {name: getattr(leg, name) for name in _PLAIN} | money | {"opened_at": to_time(leg.opened_at)}


def leg_of(key: str, payload: Mapping[str, Any]) -> Leg:
    """The position again. Raises KeyError or ValueError for a payload of another kind."""
    values: dict[str, Any] = {name: payload[name] for name in _PLAIN}
    values |= {name: Decimal(payload[name]) for name in _MONEY}
    return Leg(key=key, **values, opened_at=from_time(payload["opened_at"]))


def intent_payload(intent: OrderIntent) -> dict[str, object]:
    """What was wanted, as `intent_of` reads it."""
    return {
        "strategy": intent.strategy,
        "role": intent.role.value,
        "side": intent.side.value,
        "quantity": intent.quantity,
        "type": intent.order_type.value,
        "tif": intent.tif.value,
        "limit_price": intent.limit_price,
        "stop_price": intent.stop_price,
        "parent": intent.parent_ref,
        "signal": intent.signal_id,
        "reason": intent.reason,
    }


def order_payload(order: Order) -> dict[str, object]:
    """Where an order stands."""
    moves = {name: getattr(order, name) for name in _MOVES}
    terms = {name: getattr(order.intent, name) for name in _TERMS}
    return {"state": order.state.value, **moves, **terms}


def whole_order_payload(order: Order) -> dict[str, object]:
    """An order with what was wanted, for one that began before the log's first line."""
    times = {"created_at": to_time(order.intent.created_at), "at": to_time(_moved_at(order))}
    whole = {**intent_payload(order.intent), **order_payload(order), **times}
    return {"ref": order.intent.ref, "key": order.intent.key, **whole}


def new_order(ref: str, key: str, at: str, payload: Mapping[str, Any]) -> Order:
    """An order from what was wanted. Raises KeyError or ValueError for a payload of another kind."""
    intent = OrderIntent(
        ref=ref,
        strategy=payload["strategy"],
        key=key,
        con_id=0,
        role=Role(payload["role"]),
        side=Side(payload["side"]),
        quantity=payload["quantity"],
        order_type=OrderType(payload["type"]),
        created_at=from_time(at),
        tif=Tif(payload["tif"]),
        limit_price=payload["limit_price"],
        stop_price=payload["stop_price"],
        parent_ref=payload["parent"],
        signal_id=payload["signal"],
        reason=payload["reason"],
    )
    return Order(intent, OrderState.PENDING, updated_at=from_time(at))


def moved_order(order: Order, at: str, payload: Mapping[str, Any]) -> Order:
    """The order where the payload of `order_payload` has it."""
    terms = {name: payload[name] for name in _TERMS}
    moves = {name: payload[name] for name in _MOVES}
    intent = order.intent
    if any(getattr(intent, name) != value for name, value in terms.items()):
        intent = replace(intent, **terms)
    return replace(
        order, intent=intent, state=OrderState(payload["state"]), updated_at=from_time(at), **moves
    )


def trade_payload(record: TradeRecord) -> dict[str, object]:
    """A closed round trip."""
    trade = record.trade
    return {
        "closed_by": record.closed_by,
        "quantity": trade.quantity,
        "entry_price": str(trade.entry_price),
        "exit_price": str(trade.exit_price),
        "gross_usd": str(trade.gross_usd),
        "fees_usd": str(trade.fees_usd),
        "opened_at": to_time(trade.opened_at),
        "reason": trade.reason,
    }


def fill_payload(booked: BookedFill) -> dict[str, object]:
    """An execution, as known when it was booked or when its commission came."""
    fill = booked.fill
    return {
        "exec_id": fill.exec_id,
        "quantity": fill.signed_quantity,
        "price": fill.price,
        "commission": fill.commission,
        "role": fill.role,
        "strategy": fill.strategy,
    }


def ledger_digest(legs: Iterable[Leg], orders: Iterable[Order]) -> str:
    """One hash over everything held and every order, whoever asks: a live ledger or the log played again."""
    held = [[leg.key, leg_payload(leg)] for leg in sorted(legs, key=lambda leg: leg.key)]
    known = [[o.intent.ref, order_payload(o)] for o in sorted(orders, key=lambda o: o.intent.ref)]
    return hashlib.sha256(to_json({"held": held, "orders": known}).encode()).hexdigest()


def _moved_at(order: Order) -> Any:
    return order.updated_at or order.intent.created_at
