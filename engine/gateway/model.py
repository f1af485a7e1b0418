"""The words the gateway's parts share: contracts, market events, orders, executions.

Wire (sessions), exchange (matching, account) and market (synthetic, tape) meet only here. Values, no
behaviour beyond arithmetic; no other room of the engine is imported, so that a bug of the engine can
never hide behind the same bug on this side of the wire.

Time is exchange time: epoch seconds as float, UTC. Prices are floats already on the contract's grid;
`Contract.ticks()` turns them into integers wherever two prices are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Contract:
    """One tradeable instrument as the exchange lists it."""

    con_id: int
    symbol: str
    sec_type: str
    """`STK` or `FUT`."""
    exchange: str
    """`SMART` for stocks; the listing exchange for futures (`CME`, `NYMEX`, ...)."""
    currency: str
    local_symbol: str
    trading_class: str
    long_name: str
    min_tick: float
    market_rule_id: int
    calendar: str
    """Name of the session calendar in `calendar.py` (for example `XNYS` or `CME_Equity`)."""
    time_zone: str
    multiplier: int = 1
    primary_exchange: str = ""
    expiry: str = ""
    """`YYYYMMDD` for futures, empty for stocks."""
    contract_month: str = ""
    under_con_id: int = 0
    industry: str = ""
    category: str = ""
    subcategory: str = ""
    stock_type: str = ""
    initial_margin: float = 0.0
    """Currency per contract for futures; stocks are margined by rate."""
    maintenance_margin: float = 0.0
    valid_exchanges: tuple[str, ...] = ()

    def ticks(self, price: float) -> int:
        """The price as a whole number of minimum ticks (nearest)."""
        return round(price / self.min_tick)

    def price(self, ticks: int) -> float:
        """The price of a whole number of ticks, without float dust."""
        return round(ticks * self.min_tick, 10)


# --- market → exchange, subscribers ---------------------------------------------------------------


class QuoteTick(NamedTuple):
    """Best bid and ask after a change. A missing side has price 0.0 and size 0."""

    ts: float
    con_id: int
    bid: float
    bid_size: int
    ask: float
    ask_size: int


class TradeTick(NamedTuple):
    """One print. `aggressor` is +1 (buyer lifted the ask), -1 (seller hit the bid) or 0 (unknown)."""

    ts: float
    con_id: int
    price: float
    size: int
    aggressor: int


class DepthTick(NamedTuple):
    """The whole visible book after a change: up to ten `(price, size)` a side, best first."""

    ts: float
    con_id: int
    bids: tuple[tuple[float, int], ...]
    asks: tuple[tuple[float, int], ...]


MarketEvent = QuoteTick | TradeTick | DepthTick


class HistoryBar(NamedTuple):
    """One bar as history and 5-second streams report it; `start` is the bar's first instant."""

    start: float
    open: float
    high: float
    low: float
    close: float
    volume: int
    wap: float
    count: int  # type: ignore[assignment]  # TWS's word for the number of prints; shadows tuple.count


# --- orders ---------------------------------------------------------------------------------------


class Status(StrEnum):
    """Order states as TWS spells them."""

    PENDING_SUBMIT = "PendingSubmit"
    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    INACTIVE = "Inactive"

    @property
    def is_done(self) -> bool:
        """True where nothing can happen to the order any more."""
        return self in (Status.FILLED, Status.CANCELLED, Status.INACTIVE)


UNSET = 1.7976931348623157e308


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What a client asked for in placeOrder; `None` means the field was unset on the wire."""

    client_id: int
    order_id: int
    con_id: int
    action: str
    """`BUY` or `SELL`."""
    quantity: int
    order_type: str
    """`MKT`, `LMT`, `STP`, `STP LMT` or `TRAIL`."""
    limit_price: float | None = None
    aux_price: float | None = None
    """Stop price of STP and STP LMT; trailing amount of TRAIL."""
    trail_stop_price: float | None = None
    trailing_percent: float | None = None
    tif: str = "DAY"
    good_till: float | None = None
    """Epoch seconds, for GTD."""
    oca_group: str = ""
    oca_type: int = 3
    account: str = ""
    order_ref: str = ""
    transmit: bool = True
    parent_id: int = 0
    outside_rth: bool = False
    what_if: bool = False


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order's whole state, as openOrder, completedOrder and orderStatus need it."""

    request: OrderRequest
    perm_id: int
    status: Status
    filled: int
    remaining: int
    avg_fill_price: float
    last_fill_price: float
    parent_perm_id: int = 0
    why_held: str = ""
    completed_at: float | None = None
    completed_text: str = ""
    stop_price: float | None = None
    """Current stop of a trailing order."""


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """One fill, with its commission as the account booked it."""

    exec_id: str
    ts: float
    request: OrderRequest
    perm_id: int
    con_id: int
    action: str
    quantity: int
    price: float
    cum_quantity: int
    avg_price: float
    exchange: str
    liquidity: int
    """1 added, 2 removed (TWS lastLiquidity)."""
    commission: float
    realized_pnl: float | None
    """None where the fill opened or added."""


# --- exchange → sessions --------------------------------------------------------------------------


class OrderChanged(NamedTuple):
    """An order was accepted, modified, elected, filled, cancelled or expired."""

    order: OrderView


class Executed(NamedTuple):
    """An order filled, wholly or partly. Sessions send execDetails now and the commission last."""

    order: OrderView
    execution: ExecutionView


class Rejected(NamedTuple):
    """An order, a modification or a cancel was refused. `order` is None where no order exists."""

    client_id: int
    order_id: int
    code: int
    text: str
    order: OrderView | None


class Notice(NamedTuple):
    """A message about a living order that changes nothing (399, 2109, ...)."""

    client_id: int
    order_id: int
    code: int
    text: str


ExchangeEvent = OrderChanged | Executed | Rejected | Notice


@dataclass(frozen=True, slots=True)
class PositionView:
    """One holding. `average_cost` carries commission and, for futures, the multiplier (as TWS reports it)."""

    con_id: int
    quantity: int
    average_cost: float
    market_price: float
    market_value: float
    unrealized_pnl: float
    realized_pnl: float
    daily_pnl: float


@dataclass(frozen=True, slots=True)
class AccountView:
    """The account now. Currency is the account's base currency (USD)."""

    account: str
    cash: float
    net_liquidation: float
    gross_position_value: float
    initial_margin: float
    maintenance_margin: float
    available_funds: float
    excess_liquidity: float
    buying_power: float
    realized_pnl: float
    unrealized_pnl: float
    daily_pnl: float
    positions: tuple[PositionView, ...] = ()
    previous_equity: float = 0.0


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Margin and commission an order would cause."""

    initial_before: float
    maintenance_before: float
    equity_before: float
    initial_change: float
    maintenance_change: float
    equity_change: float
    commission: float
    warning: str = ""


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """reqExecutions' filter; empty fields match everything."""

    client_id: int = 0
    account: str = ""
    since: float | None = None
    symbol: str = ""
    sec_type: str = ""
    exchange: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What IBKR limits per login; enforced by the sessions with its error codes."""

    data_lines: int = 100
    depth_lines: int = 3
    tick_by_tick_lines: int = 5
    messages_per_second: int = 50
    history_per_10_minutes: int = 60
    history_open: int = 50


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Everything one gateway process is started with; a running one refuses different ones."""

    state_dir: str
    port: int = 0
    """0 = any free port; the status file says which."""
    seed: int = 1
    speed: float = 1.0
    world: str = "edge"
    tape: str = ""
    start_at: str = "10:00"
    """New York time of day at which a new session starts."""
    session_date: str = ""
    """YYYY-MM-DD; empty = the last regular session before today."""
    account: str = "DU9000001"
    cash: float = 1_000_000.0
    idle_exit_s: float = 600.0
    lockstep: bool = False
    limits: Limits = field(default_factory=Limits)
