"""What the ledger is told: the engine maps broker events and its own acts to these values.

The ledger may not know the broker's port, so these are its own words. Every event carries the exchange
time `at` (aware UTC) at which the engine learned of it; text in them is already cleaned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from engine.domain.fill import Fill
from engine.domain.order import OrderIntent, OrderState
from engine.domain.plan import NO_PLAN, Plan


class Source(StrEnum):
    """Who says an order has a status."""

    BROKER = "broker"
    LIBRARY = "library"
    """The client library's own guess: recorded, never believed."""


class Registered(NamedTuple):
    """Intents that are durable: they exist from now on as PENDING orders."""

    intents: tuple[OrderIntent, ...]
    at: datetime


class SendingMarked(NamedTuple):
    """These orders are about to be sent under these session order ids."""

    order_ids: tuple[tuple[str, int], ...]
    """Pairs of orderRef and order id."""
    at: datetime


class StatusClaimed(NamedTuple):
    """Someone says an order has a status (TWS spelling)."""

    order_ref: str
    order_id: int
    perm_id: int
    status: str
    filled: int
    avg_fill_price: float
    source: Source
    at: datetime
    client_id: int = 0
    message: str = ""


class Refused(NamedTuple):
    """The broker sent an error that names the order."""

    order_ref: str
    order_id: int
    code: int
    text: str
    at: datetime


class Executed(NamedTuple):
    """One execution, live or from a re-query; `order_id` 0 where it is not of this session."""

    fill: Fill
    order_id: int
    at: datetime


class CommissionReported(NamedTuple):
    """The commission of one execution."""

    exec_id: str
    amount: Decimal
    at: datetime


class CancelRequested(NamedTuple):
    """We asked the broker to cancel."""

    order_ref: str
    at: datetime


class FateUnknown(NamedTuple):
    """Nobody can say what became of the order; it is parked and counted, never resent."""

    order_ref: str
    why: str
    at: datetime


class NeverSent(NamedTuple):
    """Proven: no byte of the order left the process."""

    order_ref: str
    why: str
    at: datetime


class Resolved(NamedTuple):
    """Reconciliation or a person proved how the order stands (`why` says by what)."""

    order_ref: str
    state: OrderState
    why: str
    at: datetime


class Changed(NamedTuple):
    """The broker took a modification: the order's intent now reads like this (same ref)."""

    intent: OrderIntent
    at: datetime


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change of position without an execution of ours: taken over, or closed outside.

    `price` None means nobody knows it: the quantity is booked at the average price, realising nothing.
    """

    adjustment_id: str
    key: str
    con_id: int
    quantity: int
    """Signed change of the position."""
    price: Decimal | None
    at: datetime
    reason: str
    """Reason code."""
    owner: str = ""
    initial_stop: float | None = None
    note: str = ""
    plan: Plan = NO_PLAN


class StopMoved(NamedTuple):
    """The protective stop of an open position is meant to be at `price` from now on."""

    key: str
    price: float
    why: str
    """Reason code: `breakeven`, `trail`, `operator` …"""
    at: datetime


class Described(NamedTuple):
    """The terms of an instrument the ledger books in, and what names it to the broker."""

    key: str
    con_id: int
    multiplier: Decimal
    sec_type: str
    symbol: str = ""
    exchange: str = ""
    currency: str = ""
    expiry: str = ""
    """Last trading day of a future as ISO text; empty for stocks."""


LedgerEvent = (
    Registered
    | SendingMarked
    | StatusClaimed
    | Refused
    | Executed
    | CommissionReported
    | CancelRequested
    | FateUnknown
    | NeverSent
    | Resolved
    | Changed
    | Adjustment
    | StopMoved
    | Described
)
