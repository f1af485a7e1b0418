"""What one ledger event changed: rows to store and lines for people. Empty when nothing is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from engine.domain.fill import Fill
from engine.domain.order import Order
from engine.domain.plan import NO_PLAN, Plan
from engine.domain.position import Partial, Position, Trade
from engine.domain.quick import maker, quick
from engine.ledger.events import Adjustment, Described

_make_position = maker(Position)


class NoteLevel(StrEnum):
    """How much attention a note wants; the same words as the levels on screen."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class NoteCode(StrEnum):
    """Stable codes of everything the ledger remarks on."""

    ORDER_STATE = "order_state"
    ORDER_MESSAGE = "order_message"
    CLAIMED_CANCELLED = "claimed_cancelled"
    """The library says cancelled, the broker has not: only a claim."""
    CANCEL_REFUSED = "cancel_refused"
    CONTRADICTION = "contradiction"
    """The broker calls an order working that was already done."""
    ILLEGAL_STEP = "illegal_step"
    UNMATCHED_ORDER = "unmatched_order"
    DUPLICATE_ORDER = "duplicate_order"
    """A second broker order appeared under one orderRef."""
    FILL = "fill"
    FILL_AFTER_DONE = "fill_after_done"
    OVERFILL = "overfill"
    CORRECTION = "correction"
    LATE_CORRECTION = "late_correction"
    """A correction of an execution booked before the trading day: reconcile the position."""
    UNKNOWN_MULTIPLIER = "unknown_multiplier"
    TRADE_CLOSED = "trade_closed"
    ADJUSTED = "adjusted"
    STOP_MOVED = "stop_moved"
    BAD_RECORD = "bad_record"
    """A stored position that cannot be right: left out, the others were loaded."""
    UNKNOWN_EXECUTION = "unknown_execution"


class Note(NamedTuple):
    """One remark for people, the log and the event table."""

    code: NoteCode
    level: NoteLevel
    key: str
    order_ref: str
    text: str


class BrokerOrderRecord(NamedTuple):
    """One order at the broker. An orderRef may have several (a modify in bad weather can make two)."""

    perm_id: int
    order_ref: str
    order_id: int
    client_id: int
    status: str
    filled: int
    avg_fill_price: float
    at: datetime


class OrderEventRecord(NamedTuple):
    """One thing that happened to an order, in the words of who said it."""

    order_ref: str
    at: datetime
    source: str
    """`broker`, `library` or `engine`."""
    status: str
    filled: int
    message: str


@quick
@dataclass(frozen=True, slots=True)
class Leg:
    """A position with the totals its trade record will need when it closes."""

    key: str
    con_id: int
    quantity: int
    cost: Decimal
    """What the quantity still held cost: |quantity| x average price, not multiplied."""
    multiplier: Decimal
    owner: str
    opened_at: datetime
    entered: int
    """Units ever entered since it was opened."""
    entry_notional: Decimal
    exit_notional: Decimal
    realized_usd: Decimal = Decimal(0)
    fees_usd: Decimal = Decimal(0)
    initial_stop: float | None = None
    stop_price: float | None = None
    """Where its protective stop is meant to be now."""
    plan: Plan = NO_PLAN
    partials: tuple[Partial, ...] = ()

    @property
    def position(self) -> Position:
        """The same as the rest of the engine sees it."""
        # In the order of its fields: names take half as long again, and it is made at every booking.
        return _make_position(
            self.key,
            self.con_id,
            self.quantity,
            self.cost / abs(self.quantity),
            self.multiplier,
            self.owner,
            self.opened_at,
            self.realized_usd,
            self.fees_usd,
            self.initial_stop,
            self.entered,
            self.stop_price,
            self.plan,
            self.partials,
        )


class BookedFill(NamedTuple):
    """An execution with what was known when it was booked, so that a restart books it just the same."""

    fill: Fill
    reason: str
    """Reason code of the trade it may have closed."""
    initial_stop: float | None
    """Stop of the bracket it belonged to, as placed."""
    plan: Plan = NO_PLAN
    """Plan of the entry it belonged to."""


class StopMove(NamedTuple):
    """The protective stop of an open position is meant to be somewhere else from now on."""

    key: str
    price: float
    why: str
    at: datetime
    """Never before the latest booking of its position when it came: it is about what was open then."""
    sign: int
    """+1 for a long, -1 for a short: a position that flips since has a stop of its own."""


class TradeRecord(NamedTuple):
    """A closed round trip and the id of the booking that closed it (its identity)."""

    closed_by: str
    trade: Trade


@quick
@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that must become durable before anyone is told. Falsy when nothing changed."""

    orders: tuple[Order, ...] = ()
    broker_orders: tuple[BrokerOrderRecord, ...] = ()
    order_events: tuple[OrderEventRecord, ...] = ()
    fills: tuple[BookedFill, ...] = ()
    """New or corrected executions, and executions whose commission became known."""
    replaced_fills: tuple[str, ...] = ()
    """execIds that a correction in `fills` took the place of."""
    adjustments: tuple[Adjustment, ...] = ()
    stop_moves: tuple[StopMove, ...] = ()
    described: tuple[Described, ...] = ()
    legs: tuple[Leg, ...] = ()
    """Positions that are open after the event and differ from before."""
    flat_keys: tuple[str, ...] = ()
    """Keys whose position ended."""
    trades: tuple[TradeRecord, ...] = ()
    withdrawn_trades: tuple[str, ...] = ()
    """`closed_by` of trades that a late or corrected execution undid."""
    notes: tuple[Note, ...] = ()

    def __bool__(self) -> bool:
        # Spelled out, frequent ones first: asked at every event, and a loop over names costs ten times that.
        return bool(
            self.order_events
            or self.orders
            or self.notes
            or self.legs
            or self.flat_keys
            or self.fills
            or self.replaced_fills
            or self.broker_orders
            or self.trades
            or self.withdrawn_trades
            or self.adjustments
            or self.stop_moves
            or self.described
        )

    def __add__(self, other: Changes) -> Changes:
        """Both, in this order: what the second undoes of the first is left out."""
        if not other:
            return self
        if not self:
            return other
        moved = {leg.key for leg in other.legs} | set(other.flat_keys)
        again = {record.closed_by for record in other.trades} | set(other.withdrawn_trades)
        return Changes(
            orders=self.orders + other.orders,
            broker_orders=self.broker_orders + other.broker_orders,
            order_events=self.order_events + other.order_events,
            fills=self.fills + other.fills,
            replaced_fills=self.replaced_fills + other.replaced_fills,
            adjustments=self.adjustments + other.adjustments,
            stop_moves=self.stop_moves + other.stop_moves,
            described=self.described + other.described,
            legs=tuple(leg for leg in self.legs if leg.key not in moved) + other.legs,
            flat_keys=tuple(key for key in self.flat_keys if key not in moved) + other.flat_keys,
            trades=tuple(r for r in self.trades if r.closed_by not in again) + other.trades,
            withdrawn_trades=self.withdrawn_trades + other.withdrawn_trades,
            notes=self.notes + other.notes,
        )
