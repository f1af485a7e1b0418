"""Orders from wish to end: proposal, durable intent, and the state the ledger keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from engine.domain.forecast import Forecast
from engine.domain.moment import aware
from engine.domain.plan import NO_PLAN, Plan
from engine.domain.preview import EntryTicket, Preview
from engine.domain.quick import quick
from engine.domain.reasons import Reason
from engine.domain.terms import Terms


class Side(StrEnum):
    """Which way an order goes."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is _BUY else -1

    @property
    def opposite(self) -> Side:
        """The other side."""
        return _SELL if self is _BUY else _BUY


_BUY, _SELL = Side.BUY, Side.SELL
"""Looked up once: an enum's member costs a tenth of a microsecond each time."""


class OrderType(StrEnum):
    """Order types the engine sends."""

    MARKET = "MKT"
    LIMIT = "LMT"
    STOP = "STP"
    STOP_LIMIT = "STP LMT"
    TRAIL = "TRAIL"


class Tif(StrEnum):
    """Time in force."""

    DAY = "DAY"
    GTC = "GTC"
    GTD = "GTD"
    IOC = "IOC"


class Role(StrEnum):
    """What an order is for. The last part of its orderRef."""

    ENTRY = "entry"
    STOP = "stop"
    TARGET = "target"
    EXIT = "exit"
    FLATTEN = "flatten"

    adds_risk: bool
    """True where a fill can open or enlarge a position."""


for _role in Role:
    # Plain attributes, set once: every order asks a dozen times, and a property is a call.
    _role.adds_risk = _role is Role.ENTRY


class OrderState(StrEnum):
    """Where an order stands, by what we proved, not by what a library guessed."""

    PENDING = "pending"
    """Intent durable, nothing sent."""
    SENDING = "sending"
    """Marked durable as about to be sent; its bytes may or may not be out."""
    WORKING = "working"
    """The broker said it holds the order."""
    CANCEL_PENDING = "cancel_pending"
    """We asked for a cancel; a fill can still win."""
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    ABANDONED = "abandoned"
    """Proven never sent."""
    UNKNOWN = "unknown"
    """Fate not known: counted in every limit, never resent."""

    is_done: bool
    """True where nothing more is expected of the order."""


for _state in OrderState:
    _state.is_done = _state in {
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.REJECTED,
        OrderState.ABANDONED,
    }


class Intention(StrEnum):
    """What a proposal wants."""

    ENTER = "enter"
    EXIT = "exit"


@quick
@dataclass(frozen=True, slots=True)
class Proposal:
    """What a strategy wants. Unsized: the gate decides how much, or why not."""

    strategy: str
    key: str
    intention: Intention
    side: Side
    """Side of the order (an exit of a long is SELL)."""
    signal_id: str
    """Names the event that caused it; the same signal never enters twice."""
    at: datetime
    stop_price: float | None = None
    """Protective stop of an entry; required to enter."""
    target_price: float | None = None
    conviction: float = 1.0
    day_range: float | None = None
    """Average true range of an entry's instrument, scaled to one session, in price; None where not known."""
    note: str = ""
    """One line for people: what was seen."""
    plan: Plan = NO_PLAN
    """Levels of an entry, kept with the position it opens."""
    exit_fraction: float = 1.0
    """How much of the position an exit takes, in (0, 1]; less than 1 is a partial."""
    reason: Reason = Reason.SIGNAL
    """Why an exit leaves; it becomes the reason of the close."""
    terms: Terms | None = None
    """What a rule asked for in percent; None where the strategy sizes by its stop alone."""
    most_units: int | None = None
    """The most an entry asks for; None where the gate alone decides. Never more than the gate would give."""
    forecast: Forecast | None = None
    """What a learned strategy said; of its entries only. Nothing is decided by it."""

    def __post_init__(self) -> None:
        """Raise ValueError for a naive time."""
        if self.at.tzinfo is not UTC:
            aware(self.at, of=f"proposal {self.signal_id}")


@quick
@dataclass(frozen=True, slots=True)
class OrderIntent:
    """One physical order, decided and sized. Durable before any of its bytes are sent."""

    ref: str
    """orderRef on the wire: `ck-<account tag>-<symbol>-<ulid>-<role>`. One per physical send."""
    strategy: str
    key: str
    con_id: int
    role: Role
    side: Side
    quantity: int
    order_type: OrderType
    created_at: datetime
    tif: Tif = Tif.DAY
    limit_price: float | None = None
    stop_price: float | None = None
    parent_ref: str = ""
    oca_group: str = ""
    transmit: bool = True
    signal_id: str = ""
    note: str = ""
    reason: str = ""
    """Reason of the close or partial this order makes (`PARTIAL_50`); empty: by its role."""
    plan: Plan = NO_PLAN
    ticket: EntryTicket | None = field(default=None, compare=False)
    """What the gate allowed; of entries only. For the record: nothing is decided by it or reads it."""
    preview: Preview | None = field(default=None, compare=False)
    """What it was expected to cost. For the record as well."""

    def __post_init__(self) -> None:
        """Raise ValueError for a naive time."""
        if self.created_at.tzinfo is not UTC:
            aware(self.created_at, of=f"order {self.ref}")


@quick
@dataclass(frozen=True, slots=True)
class Order:
    """An intent and everything proven about it since."""

    intent: OrderIntent
    state: OrderState
    order_id: int = 0
    perm_id: int = 0
    filled: int = 0
    avg_fill_price: float = 0.0
    updated_at: datetime | None = None
    message: str = ""
    """Last words of the broker about it, cleaned of control characters."""

    def moved(self, state: OrderState, *, order_id: int, at: datetime, message: str) -> Order:
        """The same order in another state; all else stays."""
        # Spelled out: an order takes two such steps before its bytes leave, and `replace` is slower by half.
        return Order(
            self.intent,
            state,
            order_id=order_id,
            perm_id=self.perm_id,
            filled=self.filled,
            avg_fill_price=self.avg_fill_price,
            updated_at=at,
            message=message,
        )

    @property
    def remaining(self) -> int:
        """Quantity that can still fill."""
        return 0 if self.state.is_done else self.intent.quantity - self.filled
