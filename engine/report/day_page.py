"""The page of a trading day: orders, fills, positions, cash, P&L, and what still works."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import numpy as np

from engine.domain.fill import Fill
from engine.domain.order import Order
from engine.domain.position import Position
from engine.ledger.summary import trade_record
from engine.ledger.trade_figures import trade_figures
from engine.report.drawing import line_drawing
from engine.report.page import render
from engine.store.day_record import DayRecord


def day_page(record: DayRecord, *, run_id: str = "") -> str:
    """The page, also of a day on which nothing happened. Times are UTC, money USD."""
    figures = trade_figures(record.trades)
    last = record.equity[-1] if record.equity else None
    curve = np.asarray([point.day_usd for point in record.equity], dtype=np.float64)
    fees = sum((fill.commission for fill in record.fills if fill.commission is not None), Decimal(0))
    return render(
        "day.html.j2",
        title=f"Trading day {record.day}",
        day=record.day.isoformat(),
        account=f"{record.gateway} {record.account}",
        run_id=run_id,
        figures=figures,
        exits=[(code, count) for code, count in figures["exit_reasons"].items()],
        day_usd=None if last is None else last.day_usd,
        net_liquidation_usd=None if last is None else last.net_liquidation_usd,
        cash_usd=record.cash_usd,
        fees_usd=float(fees),
        unpriced=sum(1 for fill in record.fills if fill.commission is None),
        orders=[_order(order) for order in record.orders],
        outstanding=[_order(order) for order in record.outstanding],
        states=sorted(Counter(order.state.value for order in record.orders).items()),
        fills=[_fill(fill) for fill in record.fills],
        positions=[_position(position) for position in record.positions],
        trades=[trade_record(trade) for trade in record.trades],
        notes=[{"at": f"{n.at:%H:%M:%S}", "symbol": n.symbol, "text": n.text} for n in record.notes],
        drawing=line_drawing(curve),
    )


def _order(order: Order) -> dict[str, Any]:
    intent = order.intent
    return {
        "at": f"{intent.created_at:%H:%M:%S}",
        "ref": intent.ref,
        "key": intent.key,
        "role": intent.role.value,
        "side": intent.side.value,
        "type": intent.order_type.value,
        "quantity": intent.quantity,
        "limit": intent.limit_price,
        "stop": intent.stop_price,
        "state": order.state.value,
        "filled": order.filled,
        "message": order.message,
    }


def _fill(fill: Fill) -> dict[str, Any]:
    return {
        "at": f"{fill.at:%H:%M:%S}",
        "exec_id": fill.exec_id,
        "key": fill.key,
        "side": fill.side.value,
        "quantity": fill.quantity,
        "price": float(fill.price),
        "commission": None if fill.commission is None else float(fill.commission),
        "strategy": fill.strategy,
    }


def _position(position: Position) -> dict[str, Any]:
    return {
        "key": position.key,
        "quantity": position.quantity,
        "avg_price": float(position.avg_price),
        "multiplier": str(position.multiplier),
        "stop": position.stop_price,
        "realized": float(position.realized_usd - position.fees_usd),
        "owner": position.owner,
        "opened_at": position.opened_at.isoformat()[:19],
    }
