"""Small builders of ledger inputs, so that tests say only what matters to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engine.domain.fill import Fill
from engine.domain.order import OrderIntent, OrderType, Role, Side, Tif
from engine.domain.plan import NO_PLAN, Plan
from engine.ledger.events import Executed, Source, StatusClaimed

T0 = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def fill(
    exec_id: str,
    signed: int,
    price: str,
    *,
    seconds: float = 0.0,
    ref: str = "",
    key: str = "SPY",
    commission: str | None = None,
    perm_id: int = 0,
    strategy: str = "",
) -> Fill:
    return Fill(
        exec_id=exec_id,
        order_ref=ref,
        perm_id=perm_id,
        key=key,
        con_id=756733,
        side=Side.BUY if signed > 0 else Side.SELL,
        quantity=abs(signed),
        price=Decimal(price),
        at=at(seconds),
        strategy=strategy,
        commission=None if commission is None else Decimal(commission),
    )


def intent(
    ref: str,
    *,
    role: Role = Role.ENTRY,
    side: Side = Side.BUY,
    quantity: int = 100,
    parent_ref: str = "",
    stop_price: float | None = None,
    key: str = "SPY",
    signal_id: str = "",
    reason: str = "",
    plan: Plan = NO_PLAN,
) -> OrderIntent:
    return OrderIntent(
        ref=ref,
        strategy="ma",
        key=key,
        con_id=756733,
        role=role,
        side=side,
        quantity=quantity,
        order_type=OrderType.STOP if role is Role.STOP else OrderType.LIMIT,
        tif=Tif.GTC if role is Role.STOP else Tif.DAY,
        created_at=T0,
        limit_price=None if role is Role.STOP else 500.0,
        stop_price=stop_price,
        parent_ref=parent_ref,
        signal_id=signal_id,
        reason=reason,
        plan=plan,
    )


def claim(
    ref: str,
    status: str,
    *,
    filled: int = 0,
    perm_id: int = 0,
    order_id: int = 0,
    source: Source = Source.BROKER,
    seconds: float = 0.0,
    message: str = "",
) -> StatusClaimed:
    return StatusClaimed(ref, order_id, perm_id, status, filled, 0.0, source, at(seconds), message=message)


def executed(booked: Fill, order_id: int = 0) -> Executed:
    return Executed(booked, order_id, booked.at)
