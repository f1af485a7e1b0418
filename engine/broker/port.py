"""The Broker port: all the engine knows of any broker. Values and one protocol, no library.

Two rules shape it. *Unknown is not empty*: a query answers `Fetched.ok(...)` only when every End marker
was seen, else `Fetched.failed(why)`, and a failure never looks like an empty list. *A library's claim is
not the broker's word*: events say who claims what (`OrderClaim.source`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

from engine.domain.fill import Fill
from engine.domain.instrument import Instrument
from engine.domain.market import Bar, Depth, Print, Quote
from engine.domain.order import Order, OrderIntent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """The answer to a broker query: a value, or why there is none. Never both, never an empty guess."""

    value: T | None
    error: str = ""
    wait_s: float = 0.0
    """Seconds after which the same question may be asked, where a pacing rule forbids it now; else 0."""

    @property
    def ok(self) -> bool:
        """True where `value` may be used."""
        return not self.error


class LinkState(StrEnum):
    """State of the line to the broker."""

    DOWN = "down"
    CONNECTING = "connecting"
    UP = "up"
    BROKER_LOST = "broker_lost"
    """Socket up, but the broker's own uplink is down (1100)."""
    FROZEN = "frozen"
    """Socket up, the peer stopped answering the heartbeat."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What one connection turned out to be."""

    account: str
    accounts: tuple[str, ...]
    server_version: int
    library: str
    gateway_kind: Literal["embedded", "tws"]
    next_order_id: int


# --- events: broker → engine, called on the engine loop, in arrival order ------------------------


class LinkEvent(NamedTuple):
    """The line changed. `data_lost` is true after 1101 and after every new connection."""

    state: LinkState
    text: str
    code: int = 0
    data_lost: bool = False


class OrderClaim(NamedTuple):
    """Someone says an order has a status. `source` tells whether it is the broker's own word."""

    order_ref: str
    order_id: int
    """Under our client id; 0 for another client's order and wherever the number proves nothing."""
    perm_id: int
    client_id: int
    status: str
    """TWS spelling: PendingSubmit, PreSubmitted, Submitted, Filled, Cancelled, Inactive, PendingCancel…"""
    filled: Decimal
    remaining: Decimal
    avg_fill_price: float
    source: Literal["broker", "library"]
    con_id: int = 0
    key: str = ""
    message: str = ""
    stop_price: float | None = None
    """Trigger of a stop as the broker works it; None where the message does not tell."""


class OrderRefusal(NamedTuple):
    """An error naming one of our orders (201, 110, 202, 10147 …)."""

    order_id: int
    order_ref: str
    code: int
    text: str


class Execution(NamedTuple):
    """One execution as the broker reported it; `live` is false when it came from a re-query."""

    fill: Fill
    order_id: int
    """Under our client id; 0 for another client's."""
    client_id: int
    liquidation: bool
    live: bool


class Commission(NamedTuple):
    """The commission of one execution; may come seconds later."""

    exec_id: str
    amount: Decimal
    realized_usd: Decimal | None


class AccountValue(NamedTuple):
    """One figure of the account (`NetLiquidation`, `AvailableFunds`, `GatewayKind` …)."""

    key: str
    value: str
    currency: str
    account: str


class BrokerPosition(NamedTuple):
    """One position as the broker states it. `average_cost` carries fees and the multiplier."""

    account: str
    con_id: int
    key: str
    quantity: Decimal
    average_cost: float
    symbol: str
    sec_type: str


class Notice(NamedTuple):
    """A message about no order: 2104, 354, 10197, 1100 …; `request_key` names the line it concerns."""

    code: int
    text: str
    request_key: str


class DataType(NamedTuple):
    """The market data type really delivered for a line: 1 live, 2 frozen, 3 delayed, 4 delayed-frozen."""

    key: str
    kind: int


class LineRefused(NamedTuple):
    """The broker gives no book, or no tape, of one instrument; its prices come as before."""

    key: str
    what: Literal["book", "tape"]
    code: int
    text: str


class ProductHalt(NamedTuple):
    """The halt flag of one instrument: -1 not known, 0 trades, 1 halted, 2 volatility halt."""

    key: str
    flag: int


BrokerEvent = (
    LinkEvent
    | OrderClaim
    | OrderRefusal
    | Execution
    | Commission
    | AccountValue
    | BrokerPosition
    | Notice
    | DataType
    | LineRefused
    | ProductHalt
)


class BrokerOrder(NamedTuple):
    """One open or completed order as the broker lists it."""

    claim: OrderClaim
    symbol: str
    key: str
    side: str
    quantity: Decimal
    order_type: str
    limit_price: float | None
    stop_price: float | None
    tif: str
    parent_id: int
    is_ours: bool
    """Placed under our client id."""


@dataclass(frozen=True, slots=True)
class BrokerState:
    """One complete picture of the account: every list ended with its End marker."""

    positions: tuple[BrokerPosition, ...]
    open_orders: tuple[BrokerOrder, ...]
    completed_orders: tuple[BrokerOrder, ...]
    executions: tuple[Execution, ...]
    commissions: tuple[Commission, ...]
    values: tuple[AccountValue, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Margin:
    """What an order would cost (whatIf)."""

    initial_change_usd: float
    maintenance_change_usd: float
    commission_usd: float | None


class BrokerError(Exception):
    """The broker could not do what was asked; the message says what, to which id, and what to do."""


class ConnectError(BrokerError):
    """No usable connection: nobody listens, silence after the handshake, id in use, version too old."""


class AccountError(BrokerError):
    """The line works but leads to the wrong account or kind of gateway for this mode. Never retried."""


class PacedError(BrokerError):
    """A question that the broker's pacing rules forbid now."""

    def __init__(self, text: str, *, wait_s: float) -> None:
        super().__init__(text)
        self.wait_s = wait_s
        """Seconds after which it may be asked."""


class NotSentError(BrokerError):
    """Proven never sent: it still waited in our own queue when the line was lost, or was refused before."""


class OrdersRefusedError(BrokerError):
    """The adapter itself refuses to send orders (dry run / read only)."""


class BrokerListener(Protocol):
    """Who hears of everything. Called on the engine loop; must return quickly and never raise."""

    def on_broker_event(self, event: BrokerEvent) -> None:
        """An order, account or link event."""
        ...

    def on_quote(self, quote: Quote) -> None:
        """A change of the touch or a print."""
        ...

    def on_bar(self, bar: Bar) -> None:
        """A complete 5-second bar from the live stream."""
        ...

    def on_depth(self, depth: Depth) -> None:
        """Our own book after an update."""
        ...

    def on_print(self, trade: Print) -> None:
        """One trade of the market, of an instrument whose tape was asked for."""
        ...


class Broker(Protocol):
    """A brokerage connection. Every coroutine has its own timeout and raises BrokerError, never hangs."""

    @property
    def link(self) -> LinkState:
        """State of the line."""
        ...

    @property
    def round_trip_ms(self) -> float | None:
        """Last heartbeat's round trip."""
        ...

    async def connect(self, listener: BrokerListener) -> Hello:
        """Connect with a fresh client object, check the account, start the heartbeat."""
        ...

    async def disconnect(self) -> None:
        """Close the line; whatever still waited in our queue is dropped (and reported as never sent)."""
        ...

    async def state(self) -> Fetched[BrokerState]:
        """Positions, all open orders, completed orders, today's executions; or why not."""
        ...

    async def refresh_values(self) -> Fetched[bool]:
        """Ask for the account's figures anew: they come as events before the answer; or why not."""
        ...

    async def server_time(self) -> datetime:
        """The broker's clock (whole seconds); in lockstep also the acknowledgement."""
        ...

    async def instruments(self, symbol: str, sec_type: str, exchange: str) -> Fetched[tuple[Instrument, ...]]:
        """All contracts that match, with grids and sessions; futures sorted by expiry."""
        ...

    async def history(
        self,
        instrument: Instrument,
        *,
        count: int,
        seconds: int,
        end: datetime | None = None,
        extended: bool = False,
    ) -> Fetched[tuple[Bar, ...]]:
        """The last `count` complete bars, oldest first. Of stocks regular hours only, unless `extended`."""
        ...

    async def what_if(self, intent: OrderIntent, instrument: Instrument) -> Fetched[Margin]:
        """Margin and commission an order would cause."""
        ...

    def subscribe(self, instrument: Instrument) -> None:
        """Level 1 and 5-second bars; once per instrument, kept over reconnects by the engine."""
        ...

    def subscribe_depth(self, instrument: Instrument, rows: int) -> None:
        """Level 2, kept as our own book."""
        ...

    def unsubscribe_depth(self, instrument: Instrument) -> None:
        """End the book of this instrument; its other lines stay."""
        ...

    def subscribe_tape(self, instrument: Instrument) -> None:
        """Trades one by one."""
        ...

    def unsubscribe_tape(self, instrument: Instrument) -> None:
        """End the tape of this instrument; its other lines stay."""
        ...

    def unsubscribe(self, instrument: Instrument) -> None:
        """End every line of this instrument."""
        ...

    def next_order_id(self) -> int:
        """Reserve an order id: above the broker's next and above every id we ever used."""
        ...

    def prepare(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> None:
        """A hint that `place` comes with just these arguments: it may build its bytes now. Never raises."""
        ...

    async def place(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> None:
        """Send one order, or a bracket whose last order transmits, in one go and in this order.

        `parent_ids[i]` is the parent's order id, 0 for none. Returns when the bytes are with the kernel.
        Raises OrdersRefusedError when read only, BrokerError when the link is down: then nothing was sent.
        """
        ...

    async def cancel(self, order: Order) -> None:
        """Ask for a cancel. Returns when the bytes are with the kernel; the answer is an event."""
        ...

    async def modify(self, order: Order, changed: OrderIntent, instrument: Instrument) -> None:
        """Change price or quantity of a working order (same id); unsafe while the link is not UP."""
        ...

    async def cancel_everything(self) -> None:
        """Global cancel: also orders of other clients. Only for KILL where nothing is foreign."""
        ...
