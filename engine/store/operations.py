"""What the engine asks of the store, as whole transactions: plain functions over one connection.

The async store runs them in its writer thread, the simulation directly: the same functions, so that
what is proven of one holds for the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from engine.domain.order import OrderIntent, OrderState
from engine.domain.position import Trade
from engine.gates.evidence import Evidence
from engine.ledger.changes import Changes, Leg, Note, OrderEventRecord
from engine.ledger.ledger import LedgerState
from engine.recovery.decisions import Decision
from engine.store import alerts, brakes, decisions, events, evidence, fills, intents, journal, positions
from engine.store.alerts import StoredAlert
from engine.store.brakes import StoredBrake
from engine.store.events import NewEvent, StoredEvent
from engine.store.journal import EquityPoint, StoredRun
from engine.store.ledger_log import (
    fill_payload,
    intent_payload,
    leg_payload,
    order_payload,
    trade_payload,
)
from engine.store.values import from_time

_RECENT_EVENTS = 200

_UNSTORED_IDS = 1_000
"""Order ids left out after a crash: exits go out also while the disk takes nothing, and with it their ids."""

_MOST_PEAKS = 60
"""Trading days that the rolling drawdown can look back over."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """Everything an engine starts from."""

    ledger: LedgerState
    positions: tuple[Leg, ...]
    """The position table as last written; the ledger derives the same from its bookings."""
    trades: tuple[Trade, ...]
    """Trades closed since the trading day began."""
    brakes: tuple[StoredBrake, ...]
    highest_order_id: int
    day: date | None
    """Trading day of the anchor; None before the first."""
    day_started_at: datetime | None
    equity: tuple[EquityPoint, ...]
    events: tuple[StoredEvent, ...]
    """The newest lines for people, oldest first."""
    last_event_seq: int
    saved_at: datetime | None
    """Last change of the state before this run, exchange time; None on a first start."""
    last_run: StoredRun | None
    """The run before this one: not `clean` means it was killed."""
    peaks: tuple[float, ...] = ()
    """The account's highest value on each trading day before the anchor's, oldest first."""
    decisions: tuple[Decision, ...] = ()
    """What was decided about differences from the broker, oldest first."""
    alerts: tuple[StoredAlert, ...] = ()
    """Alerts whose cause had not ended, oldest first."""
    highest_alert_id: int = 0
    evidence: tuple[Evidence, ...] = ()
    """What was recorded for the go/no-go gates, oldest first."""


def begin_run(conn: sqlite3.Connection, *, boot_id: str, run_id: str, version: str, at: datetime) -> None:
    """Note that an engine starts to use this file."""
    before = journal.last_run(conn, before=boot_id)
    if before is not None and not before.clean:
        intents.raise_highest_order_id(conn, intents.highest_order_id(conn) + _UNSTORED_IDS)
    journal.begin_run(conn, boot_id=boot_id, run_id=run_id, version=version, at=at)


def record_intents(
    conn: sqlite3.Connection, new: Iterable[OrderIntent], *, at: datetime, boot_id: str
) -> None:
    """Make intents durable (before any of their bytes is sent)."""
    new = tuple(new)
    intents.insert_intents(conn, new, at=at, boot_id=boot_id)
    intents.insert_order_events(conn, [_own_step(i.ref, OrderState.PENDING, at) for i in new])
    events.append_events(conn, [_intent_event(intent, at) for intent in new], boot_id=boot_id)


def mark_sending(
    conn: sqlite3.Connection, order_ids: Sequence[tuple[str, int]], *, at: datetime, boot_id: str
) -> None:
    """Make durable that these orders may be out from now on."""
    intents.mark_sending(conn, order_ids, at=at)
    intents.insert_order_events(conn, [_own_step(ref, OrderState.SENDING, at) for ref, _ in order_ids])
    sent = [
        NewEvent(at, "order", "info", "", ref, "", {"state": "sending", "order_id": order_id})
        for ref, order_id in order_ids
    ]
    events.append_events(conn, sent, boot_id=boot_id)


def apply_changes(
    conn: sqlite3.Connection,
    changes: Changes,
    extra: Iterable[NewEvent] = (),
    *,
    at: datetime,
    boot_id: str,
) -> None:
    """Write all rows of one or more ledger events, with their lines in the event log."""
    intents.upsert_orders(conn, changes.orders, boot_id=boot_id)
    intents.upsert_broker_orders(conn, changes.broker_orders)
    intents.insert_order_events(conn, changes.order_events)
    fills.upsert_fills(conn, changes.fills, replaced=changes.replaced_fills, at=at)
    fills.insert_adjustments(conn, changes.adjustments)
    positions.insert_stop_moves(conn, changes.stop_moves)
    positions.put_described(conn, changes.described)
    positions.put_positions(conn, _latest(changes.legs), flat=changes.flat_keys)
    positions.put_trades(conn, changes.trades, withdrawn=changes.withdrawn_trades)
    events.append_events(conn, [*_change_events(changes, at), *extra], boot_id=boot_id)


def start_day(
    conn: sqlite3.Connection, legs: Iterable[Leg], *, day: date, at: datetime, boot_id: str
) -> None:
    """Write the anchor of a trading day."""
    legs = tuple(legs)
    positions.take_anchor(conn, legs, day=day, at=at)
    held = {leg.key: leg.quantity for leg in legs}
    event = NewEvent(at, "engine", "info", "", "", f"trading day {day} begins", {"held": held})
    events.append_events(conn, [event], boot_id=boot_id)


def rederive_positions(
    conn: sqlite3.Connection, *, legs: Sequence[Leg], wrong: Sequence[str], at: datetime, boot_id: str
) -> None:
    """Write the position rows named `wrong` anew; `legs` are all positions that the bookings add up to."""
    positions.put_positions(conn, [leg for leg in legs if leg.key in wrong], flat=wrong)
    text = f"stored positions differed from what was booked and were written anew: {', '.join(wrong)}"
    events.append_events(conn, [NewEvent(at, "engine", "error", "", "", text)], boot_id=boot_id)


def put_brake(
    conn: sqlite3.Connection,
    *,
    kind: str,
    scope: str,
    name: str,
    reason: str,
    who: str,
    at: datetime,
    boot_id: str,
) -> None:
    """Make a brake durable."""
    brakes.put_brake(conn, kind=kind, scope=scope, name=name, reason=reason, who=who, at=at)
    text = f"{kind} {scope} {name}".rstrip() + f" by {who}: {reason}"
    _append_brake_event(conn, text, level="warning", scope=scope, name=name, at=at, boot_id=boot_id)


def clear_brake(
    conn: sqlite3.Connection,
    *,
    kind: str,
    scope: str,
    name: str,
    who: str,
    reason: str,
    at: datetime,
    boot_id: str,
) -> bool:
    """Lift a brake durably; False where it was not on."""
    cleared = brakes.clear_brake(conn, kind=kind, scope=scope, name=name, who=who, reason=reason, at=at)
    if cleared:
        text = f"{kind} {scope} {name}".rstrip() + f" lifted by {who}: {reason}"
        _append_brake_event(conn, text, level="info", scope=scope, name=name, at=at, boot_id=boot_id)
    return cleared


def load(conn: sqlite3.Connection, *, boot_id: str) -> StoredState:
    """Everything an engine starts from, read in one transaction."""
    anchor = positions.latest_anchor(conn)
    last_fill = 0 if anchor is None else anchor.last_fill
    last_adjustment = 0 if anchor is None else anchor.last_adjustment
    last_stop_move = 0 if anchor is None else anchor.last_stop_move
    since = None if anchor is None else anchor.at
    orders = intents.load_orders(conn, since=since)
    refs = [order.intent.ref for order in orders]
    ledger = LedgerState(
        anchors=() if anchor is None else positions.anchored_positions(conn, anchor.anchor_id),
        described=positions.load_described(conn),
        known_exec_ids=fills.known_exec_ids(conn, until=last_fill),
        orders=orders,
        broker_orders=intents.load_broker_orders(conn, refs),
        fills=fills.load_fills(conn, after=last_fill),
        earlier_fills=fills.load_fills_of(conn, refs, until=last_fill),
        adjustments=fills.load_adjustments(conn, after=last_adjustment),
        stop_moves=positions.load_stop_moves(conn, after=last_stop_move),
    )
    return StoredState(
        ledger=ledger,
        positions=positions.load_positions(conn),
        trades=positions.load_trades(conn, since=since),
        brakes=brakes.live_brakes(conn),
        highest_order_id=intents.highest_order_id(conn),
        day=None if anchor is None else anchor.day,
        day_started_at=since,
        equity=() if anchor is None else journal.load_equity(conn, anchor.day),
        peaks=() if anchor is None else journal.load_peaks(conn, before=anchor.day, days=_MOST_PEAKS),
        events=events.recent_events(conn, limit=_RECENT_EVENTS),
        last_event_seq=events.last_seq(conn),
        saved_at=_saved_at(conn),
        last_run=journal.last_run(conn, before=boot_id),
        decisions=decisions.load_decisions(conn),
        alerts=alerts.standing_alerts(conn),
        highest_alert_id=alerts.highest_alert_id(conn),
        evidence=evidence.evidence(conn),
    )


def _saved_at(conn: sqlite3.Connection) -> datetime | None:
    rows = conn.execute(
        "SELECT * FROM (SELECT at FROM event ORDER BY seq DESC LIMIT 1) UNION SELECT at FROM checkpoint"
    )
    return max((from_time(at) for (at,) in rows), default=None)


def _own_step(ref: str, state: OrderState, at: datetime) -> OrderEventRecord:
    return OrderEventRecord(ref, at, "engine", state.value, 0, "")


def _append_brake_event(
    conn: sqlite3.Connection, text: str, *, level: str, scope: str, name: str, at: datetime, boot_id: str
) -> None:
    symbol = name if scope == "symbol" else ""
    events.append_events(conn, [NewEvent(at, "brake", level, symbol, "", text)], boot_id=boot_id)


def _latest(legs: Iterable[Leg]) -> tuple[Leg, ...]:
    return tuple({leg.key: leg for leg in legs}.values())


def _intent_event(intent: OrderIntent, at: datetime) -> NewEvent:
    payload = {
        "state": "pending",
        **intent_payload(intent),
        "ticket": None if intent.ticket is None else intent.ticket._asdict(),
        "preview": None if intent.preview is None else asdict(intent.preview),
    }
    return NewEvent(at, "order", "info", intent.key, intent.ref, "", payload)


def _change_events(changes: Changes, at: datetime) -> list[NewEvent]:
    moved = {order.intent.ref: order for order in changes.orders}
    found = []
    for r in changes.order_events:
        payload: dict[str, object] = {"source": r.source, "status": r.status}
        if (order := moved.pop(r.order_ref, None)) is not None:
            payload |= order_payload(order)
        found.append(NewEvent(r.at, "order", "info", "", r.order_ref, "", payload))
    found += [NewEvent(at, "order", "info", "", ref, "", order_payload(o)) for ref, o in moved.items()]
    found += [
        NewEvent(b.fill.at, "fill", "info", b.fill.key, b.fill.order_ref, "", fill_payload(b))
        for b in changes.fills
    ]
    found += [NewEvent(at, "fill", "info", "", "", "", {"replaced": e}) for e in changes.replaced_fills]
    found += [NewEvent(at, "position", "info", key, "", "", {"quantity": 0}) for key in changes.flat_keys]
    found += [NewEvent(at, "position", "info", leg.key, "", "", leg_payload(leg)) for leg in changes.legs]
    found += [NewEvent(at, "trade", "info", "", "", "", {"withdrawn": i}) for i in changes.withdrawn_trades]
    found += [NewEvent(at, "trade", "info", t.trade.key, "", "", trade_payload(t)) for t in changes.trades]
    return found + [_note_event(note, at) for note in changes.notes]


def _note_event(note: Note, at: datetime) -> NewEvent:
    payload = {"code": note.code.value}
    return NewEvent(at, "ledger", note.level.value, note.key, note.order_ref, note.text, payload)
