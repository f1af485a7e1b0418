"""What `cockpit status` says: one Snapshot as a document for programs and as lines for people. Pure."""

from __future__ import annotations

from typing import Any

from engine.api import AlertView, BrakeView, OrderView, PositionView, Snapshot
from engine.api_pipeline import CycleTrace, stage_words
from engine.api_recovery import RecoveryRow


def document(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as plain JSON data, with stable names. Unknown values are null."""
    return {
        "api_version": snapshot.api_version,
        "version": snapshot.version,
        "pid": snapshot.pid,
        "run_id": snapshot.run_id,
        "engine_state": snapshot.engine_state.value,
        "state_reason": snapshot.state_reason,
        "mode": snapshot.mode.value,
        "gateway": snapshot.gateway,
        "gateway_text": snapshot.gateway_text,
        "account": snapshot.account,
        "connected": snapshot.connected,
        "as_of": snapshot.as_of.isoformat(),
        "clock": {
            "now": snapshot.session.now.isoformat(),
            "speed": snapshot.session.speed,
            "is_open": snapshot.session.is_open,
            "closes_in_s": snapshot.session.closes_in_s,
        },
        "entries_allowed": snapshot.entries_allowed,
        "entries_text": snapshot.entries_text,
        "brakes": [_brake(brake) for brake in snapshot.brakes],
        "positions": [_position(position) for position in snapshot.positions],
        "orders": [_order(order) for order in snapshot.orders],
        "unknown_orders": snapshot.unknown_orders,
        "recovery": _recovery(snapshot),
        "pnl": _pnl(snapshot),
        "health": {
            "loop_lag_max_ms": snapshot.loop_lag_max_ms,
            "data_age_s": snapshot.data_age_s,
            "rows": [
                {"name": row.name, "level": row.level.value, "text": row.text} for row in snapshot.health
            ],
        },
        "alerts": [_alert(alert) for alert in snapshot.alerts],
        "cycle": cycle(snapshot.selection.pipeline.last),
        "last_cycle_with_proposal": cycle(snapshot.selection.pipeline.acted),
    }


def cycle(trace: CycleTrace | None) -> dict[str, Any] | None:
    """One decision cycle, stage by stage; None before the first."""
    if trace is None:
        return None
    stages = [
        {
            "stage": row.stage.value,
            "in": row.entered,
            "out": row.passed,
            "drops": dict(row.drops),
            "ms": row.ms,
            "text": stage_words(row),
        }
        for row in trace.stages
    ]
    return {"at": trace.at.isoformat(), "stages": stages}


def text(snapshot: Snapshot) -> str:
    """The same for a person, a few lines."""
    pnl = snapshot.pnl
    reason = f" ({snapshot.state_reason})" if snapshot.state_reason else ""
    lines = [
        f"{snapshot.mode.value} · {snapshot.gateway_text} · {snapshot.account or 'account unknown'}",
        f"{snapshot.engine_state.value}{reason} · {snapshot.entries_text} · process {snapshot.pid}",
        f"net liquidation {_money(pnl.net_liquidation_usd)} · day {_money(pnl.day_usd, sign=True)}",
        f"loop lag {snapshot.loop_lag_max_ms:.1f} ms",
    ]
    lines += [f"{brake.kind.value} {brake.scope}: {brake.reason} ({brake.who})" for brake in snapshot.brakes]
    lines += _recovery_lines(snapshot)
    lines += [_position_line(position) for position in snapshot.positions] or ["no positions"]
    working = [order for order in snapshot.orders if not order.is_done]
    lines += [_order_line(order) for order in working] or ["no working orders"]
    lines += [_alert_line(alert) for alert in snapshot.alerts if not alert.acknowledged]
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


def alert_lines(snapshot: Snapshot) -> tuple[str, ...]:
    """Every alert that stands, with what to do."""
    lines = [_alert_line(alert) for alert in snapshot.alerts]
    return tuple("".join(c if c.isprintable() else " " for c in line) for line in lines)


def farewell(snapshot: Snapshot) -> tuple[str, ...]:
    """What a person is told when the engine has ended: how, the day's summary, what stays open."""
    lines = [snapshot.state_reason or "the engine has stopped", *snapshot.summary]
    lines += [f"still open: {_position_line(position)}" for position in snapshot.positions]
    lines += [
        f"still working: {_order_line(order)}"
        for order in snapshot.orders
        if not order.is_done and order.is_ours
    ]
    return tuple("".join(c if c.isprintable() else " " for c in line) for line in lines)


def _recovery(snapshot: Snapshot) -> dict[str, Any]:
    recovery = snapshot.recovery
    return {
        "waiting": len(recovery.open_rows),
        "unverified": _unverified(snapshot),
        "settling": recovery.settling,
        "crashed": recovery.crashed,
        "state_at": None if recovery.state_at is None else recovery.state_at.isoformat(),
        "report": list(recovery.report),
        "rows": [_recovery_row(row) for row in recovery.rows],
    }


def _recovery_row(row: RecoveryRow) -> dict[str, Any]:
    return {
        "id": row.row_id,
        "kind": row.kind.value,
        "symbol": row.symbol,
        "ours": row.ours,
        "broker": row.broker,
        "difference": row.difference,
        "since": None if row.since is None else row.since.isoformat(),
        "last_order": row.last_order,
        "unrealized_usd": row.unrealized_usd,
        "choices": [choice.value for choice in row.choices],
        "proposal": row.proposal,
        "stop_price": row.stop_price,
    }


def _recovery_lines(snapshot: Snapshot) -> list[str]:
    """What waits for a person, and what is only our own word; nothing where all is well."""
    waiting = snapshot.recovery.open_rows
    lines = [f"{len(waiting)} waiting for a decision: cockpit attach, then O"] if waiting else []
    lines += [
        f"  {row.symbol:8} we knew {row.ours_text}, broker has {row.broker_text}: {row.difference} "
        f"· {', '.join(choice.value for choice in row.choices)}"
        for row in waiting
    ]
    unverified = _unverified(snapshot)
    return lines + (
        [f"READ ONLY: {unverified} position(s) not verified with the broker"] if unverified else []
    )


def _unverified(snapshot: Snapshot) -> int:
    return sum(1 for position in snapshot.positions if not position.is_verified)


def _brake(brake: BrakeView) -> dict[str, Any]:
    return {
        "kind": brake.kind.value,
        "scope": brake.scope.kind.value,
        "name": brake.scope.name,
        "reason": brake.reason,
        "who": brake.who,
        "since": brake.since.isoformat(),
        "proof": brake.proof,
    }


def _alert_line(alert: AlertView) -> str:
    marks = [f"{alert.count} times"] if alert.count > 1 else []
    marks += ["ESCALATED"] if alert.escalated else []
    marks += ["acknowledged"] if alert.acknowledged else []
    marked = f" ({', '.join(marks)})" if marks else ""
    to_do = f" · {alert.to_do}" if alert.to_do else ""
    return f"alert {alert.alert_id} {alert.level.value.upper()} [{alert.code}] {alert.text}{marked}{to_do}"


def _alert(alert: AlertView) -> dict[str, Any]:
    return {
        "id": alert.alert_id,
        "level": alert.level.value,
        "code": alert.code,
        "symbol": alert.symbol,
        "text": alert.text,
        "acknowledged": alert.acknowledged,
        "count": alert.count,
        "escalated": alert.escalated,
        "at": alert.at.isoformat(),
        "to_do": alert.to_do,
    }


def _position(position: PositionView) -> dict[str, Any]:
    return {
        "symbol": position.symbol,
        "quantity": position.quantity,
        "avg_price": position.avg_price,
        "last": position.last,
        "unrealized_usd": position.unrealized_usd,
        "protected_quantity": position.protected_quantity,
        "stop_price": position.stop_price,
        "owner": position.owner,
        "is_orphan": position.is_orphan,
        "is_verified": position.is_verified,
    }


def _order(order: OrderView) -> dict[str, Any]:
    return {
        "order_ref": order.order_ref,
        "perm_id": order.perm_id,
        "symbol": order.symbol,
        "side": order.side,
        "quantity": order.quantity,
        "filled": order.filled,
        "order_type": order.order_type,
        "price": order.price,
        "tif": order.tif,
        "status": order.status,
        "role": order.role,
        "strategy": order.strategy,
        "is_ours": order.is_ours,
        "is_done": order.is_done,
        "message": order.message,
    }


def _pnl(snapshot: Snapshot) -> dict[str, Any]:
    pnl = snapshot.pnl
    return {
        "net_liquidation_usd": pnl.net_liquidation_usd,
        "day_usd": pnl.day_usd,
        "realized_usd": pnl.realized_usd,
        "unrealized_usd": pnl.unrealized_usd,
        "fees_usd": pnl.fees_usd,
        "worst_usd": pnl.worst_usd,
        "trades": pnl.trades,
        "wins": pnl.wins,
        "stop_risk_usd": pnl.stop_risk_usd,
    }


def _position_line(position: PositionView) -> str:
    covered = abs(position.quantity) <= position.protected_quantity
    price = position.stop_price
    stop = "no stop" if price is None else f"stop {_price(price, position.decimals)}"
    shown = f"protected, {stop}" if covered else f"protected {position.protected_quantity}, {stop}"
    shown = shown if position.is_verified else f"UNVERIFIED, {shown}"
    return (
        f"{position.symbol:8} {position.quantity:+6d} @ {_price(position.avg_price, position.decimals)} "
        f"{_money(position.unrealized_usd, sign=True)} · {shown} · {position.owner or 'owner unknown'}"
    )


def _order_line(order: OrderView) -> str:
    price = "" if order.price is None else f" {_price(order.price, order.decimals)}"
    return (
        f"{order.symbol:8} {order.side} {order.filled}/{order.quantity} {order.order_type}{price} "
        f"{order.tif} {order.status} · {order.order_ref}"
    )


def _price(value: float, decimals: int) -> str:
    return f"{value:.{min(max(decimals, 0), 10)}f}"


def _money(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "—"
    return f"{value:+,.2f}" if sign else f"{value:,.2f}"
