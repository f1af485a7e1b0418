"""From the desk to the Snapshot's rows. Pure reading; every unknown becomes None, never 0."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from engine.api import (
    BrakeKind,
    BrakeView,
    FillView,
    OrderView,
    PositionView,
    Scope,
    ScopeKind,
    SessionView,
)
from engine.api_recovery import FOREIGN_OWNER
from engine.broker.port import BrokerOrder
from engine.domain.fill import Fill
from engine.domain.instrument import Instrument, SecType
from engine.domain.order import Order, OrderState, OrderType, Role
from engine.domain.position import Position
from engine.domain.price import decimals
from engine.ledger.ledger import OPERATOR
from engine.ledger.pnl import r_multiple, unrealized_usd
from engine.ledger.protection import protection
from engine.recovery.compare import Finding
from engine.risk.brakes import Brake
from engine.runtime.desk import Desk

SHOWN_DONE_ORDERS = 100
SHOWN_FILLS = 200


def known(value: float | None) -> float | None:
    """The number, or None where it is not one."""
    return value if value is not None and math.isfinite(value) else None


def brake_view(brake: Brake) -> BrakeView:
    """A brake as shown."""
    scope = Scope(ScopeKind(brake.scope.value), brake.name)
    return BrakeView(BrakeKind(brake.level.name), scope, brake.reason, brake.who, brake.at, brake.proof)


def position_views(desk: Desk) -> tuple[PositionView, ...]:
    """Our positions, then what the broker holds beyond them."""
    ours = tuple(_position(desk, p) for p in desk.books.positions())
    orphans = tuple(_beside(desk, f, is_orphan=True) for f in desk.differences if f.moved_from is None)
    return (*ours, *orphans, *(_beside(desk, f, is_orphan=False) for f in desk.foreign))


def held_view(
    position: Position,
    instrument: Instrument | None,
    *,
    mark: float | None,
    quote_age_s: float | None,
    exposure_usd: float | None,
    orders: Iterable[Order],
) -> PositionView:
    """A position of ours as its books, its orders and a price tell it."""
    cover = protection(position, orders)
    return PositionView(
        symbol=position.key,
        quantity=position.quantity,
        avg_price=float(position.avg_price),
        last=mark,
        unrealized_usd=unrealized_usd((position,), {} if mark is None else {position.key: mark}),
        realized_usd=float(position.realized_usd),
        r_multiple=None if mark is None else r_multiple(position, mark),
        protected_quantity=cover.protected,
        stop_price=cover.stop_price,
        owner=position.owner,
        opened_at=position.opened_at,
        decimals=2 if instrument is None else decimals(instrument),
        quote_age_s=quote_age_s,
        exposure_usd=exposure_usd,
        remaining=position.remaining,
        sec_type="STK" if instrument is None else instrument.sec_type.value,
        multiplier=float(position.multiplier),
    )


def _position(desk: Desk, position: Position) -> PositionView:
    key = position.key
    instrument = desk.instruments.get(key)
    mark = known(desk.quotes.mark(key))
    unit = known(desk.unit_exposure_usd(key))
    return replace(
        held_view(
            position,
            instrument,
            mark=mark,
            quote_age_s=desk.quotes.age_s(key, desk.now()),
            exposure_usd=None if unit is None else unit * abs(position.quantity),
            orders=desk.books.open_orders(key),
        ),
        metadata_lost=position.owner == OPERATOR and not _is_by_hand(desk, position),
        is_verified=desk.verified,
        close_price=_touch(desk, position),
        close_fee_usd=_close_fee_usd(desk, position, instrument, mark),
        initial_stop=position.initial_stop,
    )


def _is_by_hand(desk: Desk, position: Position) -> bool:
    """True where an order by hand is behind it; what was taken over or known again has no signal."""
    return any(
        o.filled and o.intent.role is Role.ENTRY and o.intent.key == position.key and o.intent.signal_id
        for o in desk.books.orders()
        if o.intent.strategy == OPERATOR
    )


def _touch(desk: Desk, position: Position) -> float | None:
    """The price on the other side, which an order at market meets first."""
    quote = desk.quotes.quote(position.key)
    if quote is None:
        return None
    price = known(quote.bid if position.quantity > 0 else quote.ask)
    return price if price is not None and price > 0 else None


def _close_fee_usd(
    desk: Desk, position: Position, instrument: Instrument | None, mark: float | None
) -> float | None:
    if instrument is None or mark is None:
        return None
    quantity = abs(position.quantity)
    value_usd = mark * quantity * instrument.multiplier
    fees = desk.limits().order_rules.fees
    return fees.order_fee_usd(instrument.sec_type, quantity=quantity, value_usd=value_usd)


def _beside(desk: Desk, difference: Finding, *, is_orphan: bool) -> PositionView:
    """What the broker holds beside what is ours: an orphan, or a part that is left alone."""
    instrument = desk.instruments.get(difference.key)
    multiplier = 1.0 if instrument is None else instrument.multiplier
    return PositionView(
        symbol=difference.key,
        quantity=int(difference.broker) - desk.books.quantity(difference.key),
        avg_price=difference.average_cost / multiplier,
        last=known(desk.quotes.mark(difference.key)),
        unrealized_usd=None,
        realized_usd=0.0,
        r_multiple=None,
        protected_quantity=0,
        stop_price=None,
        owner="" if is_orphan else FOREIGN_OWNER,
        opened_at=None,
        decimals=2 if instrument is None else decimals(instrument),
        quote_age_s=desk.quotes.age_s(difference.key, desk.now()),
        exposure_usd=None,
        is_orphan=is_orphan,
        is_foreign=not is_orphan,
        sec_type=difference.sec_type or "STK",
        multiplier=multiplier,
    )


def shown_orders(desk: Desk) -> tuple[tuple[Order, ...], tuple[Order, ...]]:
    """As shown: unknown and working orders, and those that ended today, newest first."""
    live = sorted(
        desk.books.open_orders(),
        key=lambda o: (o.state is not OrderState.UNKNOWN, o.intent.created_at, o.intent.ref),
    )
    return tuple(live), desk.books.ledger.orders.latest_done(SHOWN_DONE_ORDERS)


def strange_order_views(desk: Desk) -> tuple[OrderView, ...]:
    """Orders at the broker that our books do not know."""
    return tuple(_strange(o, desk) for o in desk.strange_orders)


def order_view(order: Order, instrument: Instrument | None) -> OrderView:
    """One of our orders as shown."""
    intent = order.intent
    is_stop = intent.order_type in (OrderType.STOP, OrderType.TRAIL)
    return OrderView(
        order_ref=intent.ref,
        perm_id=order.perm_id,
        symbol=intent.key,
        side=intent.side.value,
        quantity=intent.quantity,
        filled=order.filled,
        order_type=intent.order_type.value,
        price=intent.stop_price if is_stop else intent.limit_price,
        tif=intent.tif.value,
        status=order.state.value,
        role=intent.role.value,
        strategy=intent.strategy,
        at=order.updated_at or intent.created_at,
        message=order.message or intent.note,
        decimals=2 if instrument is None else decimals(instrument),
        is_done=order.state.is_done,
        avg_fill_price=order.avg_fill_price if order.filled else None,
    )


def _strange(order: BrokerOrder, desk: Desk) -> OrderView:
    instrument = desk.instruments.get(order.key)
    return OrderView(
        order_ref=order.claim.order_ref,
        perm_id=order.claim.perm_id,
        symbol=order.key,
        side=order.side,
        quantity=int(order.quantity),
        filled=int(order.claim.filled),
        order_type=order.order_type,
        price=order.limit_price if order.limit_price is not None else order.stop_price,
        tif=order.tif,
        status=order.claim.status,
        role="",
        strategy=FOREIGN_OWNER if order.claim.perm_id in desk.foreign_orders else "",
        at=desk.now(),
        message="not in our books",
        decimals=2 if instrument is None else decimals(instrument),
        is_ours=False,
    )


def shown_fills(desk: Desk) -> tuple[Fill, ...]:
    """The latest executions of the day, newest first."""
    return desk.books.ledger.positions.latest_fills(SHOWN_FILLS)


def fill_view(fill: Fill, instrument: Instrument | None) -> FillView:
    """One execution as shown."""
    return FillView(
        exec_id=fill.exec_id,
        order_ref=fill.order_ref,
        symbol=fill.key,
        side=fill.side.value,
        quantity=fill.quantity,
        price=float(fill.price),
        commission_usd=None if fill.commission is None else float(fill.commission),
        at=fill.at,
        decimals=2 if instrument is None else decimals(instrument),
    )


def session_view(desk: Desk) -> SessionView:
    """Exchange clock and the regular session of the stocks traded, or of the futures where there are none."""
    now = desk.now()
    described = [i for i in desk.instruments.values() if i.liquid_hours]
    stocks = [i for i in described if i.sec_type is SecType.STOCK]
    traded = stocks or described
    if not traded:
        return SessionView(now=now, speed=desk.clock.speed)
    sessions = [s for i in traded if (s := i.liquid_session(now)) is not None]
    coming = [h.open for i in traded for h in i.liquid_hours if h.open > now]
    return SessionView(
        now=now,
        speed=desk.clock.speed,
        is_open=bool(sessions),
        closes_in_s=min(((s.close - now).total_seconds() for s in sessions), default=None),
        opens_in_s=min(((o - now).total_seconds() for o in coming), default=None),
    )
