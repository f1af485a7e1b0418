"""SQL of positions, trades, instrument terms and the anchor a trading day starts from."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from engine.domain.position import Trade
from engine.ledger.changes import Leg, StopMove, TradeRecord
from engine.ledger.events import Described
from engine.store.plans import from_partials_text, from_plan_text, to_partials_text, to_plan_text
from engine.store.values import from_time, to_time

_LEG = (
    "key, con_id, quantity, cost, multiplier, owner, opened_at, entered, entry_notional, exit_notional, "
    "realized_usd, fees_usd, initial_stop, stop_price, plan, partials"
)
_LEG_MARKS = ", ".join("?" * 16)
_TRADE = (
    "closed_by, key, owner, quantity, entry_price, exit_price, opened_at, closed_at, gross_usd, fees_usd, "
    "reason, partials"
)
_TRADE_MARKS = ", ".join("?" * 12)
_TERMS = "key, con_id, multiplier, sec_type, symbol, exchange, currency, expiry"


class Anchor(NamedTuple):
    """Where a trading day began: its date, when it was taken, and the rows booked before it."""

    anchor_id: int
    day: date
    at: datetime
    last_fill: int
    last_adjustment: int
    last_stop_move: int


def put_positions(conn: sqlite3.Connection, legs: Iterable[Leg], *, flat: Iterable[str]) -> None:
    """Write open positions as they stand and remove those that ended."""
    conn.executemany("DELETE FROM position WHERE key = ?", [(key,) for key in flat])
    conn.executemany(
        f"INSERT OR REPLACE INTO position ({_LEG}) VALUES ({_LEG_MARKS})",  # noqa: S608
        [_leg_row(leg) for leg in legs],
    )


def load_positions(conn: sqlite3.Connection) -> tuple[Leg, ...]:
    """Open positions, by key."""
    return tuple(_leg(row) for row in conn.execute(f"SELECT {_LEG} FROM position ORDER BY key"))  # noqa: S608


def put_trades(conn: sqlite3.Connection, records: Iterable[TradeRecord], *, withdrawn: Iterable[str]) -> None:
    """Write closed trades; a later correction may withdraw one or restate it."""
    conn.executemany("DELETE FROM trade WHERE closed_by = ?", [(name,) for name in withdrawn])
    conn.executemany(
        f"INSERT OR REPLACE INTO trade ({_TRADE}) VALUES ({_TRADE_MARKS})",  # noqa: S608
        [_trade_row(record) for record in records],
    )


def load_trades(conn: sqlite3.Connection, *, since: datetime | None) -> tuple[Trade, ...]:
    """Trades closed at or after `since` (None: all), oldest first."""
    rows = conn.execute(
        f"SELECT {_TRADE} FROM trade WHERE closed_at >= ? ORDER BY closed_at, closed_by",  # noqa: S608
        ("" if since is None else to_time(since),),
    )
    return tuple(_trade(row) for row in rows)


def load_trades_closed_by(conn: sqlite3.Connection, exec_bases: Iterable[str]) -> tuple[Trade, ...]:
    """The trades that these executions closed."""
    found: list[Trade] = []
    for base in sorted(exec_bases):
        rows = conn.execute(f"SELECT {_TRADE} FROM trade WHERE closed_by = ?", (base,))  # noqa: S608
        found += [_trade(row) for row in rows]
    return tuple(found)


def put_described(conn: sqlite3.Connection, described: Iterable[Described]) -> None:
    """Write instrument terms."""
    conn.executemany(
        f"INSERT OR REPLACE INTO instrument ({_TERMS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        [(*d[:2], str(d.multiplier), *d[3:]) for d in described],
    )


def load_described(conn: sqlite3.Connection) -> tuple[Described, ...]:
    """All instrument terms known."""
    rows = conn.execute(f"SELECT {_TERMS} FROM instrument ORDER BY key")  # noqa: S608
    return tuple(Described(key, con_id, Decimal(times), *rest) for key, con_id, times, *rest in rows)


def insert_stop_moves(conn: sqlite3.Connection, moves: Iterable[StopMove]) -> None:
    """Append moves of protective stops."""
    conn.executemany(
        "INSERT INTO stop_move (key, price, why, at, sign) VALUES (?, ?, ?, ?, ?)",
        [(m.key, m.price, m.why, to_time(m.at), m.sign) for m in moves],
    )


def load_stop_moves(conn: sqlite3.Connection, *, after: int) -> tuple[StopMove, ...]:
    """Moves of protective stops booked after row `after`, oldest first."""
    rows = conn.execute(
        "SELECT key, price, why, at, sign FROM stop_move WHERE seq > ? ORDER BY seq", (after,)
    )
    return tuple(StopMove(key, price, why, from_time(at), sign) for key, price, why, at, sign in rows)


def take_anchor(conn: sqlite3.Connection, legs: Iterable[Leg], *, day: date, at: datetime) -> None:
    """Write what is held at the beginning of trading day `day`."""
    cursor = conn.execute(
        "INSERT INTO anchor (day, at, last_fill, last_adjustment, last_stop_move) VALUES (?, ?, "
        "(SELECT coalesce(max(seq), 0) FROM fill), (SELECT coalesce(max(seq), 0) FROM adjustment), "
        "(SELECT coalesce(max(seq), 0) FROM stop_move))",
        (day.isoformat(), to_time(at)),
    )
    conn.executemany(
        f"INSERT INTO position_snapshot (anchor_id, {_LEG}) VALUES (?, {_LEG_MARKS})",  # noqa: S608
        [(cursor.lastrowid, *_leg_row(leg)) for leg in legs],
    )


def latest_anchor(conn: sqlite3.Connection) -> Anchor | None:
    """The newest anchor, or None before the first trading day."""
    row = conn.execute(
        "SELECT id, day, at, last_fill, last_adjustment, last_stop_move FROM anchor ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    anchor_id, day, at, *booked = row
    return Anchor(anchor_id, date.fromisoformat(day), from_time(at), *booked)


def anchored_positions(conn: sqlite3.Connection, anchor_id: int) -> tuple[Leg, ...]:
    """What was held at an anchor."""
    rows = conn.execute(
        f"SELECT {_LEG} FROM position_snapshot WHERE anchor_id = ? ORDER BY key",  # noqa: S608
        (anchor_id,),
    )
    return tuple(_leg(row) for row in rows)


def _leg_row(leg: Leg) -> tuple[object, ...]:
    return (
        *(leg.key, leg.con_id, leg.quantity, str(leg.cost), str(leg.multiplier), leg.owner),
        *(to_time(leg.opened_at), leg.entered, str(leg.entry_notional), str(leg.exit_notional)),
        *(str(leg.realized_usd), str(leg.fees_usd), leg.initial_stop, leg.stop_price),
        *(to_plan_text(leg.plan), to_partials_text(leg.partials)),
    )


def _leg(row: Sequence[object]) -> Leg:
    values = dict(zip(_LEG.split(", "), row, strict=True))
    for name in ("cost", "multiplier", "entry_notional", "exit_notional", "realized_usd", "fees_usd"):
        values[name] = Decimal(str(values[name]))
    values["opened_at"] = from_time(str(values["opened_at"]))
    values["plan"] = from_plan_text(str(values["plan"]))
    values["partials"] = from_partials_text(str(values["partials"]))
    return Leg(**values)  # type: ignore[arg-type]  # by column name, written by _leg_row


def _trade_row(record: TradeRecord) -> tuple[object, ...]:
    t = record.trade
    return (
        *(record.closed_by, t.key, t.owner, t.quantity, str(t.entry_price), str(t.exit_price)),
        *(to_time(t.opened_at), to_time(t.closed_at), str(t.gross_usd), str(t.fees_usd), t.reason),
        to_partials_text(t.partials),
    )


def _trade(row: Sequence[object]) -> Trade:
    values = dict(zip(_TRADE.split(", ")[1:], row[1:], strict=True))
    for name in ("entry_price", "exit_price", "gross_usd", "fees_usd"):
        values[name] = Decimal(str(values[name]))
    for name in ("opened_at", "closed_at"):
        values[name] = from_time(str(values[name]))
    values["partials"] = from_partials_text(str(values["partials"]))
    return Trade(**values)  # type: ignore[arg-type]  # by column name, written by _trade_row
