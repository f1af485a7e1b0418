"""What the gateway's parts expect of each other: a market that plays and an exchange that trades.

The synthetic market and the tape are markets; tests put scripted ones in their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.gateway.history import Gradually
from engine.gateway.model import (
    AccountView,
    Contract,
    DepthTick,
    ExchangeEvent,
    ExecutionFilter,
    ExecutionView,
    HistoryBar,
    MarketEvent,
    OrderRequest,
    OrderView,
    QuoteTick,
    Rejected,
    TradeTick,
    WhatIf,
)


class MarketError(Exception):
    """The market cannot begin or go on; the text says what to do and is fit for a terminal."""


class Market(Protocol):
    """A source of market events: synthetic or tape. Advances only when told to."""

    @property
    def contracts(self) -> Mapping[int, Contract]:
        """Every listed contract by con_id."""
        ...

    def advance(self, until: float) -> list[MarketEvent]:
        """All events with `ts <= until` not yet returned, in time order."""
        ...

    def prepare(self) -> bool:
        """Do a small portion of the work that later events will need; False where nothing is left to do.

        Events are the same whether it is called or not: it only spreads their cost over quiet turns.
        """
        ...

    def seek(self, at: float) -> None:
        """Jump to a later instant without returning what happens before it (a closed market, a restart)."""
        ...

    def next_time(self) -> float | None:
        """When the next event is due; None where the market has nothing left (end of tape)."""
        ...

    def quote(self, con_id: int) -> QuoteTick | None:
        """The current best bid and ask; None before the first."""
        ...

    def depth(self, con_id: int) -> DepthTick | None:
        """The current visible book; None before the first."""
        ...

    def last_trade(self, con_id: int) -> TradeTick | None:
        """The latest print; None before the first."""
        ...

    def previous_close(self, con_id: int) -> float:
        """Close of the session before this one."""
        ...

    def bars(
        self, con_id: int, *, end: float, count: int, seconds: int, what: str, rth: bool
    ) -> list[HistoryBar]:
        """The last `count` complete bars of `seconds` length that end at or before `end`, oldest first.

        `what` is TRADES, MIDPOINT, BID or ASK. Bars of what was traded live equal the live stream's bars.
        """
        ...

    def bars_gradually(
        self, con_id: int, *, end: float, count: int, seconds: int, what: str, rth: bool
    ) -> Gradually[list[HistoryBar]]:
        """The same bars made in portions of a few milliseconds; `end` is bound when it is called."""
        ...

    def head_time(self, con_id: int) -> float:
        """Start of the oldest bar there is."""
        ...


class Exchange(Protocol):
    """The simulated venue and the account held there. Single-threaded; every call says what time it is.

    Whatever a call changed is in the journal, durably, before the call returns.
    """

    @property
    def contracts(self) -> Mapping[int, Contract]:
        """Every contract listed now or ever traded here: what a position or an old order may name."""
        ...

    def place(self, request: OrderRequest, *, now: float) -> list[ExchangeEvent]:
        """Accept, modify (same client and order id) or refuse an order."""
        ...

    def cancel(self, client_id: int, order_id: int, *, now: float) -> list[ExchangeEvent]:
        """Cancel one order of this client; 10147/10148/161 where that is impossible."""
        ...

    def cancel_all(self, *, now: float) -> list[ExchangeEvent]:
        """Global cancel: every working order, whoever owns it."""
        ...

    def split_next(self, parts: int) -> None:
        """For drills: the next new order without a parent fills in so many parts."""
        ...

    def overfill_next(self, units: int) -> None:
        """For drills: the next new order without a parent fills so much more than ordered."""
        ...

    def fill(self, perm_id: int, *, quantity: int, price: float | None, now: float) -> list[ExchangeEvent]:
        """For drills: fill a working order out of turn. ValueError where it cannot fill."""
        ...

    def move_position(self, con_id: int, *, signed: int, price: float | None, now: float) -> None:
        """For drills: let shares appear or vanish without an order."""
        ...

    def on_market(self, events: Sequence[MarketEvent]) -> list[ExchangeEvent]:
        """Match resting orders against market events, elect stops, move trailing stops."""
        ...

    def on_time(self, now: float) -> list[ExchangeEvent]:
        """Expire DAY and GTD orders, open and close sessions, roll the account's day."""
        ...

    def what_if(self, request: OrderRequest, *, now: float) -> WhatIf | Rejected:
        """What the order would cost, without placing it."""
        ...

    def open_orders(self) -> list[OrderView]:
        """Every order not done, of all clients, oldest first (untransmitted ones included)."""
        ...

    def completed_orders(self) -> list[OrderView]:
        """Orders done in the current trading day, oldest first."""
        ...

    def executions(self, wanted: ExecutionFilter) -> list[ExecutionView]:
        """Executions of the current trading day that match, oldest first."""
        ...

    def account(self, *, now: float) -> AccountView:
        """The account at the market's current prices."""
        ...

    def next_order_id(self, client_id: int) -> int:
        """The lowest order id this client may use next."""
        ...
