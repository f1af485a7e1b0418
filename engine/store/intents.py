"""SQL of orders: durable intents, their state, their orders at the broker, everything said of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime

from engine.domain.order import Order, OrderIntent, OrderState, OrderType, Role, Side, Tif
from engine.ledger.changes import BrokerOrderRecord, OrderEventRecord
from engine.store.errors import DuplicateIntentError, SendingRefusedError
from engine.store.plans import from_plan_text, to_plan_text, to_record_text
from engine.store.values import from_time, to_time

_COLUMNS = (
    "ref, strategy, key, con_id, role, side, quantity, order_type, tif, limit_price, stop_price, parent_ref, "
    "oca_group, transmit, signal_id, note, state, order_id, perm_id, filled, avg_fill_price, message, "
    "created_at, updated_at, reason, plan"
)
_DONE = tuple(s.value for s in OrderState if s.is_done)
_DONE_MARKS = ", ".join("?" * len(_DONE))


def insert_intents(
    conn: sqlite3.Connection, intents: Iterable[OrderIntent], *, at: datetime, boot_id: str
) -> None:
    """Write new intents as PENDING. DuplicateIntentError where the database refuses one."""
    for intent in intents:
        standing = _row(Order(intent, OrderState.PENDING, updated_at=at))
        row = (*standing, to_record_text(intent.ticket), to_record_text(intent.preview), boot_id)
        marks = ", ".join("?" * len(row))
        try:
            conn.execute(f"INSERT INTO intent ({_COLUMNS}, ticket, preview, boot_id) VALUES ({marks})", row)  # noqa: S608
        except sqlite3.IntegrityError as err:
            raise DuplicateIntentError(
                f"order {intent.ref} ({intent.strategy}, {intent.key}, signal {intent.signal_id or '-'}) "
                f"was not stored and must not be sent: a live one exists already ({err})"
            ) from err


def mark_sending(conn: sqlite3.Connection, order_ids: Sequence[tuple[str, int]], *, at: datetime) -> None:
    """Move PENDING intents to SENDING under these order ids; all of them or none."""
    for ref, order_id in order_ids:
        cursor = conn.execute(
            "UPDATE intent SET state = ?, order_id = ?, updated_at = ? WHERE ref = ? AND state = ?",
            (OrderState.SENDING.value, order_id, to_time(at), ref, OrderState.PENDING.value),
        )
        if cursor.rowcount != 1:
            found = conn.execute("SELECT state FROM intent WHERE ref = ?", (ref,)).fetchone()
            state = "not stored" if found is None else found[0]
            raise SendingRefusedError(f"order {ref} is {state}, not pending: it was not marked and not sent")
    highest = max((order_id for _, order_id in order_ids), default=0)
    raise_highest_order_id(conn, highest)


def raise_highest_order_id(conn: sqlite3.Connection, order_id: int) -> None:
    """Remember the highest order id ever used, so that none is used again after a restart."""
    conn.execute(
        "INSERT INTO meta (name, value) VALUES ('highest_order_id', ?) ON CONFLICT (name) DO UPDATE "
        "SET value = excluded.value WHERE CAST(excluded.value AS INTEGER) > CAST(meta.value AS INTEGER)",
        (str(order_id),),
    )


def highest_order_id(conn: sqlite3.Connection) -> int:
    """The highest order id ever used; 0 when none was."""
    row = conn.execute("SELECT value FROM meta WHERE name = 'highest_order_id'").fetchone()
    return 0 if row is None else int(row[0])


def upsert_orders(conn: sqlite3.Connection, orders: Iterable[Order], *, boot_id: str) -> None:
    """Write orders as they stand now."""
    for order in orders:
        row = (*_row(order), boot_id)
        marks = ", ".join("?" * len(row))
        conn.execute(
            f"INSERT INTO intent ({_COLUMNS}, boot_id) VALUES ({marks}) "  # noqa: S608
            "ON CONFLICT (ref) DO UPDATE SET quantity = excluded.quantity, "
            "limit_price = excluded.limit_price, stop_price = excluded.stop_price, state = excluded.state, "
            "order_id = excluded.order_id, perm_id = excluded.perm_id, filled = excluded.filled, "
            "avg_fill_price = excluded.avg_fill_price, message = excluded.message, "
            "updated_at = excluded.updated_at",
            row,
        )


def upsert_broker_orders(conn: sqlite3.Connection, records: Iterable[BrokerOrderRecord]) -> None:
    """Write orders as the broker holds them."""
    conn.executemany(
        "INSERT INTO broker_order (perm_id, ref, order_id, client_id, status, filled, avg_fill_price, "
        "seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (perm_id) DO UPDATE SET ref = excluded.ref, "
        "order_id = excluded.order_id, client_id = excluded.client_id, status = excluded.status, "
        "filled = excluded.filled, avg_fill_price = excluded.avg_fill_price, seen_at = excluded.seen_at",
        [(*record[:7], to_time(record.at)) for record in records],
    )


def insert_order_events(conn: sqlite3.Connection, records: Iterable[OrderEventRecord]) -> None:
    """Append what was said of orders."""
    conn.executemany(
        "INSERT INTO order_event (ref, at, source, status, filled, message) VALUES (?, ?, ?, ?, ?, ?)",
        [(r.order_ref, to_time(r.at), r.source, r.status, r.filled, r.message) for r in records],
    )


def order_events(conn: sqlite3.Connection, ref: str) -> tuple[OrderEventRecord, ...]:
    """Everything said of one order, oldest first."""
    rows = conn.execute(
        "SELECT ref, at, source, status, filled, message FROM order_event WHERE ref = ? ORDER BY seq", (ref,)
    )
    return tuple(OrderEventRecord(r, from_time(at), *rest) for r, at, *rest in rows)


def load_orders(conn: sqlite3.Connection, *, since: datetime | None) -> tuple[Order, ...]:
    """Orders that are not done, and those that changed at or after `since` (None: all)."""
    where = f"state NOT IN ({_DONE_MARKS}) OR updated_at >= ?"
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM intent WHERE {where} ORDER BY created_at, rowid",  # noqa: S608
        (*_DONE, "" if since is None else to_time(since)),
    )
    return tuple(_order(row) for row in rows)


def load_order(conn: sqlite3.Connection, ref: str) -> Order:
    """One order as it stands. Raises KeyError where there is none."""
    row = conn.execute(f"SELECT {_COLUMNS} FROM intent WHERE ref = ?", (ref,)).fetchone()  # noqa: S608
    if row is None:
        raise KeyError(ref)
    return _order(row)


def load_broker_orders(conn: sqlite3.Connection, refs: Iterable[str]) -> tuple[BrokerOrderRecord, ...]:
    """The broker's orders under these refs."""
    found: list[BrokerOrderRecord] = []
    for ref in refs:
        rows = conn.execute(
            "SELECT perm_id, ref, order_id, client_id, status, filled, avg_fill_price, seen_at "
            "FROM broker_order WHERE ref = ? ORDER BY rowid",
            (ref,),
        )
        found += [BrokerOrderRecord._make((*row[:7], from_time(row[7]))) for row in rows]
    return tuple(found)


def _row(order: Order) -> tuple[object, ...]:
    i = order.intent
    updated = order.updated_at or i.created_at
    return (
        *(i.ref, i.strategy, i.key, i.con_id, i.role.value, i.side.value, i.quantity, i.order_type.value),
        *(i.tif.value, i.limit_price, i.stop_price, i.parent_ref, i.oca_group, int(i.transmit), i.signal_id),
        *(i.note, order.state.value, order.order_id, order.perm_id, order.filled, order.avg_fill_price),
        *(order.message, to_time(i.created_at), to_time(updated), i.reason, to_plan_text(i.plan)),
    )


def _order(row: Sequence[object]) -> Order:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    updated_at = from_time(str(values.pop("updated_at")))
    state = OrderState(str(values.pop("state")))
    standing = {n: values.pop(n) for n in ("order_id", "perm_id", "filled", "avg_fill_price", "message")}
    converters = {
        "role": Role,
        "side": Side,
        "order_type": OrderType,
        "tif": Tif,
        "transmit": bool,
        "created_at": from_time,
        "plan": from_plan_text,
    }
    for name, convert in converters.items():
        values[name] = convert(values[name])  # type: ignore[operator]  # columns are CHECKed or ours
    return Order(OrderIntent(**values), state, updated_at=updated_at, **standing)  # type: ignore[arg-type]  # by column name
