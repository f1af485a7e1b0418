"""What happened since this operator's screen left: the first thing to read on coming back. Pure."""

from __future__ import annotations

from typing import Final

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.frame import Frame, mark_of_level, tone_of_amount, tone_of_level
from cockpit.previews import labelled
from cockpit.spans import Line, Tone, line
from engine.api import FillView, OrderView, Snapshot
from engine.api_handle import Departure

MOST_OF_EACH: Final = 12
"""Fills, orders and alerts told one by one; the screens have the rest."""


def digest_lines(frame: Frame, left: Departure) -> list[Line]:
    """Lines for people; empty where nothing happened that the screen does not tell by itself."""
    snapshot = frame.snapshot
    news = [
        *_brakes(snapshot, left),
        *_alerts(snapshot, left),
        *_positions(snapshot, left),
        *_fills(snapshot, left),
        *_orders(snapshot, left),
    ]
    if not news:
        return []
    return [*_head(frame, left), line(), *news]


def _head(frame: Frame, left: Departure) -> list[Line]:
    snapshot = frame.snapshot
    away = fmt.duration((frame.now - left.at).total_seconds())
    zone = snapshot.session.time_zone
    lines = labelled("away", f"{away}, since {fmt.wall_time(left.exchange_at, time_zone=zone)}")
    now_usd = snapshot.pnl.day_usd
    if now_usd is not None and left.day_usd is not None:
        change = now_usd - left.day_usd
        text = f"{fmt.arrowed(change)}, from {fmt.arrowed(left.day_usd)} to {fmt.arrowed(now_usd)}"
        lines += labelled("day P&L", text, tone=tone_of_amount(change))
    last = snapshot.events[-1].seq if snapshot.events else 0
    return lines + labelled("events", f"{max(0, last - left.event_seq)}; the journal has them")


def _brakes(snapshot: Snapshot, left: Departure) -> list[Line]:
    before = set(left.brakes)
    now = {(brake.kind, brake.scope): brake for brake in snapshot.brakes}
    lines: list[Line] = []
    for key, brake in now.items():
        if key not in before:
            text = f"{brake.kind.value} {brake.scope} by {brake.who}: {brake.reason}"
            lines += labelled("brake on", clean(text), tone=Tone.ALARM)
    for kind, scope in left.brakes:
        if (kind, scope) not in now:
            lines += labelled("brake lifted", f"{kind.value} {clean(str(scope))}", tone=Tone.WARN)
    return lines


def _alerts(snapshot: Snapshot, left: Departure) -> list[Line]:
    new = [alert for alert in snapshot.alerts if alert.alert_id not in left.alerts]
    lines: list[Line] = []
    for alert in new[-MOST_OF_EACH:]:
        mark = mark_of_level(alert.level)
        text = f"{mark} {alert.symbol} {alert.text} [{alert.code}]"
        lines += labelled("alert", clean(text), tone=tone_of_level(alert.level))
    return lines + _more("alerts", len(new))


def _positions(snapshot: Snapshot, left: Departure) -> list[Line]:
    before, now = dict(left.positions), {p.symbol: p.quantity for p in snapshot.positions}
    lines: list[Line] = []
    for symbol in sorted(before.keys() | now.keys()):
        was, has = before.get(symbol, 0), now.get(symbol, 0)
        if was != has:
            text = f"{clean(symbol)} {_held(was)} → {_held(has)}"
            lines += labelled("position", text, tone=Tone.STRONG)
    return lines


def _fills(snapshot: Snapshot, left: Departure) -> list[Line]:
    new = [fill for fill in snapshot.fills if fill.at > left.exchange_at]
    shown = new[:MOST_OF_EACH]
    zone = snapshot.session.time_zone
    return [told for fill in shown for told in _fill_lines(fill, zone)] + _more("fills", len(new))


def _fill_lines(fill: FillView, zone: str) -> list[Line]:
    at = fmt.wall_time(fill.at, time_zone=zone)
    price = fmt.price(fill.price, decimals=fill.decimals)
    return labelled("fill", f"{at} {fill.symbol} {fill.side} {fill.quantity} @ {price}")


def _orders(snapshot: Snapshot, left: Departure) -> list[Line]:
    new = [o for o in snapshot.orders if o.at > left.exchange_at and o.status != "filled"]
    shown = new[:MOST_OF_EACH]
    zone = snapshot.session.time_zone
    return [told for order in shown for told in _order_lines(order, zone)] + _more("orders", len(new))


def _order_lines(order: OrderView, zone: str) -> list[Line]:
    at = fmt.wall_time(order.at, time_zone=zone)
    text = f"{at} {order.symbol} {order.side} {order.quantity} {order.role} {order.status}"
    tone = Tone.ERROR if order.status in {"rejected", "unknown"} else Tone.TEXT
    return labelled("order", text, tone=tone)


def _more(what: str, count: int) -> list[Line]:
    over = count - MOST_OF_EACH
    return labelled("", f"and {over} more {what}", tone=Tone.MUTED) if over > 0 else []


def _held(quantity: int) -> str:
    return f"{quantity:+d}" if quantity else "flat"
