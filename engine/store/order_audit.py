"""Everything the store knows of one order, read in one moment whether an engine runs or not."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from engine.domain.fill import execution_base
from engine.domain.order import Order
from engine.domain.position import Trade
from engine.domain.preview import EntryTicket, Preview
from engine.ledger.changes import BrokerOrderRecord, OrderEventRecord
from engine.store import intents
from engine.store.connection import at_one_moment
from engine.store.plans import from_preview_text, from_ticket_text
from engine.store.positions import load_trades_closed_by
from engine.store.values import from_time, maybe_decimal, maybe_time

_MOST_NAMED = 10

_NEWEST = "ORDER BY created_at DESC, rowid DESC LIMIT :most"
_BY_REF = f"SELECT ref FROM intent WHERE instr(ref, :part) {_NEWEST}"  # noqa: S608 - put together from constants
_BY_OTHER_ID = f"""SELECT ref FROM intent WHERE ref IN (
    SELECT order_ref FROM fill WHERE exec_id = :part
    UNION SELECT ref FROM broker_order WHERE CAST(perm_id AS TEXT) = :part
    UNION SELECT ref FROM intent WHERE signal_id = :part AND role = 'entry') {_NEWEST}"""  # noqa: S608 - the same


class AuditedFill(NamedTuple):
    """One execution with its fee."""

    exec_id: str
    perm_id: int
    side: str
    quantity: int
    price: Decimal
    at: datetime
    commission_usd: Decimal | None
    """None until the broker reports it."""
    commission_at: datetime | None
    """When it became known here; None as well for rows from before this was kept."""
    replaced_by: str
    """The correction that took its place; empty for one in force."""
    is_correction: bool


class Relative(NamedTuple):
    """Another order of the same bracket."""

    ref: str
    role: str
    state: str


@dataclass(frozen=True, slots=True)
class OrderAudit:
    """The record of one order."""

    order: Order
    ticket: EntryTicket | None
    """What the gate allowed; None for orders that only reduce."""
    preview: Preview | None
    """None for orders from before previews were kept, and for those that were learnt from the broker."""
    at_broker: tuple[BrokerOrderRecord, ...]
    steps: tuple[OrderEventRecord, ...]
    fills: tuple[AuditedFill, ...]
    trades: tuple[Trade, ...]
    """The round trips that its fills closed."""
    relatives: tuple[Relative, ...]


class OrderNotFoundError(LookupError):
    """No order, or more than one, has this in its ref; the message says which."""


def audit_order(path: Path, part: str) -> OrderAudit:
    """The record of the one order whose ref is `part`, or has it in it, or that is meant by another id.

    Other ids are whole ones: permId, execution, signal (of a bracket that is the entry).

    Raises OrderNotFoundError, StoreError where the file cannot be read, ValueError, TypeError or
    ArithmeticError where a row of the order cannot be.
    """
    with at_one_moment(path) as conn:
        return _read(conn, _the_ref(conn, part))


def _the_ref(conn: sqlite3.Connection, part: str) -> str:
    if conn.execute("SELECT 1 FROM intent WHERE ref = ?", (part,)).fetchone():
        return part
    found: list[str] = []
    for query in (_BY_REF, _BY_OTHER_ID):
        rows = conn.execute(query, {"part": part, "most": _MOST_NAMED + 1})
        found = found or [ref for (ref,) in rows]
    if not found:
        raise OrderNotFoundError(f"no order has {part!r} in its reference, or as permId, execution or signal")
    if len(found) > 1:
        more = " …" if len(found) > _MOST_NAMED else ""
        listed = "".join(f"\n  {ref}" for ref in found[:_MOST_NAMED])
        raise OrderNotFoundError(
            f"{part!r} is in the reference of several orders, newest first:{listed}{more}"
        )
    return str(found[0])


def _read(conn: sqlite3.Connection, ref: str) -> OrderAudit:
    order = intents.load_order(conn, ref)
    (ticket, preview) = conn.execute("SELECT ticket, preview FROM intent WHERE ref = ?", (ref,)).fetchone()
    fills = _fills(conn, ref)
    return OrderAudit(
        order=order,
        ticket=from_ticket_text(ticket),
        preview=from_preview_text(preview),
        at_broker=intents.load_broker_orders(conn, [ref]),
        steps=intents.order_events(conn, ref),
        fills=fills,
        trades=load_trades_closed_by(conn, {execution_base(fill.exec_id)[0] for fill in fills}),
        relatives=_relatives(conn, order),
    )


def _fills(conn: sqlite3.Connection, ref: str) -> tuple[AuditedFill, ...]:
    rows = conn.execute(
        "SELECT exec_id, perm_id, side, quantity, price, at, commission, commission_at, replaced_by, "
        "EXISTS (SELECT 1 FROM fill g WHERE g.replaced_by = f.exec_id) FROM fill f WHERE order_ref = ? "
        "ORDER BY seq",
        (ref,),
    )
    found = []
    for exec_id, perm_id, side, quantity, price, at, commission, commission_at, replaced_by, corrects in rows:
        booked = (exec_id, perm_id, side, quantity, Decimal(price), from_time(at))
        told = (maybe_decimal(commission), maybe_time(commission_at), replaced_by or "", bool(corrects))
        found.append(AuditedFill(*booked, *told))
    return tuple(found)


def _relatives(conn: sqlite3.Connection, order: Order) -> tuple[Relative, ...]:
    rows = conn.execute(
        "SELECT ref, role, state FROM intent WHERE parent_ref = ? OR (ref = ? AND ref <> '') ORDER BY rowid",
        (order.intent.ref, order.intent.parent_ref),
    )
    return tuple(Relative(*row) for row in rows)
