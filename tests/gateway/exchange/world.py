"""A market that does exactly what a test says, and an exchange on top of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from engine.gateway.calendar import ExchangeCalendar
from engine.gateway.exchange import SimulatedExchange
from engine.gateway.history import Gradually
from engine.gateway.journal import Journal
from engine.gateway.model import (
    Contract,
    DepthTick,
    ExchangeEvent,
    Executed,
    HistoryBar,
    MarketEvent,
    OrderChanged,
    OrderRequest,
    OrderView,
    QuoteTick,
    Rejected,
    TradeTick,
)

ACCOUNT = "DU1"
CASH = 1_000_000.0
CLIENT = 7

STOCK = Contract(
    con_id=1,
    symbol="ABC",
    sec_type="STK",
    exchange="SMART",
    currency="USD",
    local_symbol="ABC",
    trading_class="ABC",
    long_name="Abc Corp",
    min_tick=0.01,
    market_rule_id=26,
    calendar="XNYS",
    time_zone="US/Eastern",
    primary_exchange="NASDAQ",
)
FUTURE = Contract(
    con_id=2,
    symbol="ES",
    sec_type="FUT",
    exchange="CME",
    currency="USD",
    local_symbol="ESZ4",
    trading_class="ES",
    long_name="E-mini S&P 500",
    min_tick=0.25,
    market_rule_id=67,
    calendar="CME_Equity",
    time_zone="US/Central",
    multiplier=50,
    expiry="20241220",
    initial_margin=15_000.0,
    maintenance_margin=13_500.0,
)
CONTRACTS = {c.con_id: c for c in (STOCK, FUTURE)}


def at(day: int, hour: int, minute: int = 0, second: float = 0.0) -> float:
    """Epoch seconds of a New York time in November 2024 (the 4th is a Monday)."""
    whole, part = divmod(second, 1)
    moment = dt.datetime(2024, 11, day, hour, minute, int(whole), tzinfo=ZoneInfo("America/New_York"))
    return moment.timestamp() + part


MORNING = at(4, 10)


class ScriptedMarket:
    """Holds the latest event of each kind; history is not its business."""

    def __init__(self, contracts: Mapping[int, Contract] = CONTRACTS) -> None:
        self.contracts = contracts
        self.closes = {1: 100.0, 2: 5_000.0}
        self._latest: dict[tuple[type[Any], int], Any] = {}

    def tell(self, event: MarketEvent) -> None:
        self._latest[type(event), event.con_id] = event

    def advance(self, until: float) -> list[MarketEvent]:
        return []

    def prepare(self) -> bool:
        return False

    def seek(self, at: float) -> None:
        """Nothing to skip: a test tells every event itself."""

    def next_time(self) -> float | None:
        return None

    def quote(self, con_id: int) -> QuoteTick | None:
        return self._latest.get((QuoteTick, con_id))

    def depth(self, con_id: int) -> DepthTick | None:
        return self._latest.get((DepthTick, con_id))

    def last_trade(self, con_id: int) -> TradeTick | None:
        return self._latest.get((TradeTick, con_id))

    def previous_close(self, con_id: int) -> float:
        return self.closes[con_id]

    def bars(
        self, con_id: int, *, end: float, count: int, seconds: int, what: str, rth: bool
    ) -> list[HistoryBar]:
        return []

    def bars_gradually(
        self, con_id: int, *, end: float, count: int, seconds: int, what: str, rth: bool
    ) -> Gradually[list[HistoryBar]]:
        yield
        return []

    def head_time(self, con_id: int) -> float:
        return 0.0


@dataclass
class World:
    """One exchange, its market and its journal folder; `now` moves only when told."""

    folder: Path
    now: float = MORNING
    cash: float = CASH
    account: str = ACCOUNT
    compact_bytes: int = 4_000_000
    market: ScriptedMarket = field(default_factory=ScriptedMarket)
    next_id: int = 1
    told: list[MarketEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Start the exchange from its journal (again)."""
        self.journal = Journal(self.folder, compact_bytes=self.compact_bytes)
        self.exchange = SimulatedExchange(
            contracts=self.market.contracts,
            market=self.market,
            calendar=ExchangeCalendar(),
            journal=self.journal,
            account=self.account,
            cash=self.cash,
        )

    def close(self) -> None:
        self.journal.close()

    def restart(self) -> None:
        self.close()
        self.open()

    # --- market ---

    def quote(
        self, bid: float, ask: float, *, size: int = 100, sizes: tuple[int, int] | None = None, con: int = 1
    ) -> list[ExchangeEvent]:
        bid_size, ask_size = sizes or (size, size)
        return self.feed(QuoteTick(self.now, con, bid, bid_size, ask, ask_size))

    def depth(
        self, bids: list[tuple[float, int]], asks: list[tuple[float, int]], con: int = 1
    ) -> list[ExchangeEvent]:
        return self.feed(DepthTick(self.now, con, tuple(bids), tuple(asks)))

    def print(self, price: float, size: int = 100, aggressor: int = 0, con: int = 1) -> list[ExchangeEvent]:
        return self.feed(TradeTick(self.now, con, price, size, aggressor))

    def feed(self, event: MarketEvent) -> list[ExchangeEvent]:
        self.market.tell(event)
        self.told.append(event)
        return self.exchange.on_market([event])

    # --- orders ---

    def request(self, action: str, quantity: int, order_type: str = "MKT", **more: Any) -> OrderRequest:
        known: dict[str, Any] = {"client_id": CLIENT, "con_id": 1, "order_id": self.next_id} | more
        self.next_id = max(self.next_id, known["order_id"] + 1)
        return OrderRequest(action=action, quantity=quantity, order_type=order_type, **known)

    def buy(self, quantity: int, order_type: str = "MKT", **more: Any) -> list[ExchangeEvent]:
        return self.place(self.request("BUY", quantity, order_type, **more))

    def sell(self, quantity: int, order_type: str = "MKT", **more: Any) -> list[ExchangeEvent]:
        return self.place(self.request("SELL", quantity, order_type, **more))

    def place(self, request: OrderRequest) -> list[ExchangeEvent]:
        return self.exchange.place(request, now=self.now)

    def cancel(self, order_id: int, client_id: int = CLIENT) -> list[ExchangeEvent]:
        return self.exchange.cancel(client_id, order_id, now=self.now)

    def go(self, now: float) -> list[ExchangeEvent]:
        self.now = now
        return self.exchange.on_time(now)

    # --- looking ---

    def order(self, order_id: int) -> OrderView:
        every = [*self.exchange.open_orders(), *self.exchange.completed_orders()]
        return next(o for o in every if o.request.order_id == order_id)

    def quantity(self, con: int = 1) -> int:
        positions = self.exchange.account(now=self.now).positions
        return next((p.quantity for p in positions if p.con_id == con), 0)


def fills(events: list[ExchangeEvent]) -> list[tuple[float, int]]:
    """`(price, quantity)` of every execution."""
    return [(e.execution.price, e.execution.quantity) for e in events if isinstance(e, Executed)]


def reports(events: list[ExchangeEvent]) -> list[OrderView]:
    """The order states told, acceptances and fills alike."""
    return [e.order for e in events if isinstance(e, OrderChanged | Executed)]


def codes(events: list[ExchangeEvent]) -> list[int]:
    """Error codes of every refusal."""
    return [e.code for e in events if isinstance(e, Rejected)]
