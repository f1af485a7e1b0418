"""The state as one JSON document with stable names, read from the database whether an engine runs or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.domain.market import NEW_YORK, Bar
from engine.domain.order import Order, Role, Side
from engine.domain.position import Position
from engine.ledger.events import Described
from engine.ledger.ledger import Ledger
from engine.ledger.past import Attempt
from engine.store import operations
from engine.store.backup import binding_of
from engine.store.brakes import StoredBrake
from engine.store.checkpoint import StoredCheckpoint, load_checkpoint
from engine.store.connection import at_one_moment
from engine.store.operations import StoredState


def export_state(path: Path) -> dict[str, Any]:
    """Everything a person or another program may want to know of the state at one moment.

    Times are New York time with offset, prices per unit, money in USD. Raises StoreError.
    """
    with at_one_moment(path) as conn:
        binding = binding_of(conn, path)
        state = operations.load(conn, boot_id="")
        checkpoint = load_checkpoint(conn)
    return {"gateway": binding.gateway, "account": binding.account} | document(state, checkpoint)


def document(state: StoredState, checkpoint: StoredCheckpoint | None) -> dict[str, Any]:
    """The document of a state. Pure."""
    ledger = Ledger(state.ledger)
    summary = ledger.positions.get_daily_summary()
    saved: Mapping[str, Any] = {} if checkpoint is None else checkpoint.document
    analytics = {
        "filter_blocks": saved.get("filter_blocks", {}),
        "entry_paths": saved.get("entry_paths", {}),
        "daily_pnl": summary["daily_pnl"],
    }
    started = saved.get("session_started_at")
    return {
        "timestamp": _when(state.saved_at),
        "trading_day": None if state.day is None else state.day.isoformat(),
        "positions": {
            p.key: _position(p, ledger.positions.terms(p.key), ledger.orders.live())
            for p in ledger.positions.positions()
        },
        "attempt_counts": _attempts(ledger.positions.past.all_attempts()),
        "session": {
            "start_time": None if started is None else _when(datetime.fromisoformat(started)),
            "watchlist": saved.get("watchlist", []),
            "daily_pnl": summary["daily_pnl"],
            "trades_today": summary["total_trades"],
            "analytics": analytics,
        },
        "analytics": analytics,
        "bar_buffers": {} if checkpoint is None else _buffers(checkpoint.bars),
        "brakes": [_brake(brake) for brake in state.brakes],
    }


def _position(position: Position, terms: Described | None, orders: Iterable[Order]) -> dict[str, Any]:
    stops = (o for o in orders if (o.intent.key, o.intent.role) == (position.key, Role.STOP))
    stop = next(stops, None)
    return {
        "symbol": position.key,
        "side": "LONG" if position.quantity > 0 else "SHORT",
        "entry_price": float(position.avg_price),
        "entry_time": _when(position.opened_at),
        "shares": position.entered,
        "remaining": position.remaining,
        "quantity": position.quantity,
        "owner": position.owner,
        "pivot": position.plan.pivot,
        "target1": position.plan.target1,
        "target2": position.plan.target2,
        "stop_price": position.stop_price,
        "stop_order_id": None if stop is None else stop.order_id,
        "stop_perm_id": None if stop is None else stop.perm_id,
        "stop_order_ref": None if stop is None else stop.intent.ref,
        "contract": _contract(position, terms),
        "partials_taken": [
            {"time": _when(p.at), "price": float(p.price), "shares": p.quantity, "reason": p.reason}
            for p in position.partials
        ],
    }


def _contract(position: Position, terms: Described | None) -> dict[str, Any]:
    known = {"symbol": position.key, "con_id": position.con_id, "multiplier": float(position.multiplier)}
    if terms is None:
        return known
    return known | {
        "symbol": terms.symbol or position.key,
        "exchange": terms.exchange,
        "currency": terms.currency,
        "sec_type": terms.sec_type,
        "expiry": terms.expiry,
    }


def _attempts(attempts: Iterable[Attempt]) -> dict[str, dict[str, Any]]:
    """Per symbol the newest level of each side with its count, and every level of the day."""
    found: dict[str, dict[str, Any]] = {}
    for attempt in attempts:
        row = found.setdefault(
            attempt.key,
            {"long_attempts": 0, "short_attempts": 0, "resistance": None, "support": None, "levels": []},
        )
        is_long = attempt.side is Side.BUY
        row["long_attempts" if is_long else "short_attempts"] = attempt.made
        row["resistance" if is_long else "support"] = attempt.pivot
        row["levels"].append({"side": attempt.side.value, "pivot": attempt.pivot, "attempts": attempt.made})
    return found


def _buffers(bars: Mapping[str, Sequence[Bar]]) -> dict[str, Any]:
    return {key: {"bars": [_bar(bar) for bar in found]} for key, found in bars.items()}


def _bar(bar: Bar) -> dict[str, Any]:
    return {
        "time": _when(bar.start),
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
    }


def _brake(brake: StoredBrake) -> dict[str, Any]:
    return {
        "kind": brake.kind,
        "scope": brake.scope,
        "name": brake.name,
        "reason": brake.reason,
        "who": brake.who,
        "since": _when(brake.at),
    }


def _when(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(NEW_YORK).isoformat()
