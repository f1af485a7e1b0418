"""One trading day of an account as the store has it: what was ordered, filled, closed, held and earned."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from engine.domain.fill import Fill
from engine.domain.market import NEW_YORK
from engine.domain.order import Order
from engine.domain.position import Position, Trade
from engine.store.backup import binding_of
from engine.store.connection import at_one_moment
from engine.store.errors import StoreError
from engine.store.fills import load_fills_between
from engine.store.intents import load_orders
from engine.store.journal import EquityPoint, load_equity
from engine.store.positions import anchored_positions, load_positions, load_trades
from engine.store.values import from_time, to_time

CASH: Final = "TotalCashValue"
NOTE: Final = "note"
"""Kind of the line that is the operator's own."""


class DayNote(NamedTuple):
    """The operator's own words, who wrote them included."""

    at: datetime
    symbol: str
    text: str


class DayRecord(NamedTuple):
    """A trading day (a date of New York) from its rows. Money in USD."""

    day: date
    gateway: str
    account: str
    orders: tuple[Order, ...]
    """Made or changed on the day, oldest first, as they stand now."""
    outstanding: tuple[Order, ...]
    """Of all orders those that had not ended when the day did (or have not until now)."""
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    """Closed on the day."""
    positions: tuple[Position, ...]
    """Held when the day ended, or now."""
    equity: tuple[EquityPoint, ...]
    cash_usd: float | None
    """Cash of the account as last told; None where nobody told."""
    notes: tuple[DayNote, ...] = ()
    """What the operator wrote on the day, oldest first."""


def load_day(path: Path, day: date) -> DayRecord:
    """Read a day from a store, whether an engine runs or not.

    Raises:
        StoreError: the file is missing, damaged or somebody else's.
    """
    try:
        with at_one_moment(path) as conn:
            binding = binding_of(conn, path)
            return _day_of(conn, day, gateway=binding.gateway, account=binding.account)
    except (ValueError, TypeError, KeyError, ArithmeticError) as err:
        raise StoreError(f"a row of {day} in {path} cannot be read: {err}") from err


def _day_of(conn: sqlite3.Connection, day: date, *, gateway: str, account: str) -> DayRecord:
    begin = datetime.combine(day, time(0), tzinfo=NEW_YORK)
    end = datetime.combine(day + timedelta(days=1), time(0), tzinfo=NEW_YORK)
    known = [order for order in load_orders(conn, since=begin) if order.intent.created_at < end]
    return DayRecord(
        day=day,
        gateway=gateway,
        account=account,
        orders=tuple(o for o in known if (o.updated_at or o.intent.created_at) >= begin),
        outstanding=tuple(o for o in known if not o.state.is_done or (o.updated_at or end) >= end),
        fills=load_fills_between(conn, begin, end),
        trades=tuple(trade for trade in load_trades(conn, since=begin) if trade.closed_at < end),
        positions=_held(conn, day),
        equity=load_equity(conn, day),
        cash_usd=_told(conn, CASH, before=end),
        notes=_notes(conn, begin, end),
    )


def _held(conn: sqlite3.Connection, day: date) -> tuple[Position, ...]:
    """By the beginning of the next trading day there was, else as it stands."""
    row = conn.execute(
        "SELECT id FROM anchor WHERE day > ? ORDER BY day, id LIMIT 1", (day.isoformat(),)
    ).fetchone()
    legs = load_positions(conn) if row is None else anchored_positions(conn, int(row[0]))
    return tuple(leg.position for leg in legs)


def _told(conn: sqlite3.Connection, name: str, *, before: datetime) -> float | None:
    """The newest value that the account told of under this name."""
    rows = conn.execute(
        "SELECT payload FROM event WHERE kind = 'account' AND at < ? ORDER BY seq DESC", (to_time(before),)
    )
    for (payload,) in rows:
        value = json.loads(payload).get(name)
        if value is not None:
            return float(value)
    return None


def _notes(conn: sqlite3.Connection, begin: datetime, end: datetime) -> tuple[DayNote, ...]:
    rows = conn.execute(
        "SELECT at, symbol, payload FROM event WHERE kind = 'told' AND at >= ? AND at < ? ORDER BY seq",
        (to_time(begin), to_time(end)),
    )
    told = ((at, symbol, json.loads(payload)) for at, symbol, payload in rows)
    return tuple(
        DayNote(from_time(at), symbol, line["text"]) for at, symbol, line in told if line["kind"] == NOTE
    )
