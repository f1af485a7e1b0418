"""From a moment of a past session to the Snapshot that its screens showed. Pure; every unknown is None."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from typing import Final

from engine.api import (
    AlertView,
    BrakeKind,
    BrakeView,
    EngineState,
    FillView,
    Level,
    Mode,
    PnlView,
    PositionView,
    Scope,
    ScopeKind,
    SessionView,
    Snapshot,
)
from engine.domain.instrument import SecType
from engine.domain.order import Order, OrderState
from engine.domain.position import Position
from engine.domain.price import decimals
from engine.ledger.pnl import DayCurve, exposure_usd, stop_risk_usd, unrealized_usd
from engine.ledger.protection import protection
from engine.runtime.replay.timeline import Timeline
from engine.runtime.views import SHOWN_DONE_ORDERS, SHOWN_FILLS, held_view, known, order_view
from engine.store.journal import EquityPoint

ENTRIES: Final = "replay: nothing can act"


def picture(timeline: Timeline, *, seq: int, as_of: datetime) -> Snapshot:
    """What a screen shows of this moment; `as_of` is the wall time of looking."""
    past = timeline.recording
    started = timeline.session
    mode = started.get("mode", Mode.PAPER.value)
    marks = {key: _mark(timeline, key) for key in timeline.books.legs}
    live, done = _orders(timeline)
    views = [order_view(order, timeline.instruments.get(order.intent.key)) for order in (*live, *done)]
    return Snapshot(
        seq=seq,
        as_of=as_of,
        engine_state=_state(timeline.state),
        state_reason="",
        mode=Mode(mode),
        gateway=past.gateway,
        gateway_text="simulated prices" if past.gateway == "embedded" else f"IBKR {past.account}",
        account=past.account,
        session=_session(timeline),
        entries_allowed=False,
        entries_text=ENTRIES,
        connected=True,
        data_age_s=timeline.freshest_age_s(),
        brakes=_brakes(timeline),
        positions=tuple(_position(timeline, position, live, marks) for position in _held(timeline)),
        orders=tuple(views),
        fills=_fills(timeline),
        pnl=_pnl(timeline, live, marks),
        why_not=tuple(timeline.why_not.values()),
        events=tuple(timeline.events),
        alerts=_alerts(timeline),
        unknown_orders=sum(1 for order in live if order.state is OrderState.UNKNOWN),
        run_id=past.run.run_id,
        version=past.run.version,
        read_only=True,
    )


def _state(told: str) -> EngineState:
    return EngineState(told) if told in set(EngineState) else EngineState.READY


def _session(timeline: Timeline) -> SessionView:
    now = timeline.now
    described = [one for one in timeline.instruments.values() if one.liquid_hours]
    traded = [one for one in described if one.sec_type is SecType.STOCK] or described
    if not traded:
        return SessionView(now=now)
    spans = [span for one in traded if (span := one.liquid_session(now)) is not None]
    closes = min(((span.close - now).total_seconds() for span in spans), default=None)
    return SessionView(now=now, is_open=bool(spans), closes_in_s=closes)


def _held(timeline: Timeline) -> list[Position]:
    return [leg.position for _, leg in sorted(timeline.books.legs.items())]


def _orders(timeline: Timeline) -> tuple[list[Order], list[Order]]:
    every = list(timeline.books.orders.values())
    live = [order for order in every if not order.state.is_done]
    live.sort(key=lambda o: (o.state is not OrderState.UNKNOWN, o.intent.created_at, o.intent.ref))
    done = [order for order in reversed(every) if order.state.is_done]
    return live, done[:SHOWN_DONE_ORDERS]


def _mark(timeline: Timeline, key: str) -> float:
    quote = timeline.quote(key)
    return math.nan if quote is None else quote.mark()


def _position(
    timeline: Timeline, position: Position, orders: list[Order], marks: dict[str, float]
) -> PositionView:
    key = position.key
    mark, quote = known(marks.get(key)), timeline.quote(key)
    value = None if mark is None or not _is_stock(timeline, key) else mark * abs(position.quantity)
    return held_view(
        position,
        timeline.instruments.get(key),
        mark=mark,
        quote_age_s=None if quote is None else timeline.at - quote.at,
        exposure_usd=value,
        orders=[order for order in orders if order.intent.key == key],
    )


def _fills(timeline: Timeline) -> tuple[FillView, ...]:
    newest = list(reversed(timeline.books.fills.values()))[:SHOWN_FILLS]
    terms = timeline.instruments
    return tuple(
        replace(fill, decimals=decimals(terms[fill.symbol])) if fill.symbol in terms else fill
        for fill in newest
    )


def _pnl(timeline: Timeline, orders: list[Order], marks: dict[str, float]) -> PnlView:
    books, held = timeline.books, _held(timeline)
    now = timeline.now
    points = [p for p in timeline.recording.equity if p.at <= now]
    curve = DayCurve(points[0].at.timestamp() if points else timeline.begin)
    for point in points:
        curve.add(point.at.timestamp(), point.day_usd)
    unrealized = unrealized_usd(held, marks)
    stops = {
        p.key: c.stop_price
        for p in held
        if (c := protection(p, orders)).stop_price is not None and c.protected == abs(p.quantity)
    }
    stocks = [p for p in held if _is_stock(timeline, p.key)]  # margins of futures are not recorded
    trades = books.trades.values()
    return PnlView(
        net_liquidation_usd=known(timeline.values.get("NetLiquidation")),
        day_usd=_day_usd(timeline, unrealized, points),
        realized_usd=float(books.realized_usd),
        unrealized_usd=unrealized,
        fees_usd=float(books.fees_usd),
        worst_usd=curve.worst_usd,
        trades=len(trades),
        wins=sum(trade.gross_usd > trade.fees_usd for trade in trades),
        curve=curve.points,
        curve_step_s=curve.step_s,
        stock_exposure_usd=exposure_usd(stocks, marks, margins={}).stock_notional_usd,
        stop_risk_usd=stop_risk_usd(held, {k: v for k, v in stops.items() if v is not None}, marks),
    )


def _day_usd(timeline: Timeline, unrealized: float | None, points: list[EquityPoint]) -> float | None:
    """As the ledger has it; what was carried into the session had earned something before: as told then."""
    if timeline.session.get("held"):
        return points[-1].day_usd if points else None
    booked = float(timeline.books.realized_usd - timeline.books.fees_usd)
    return None if unrealized is None else booked + unrealized


def _is_stock(timeline: Timeline, key: str) -> bool:
    instrument = timeline.instruments.get(key)
    return instrument is None or instrument.sec_type is SecType.STOCK


def _brakes(timeline: Timeline) -> tuple[BrakeView, ...]:
    now = timeline.now
    return tuple(
        BrakeView(BrakeKind(b.kind), Scope(ScopeKind(b.scope), b.name), b.reason, b.who, b.at)
        for b in timeline.recording.brakes
        if b.at <= now and (b.cleared_at is None or b.cleared_at > now)
    )


def _alerts(timeline: Timeline) -> tuple[AlertView, ...]:
    now = timeline.now
    return tuple(
        AlertView(
            alert_id=a.alert_id,
            level=Level(a.level),
            code=a.code,
            symbol=a.symbol,
            text=a.text,
            at=a.at,
            acknowledged=a.acknowledged_at is not None and a.acknowledged_at <= now,
            count=a.raised,
        )
        for a in timeline.recording.alerts
        if a.at <= now and (a.resolved_at is None or a.resolved_at > now)
    )
