"""The simulated venue: takes orders, lets the market and the clock act on them, and never forgets.

Deterministic: it knows no clock and no randomness of its own. Every public call that changes anything writes
one journal record before it returns; what a caller was told survives any death of the process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.gateway.account import Account
from engine.gateway.journal import Journal, JournalError
from engine.gateway.matching_floor import Floor
from engine.gateway.model import (
    AccountView,
    Contract,
    ExchangeEvent,
    ExecutionFilter,
    ExecutionView,
    MarketEvent,
    OrderRequest,
    OrderView,
    Rejected,
    Status,
    WhatIf,
)
from engine.gateway.orders import Order
from engine.gateway.orders_credit import Credit
from engine.gateway.orders_desk import Desk
from engine.gateway.orders_listing import Listing
from engine.gateway.orders_registry import Registry
from engine.gateway.orders_rules import check_request, refuse_cancel
from engine.gateway.orders_session import Calendar, Phases, day_after, trading_day
from engine.gateway.ports import Market

_DEFAULT_LINEAGE = 0xE0D5


class SimulatedExchange:
    """Implements `engine.gateway.ports.Exchange`. Single-threaded; all times are exchange time."""

    def __init__(
        self,
        *,
        contracts: Mapping[int, Contract],
        market: Market,
        calendar: Calendar,
        journal: Journal,
        account: str,
        cash: float,
        lineage: int = _DEFAULT_LINEAGE,
    ) -> None:
        """Continue from the journal, or begin with `cash` USD where it is empty.

        `lineage` makes the ids of a fresh journal differ from those of one thrown away; a journal keeps the
        one it began with. JournalError where the journal belongs to another account.
        """
        self._listing = Listing(contracts)
        self._journal = journal
        self._phases = Phases(calendar)
        self._registry = Registry(lineage=lineage)
        self._account = Account(name=account, cash=Decimal(repr(cash)), contracts=self._listing)
        self._restore()
        self._now = journal.clock if self._account.day else None
        self._due: float | None = None
        self._unlisted: list[Order] = []
        self._floor = Floor(
            listing=self._listing,
            market=market,
            phases=self._phases,
            registry=self._registry,
            account=self._account,
        )
        self._credit = Credit(contracts=self._listing, account=self._account, marks=self._floor.mark)
        self._desk = Desk(
            listing=self._listing,
            phases=self._phases,
            registry=self._registry,
            floor=self._floor,
            credit=self._credit,
            account=account,
        )
        self._follow_what_is_open()

    # --- what clients ask for ---

    def place(self, request: OrderRequest, *, now: float) -> list[ExchangeEvent]:
        """Accept, modify (same client and order id) or refuse an order."""
        self._run_until(now)
        self._desk.place(request, now=now)
        return self._finish()

    def cancel(self, client_id: int, order_id: int, *, now: float) -> list[ExchangeEvent]:
        """Cancel one order of this client; 10147, 10148 or 161 where there is nothing to cancel."""
        self._run_until(now)
        order = self._registry.owned(client_id, order_id)
        if order is None or not order.is_open:
            refusal = refuse_cancel(order, order_id)
            view = None if order is None else order.view()
            self._floor.out.append(Rejected(client_id, order_id, refusal.code, refusal.text, view))
        else:
            self._floor.end(order, Status.CANCELLED, "cancelled by its client", now)
        self._floor.settle(now)
        return self._finish()

    def cancel_all(self, *, now: float) -> list[ExchangeEvent]:
        """Cancel every working order, whoever owns it."""
        self._run_until(now)
        for order in self._registry.open():
            if order.is_open:
                self._floor.end(order, Status.CANCELLED, "global cancel", now)
        self._floor.settle(now)
        return self._finish()

    def what_if(self, request: OrderRequest, *, now: float) -> WhatIf | Rejected:
        """What the order would cost if it filled at the mark, without placing it."""
        contract = self._listing.listed(request.con_id)
        refusal = check_request(request, contract=contract, account=self._account.name, now=now)
        if refusal is not None:
            return Rejected(request.client_id, request.order_id, refusal.code, refusal.text, None)
        return self._credit.what_if(request)

    # --- what the world does ---

    def on_market(self, events: Sequence[MarketEvent]) -> list[ExchangeEvent]:
        """Match orders against market events in their order, elect stops, move trailing stops."""
        for event in events:
            self._run_until(event.ts)
            before = len(self._floor.out)
            self._floor.on_event(event)
            if len(self._floor.out) != before:
                self._due = None
        return self._finish()

    def on_time(self, now: float) -> list[ExchangeEvent]:
        """Expire DAY and GTD orders, open and close sessions, roll the account's day, each at its moment."""
        self._run_until(now)
        return self._finish()

    # --- what drills ask for ---

    def split_next(self, parts: int) -> None:
        """The next new order without a parent fills in so many parts, one for each change of the market."""
        self._desk.split_next(parts)

    def overfill_next(self, units: int) -> None:
        """The last fill of the next new order without a parent takes so many units more than ordered."""
        self._desk.overfill_next(units)

    def fill(self, perm_id: int, *, quantity: int, price: float | None, now: float) -> list[ExchangeEvent]:
        """Fill a working order out of turn; `price` None = the mark. ValueError where it cannot fill."""
        self._run_until(now)
        order = self._registry.by_perm(perm_id)
        if order is None or not order.is_open or not order.transmitted or not order.released:
            raise ValueError(f"order {perm_id} is not working")
        self._floor.force(order, quantity, price=price, now=now)
        return self._finish()

    def move_position(self, con_id: int, *, signed: int, price: float | None, now: float) -> None:
        """Let shares appear (`signed` > 0) or vanish without an order, as a transfer does."""
        self._run_until(now)
        self._listing.note_traded(self._listing[con_id])
        at = self._floor.mark(con_id) if price is None else price
        self._account.book(con_id, signed=signed, price=at, commission=Decimal(0))
        self._finish()

    # --- what clients look at ---

    def open_orders(self) -> list[OrderView]:
        """Every order not done, of all clients, oldest first (untransmitted ones included)."""
        return [order.view() for order in self._registry.open()]

    def completed_orders(self) -> list[OrderView]:
        """Orders done in the current trading day, in the order in which they ended."""
        return [order.view() for order in self._registry.done()]

    def executions(self, wanted: ExecutionFilter) -> list[ExecutionView]:
        """Executions of the current trading day that match, oldest first."""
        symbols = {con_id: (contract.symbol, contract.sec_type) for con_id, contract in self._listing.items()}
        return self._registry.executions(wanted, symbols=symbols)

    def account(self, *, now: float) -> AccountView:
        """The account at the market's current prices; `now` beyond the last event changes nothing."""
        return self._account.view(self._floor.mark)

    @property
    def contracts(self) -> Mapping[int, Contract]:
        """Every contract an order or holding can be in: those listed now and those once traded here."""
        return self._listing

    def next_order_id(self, client_id: int) -> int:
        """The lowest order id this client may use next."""
        return self._registry.next_order_id(client_id)

    # --- time ---

    def _run_until(self, now: float) -> None:
        """Let everything that was due by `now` happen, each thing at its own time."""
        if self._now is None:
            self._now = now
            self._account.start(trading_day(now))
        self._end_unlisted(now)
        while (due := self._next_due(self._now)) <= now:
            self._now = due
            self._due = None
            self._act_on_time(due)
        self._now = max(self._now, now)

    def _end_unlisted(self, now: float) -> None:
        """End orders whose contract left the list while we were away."""
        orphans, self._unlisted = self._unlisted, []
        for order in orphans:
            if order.is_open:
                self._floor.end(order, Status.CANCELLED, "its contract is no longer listed", now)

    def _next_due(self, now: float) -> float:
        if self._due is None:
            moments = [day_after(now)]
            for order in self._registry.open():
                moments.append(self._phases.at(self._listing[order.request.con_id], now).end)
                if order.expires_at is not None:
                    moments.append(order.expires_at)
            self._due = min(moments)
        return self._due

    def _act_on_time(self, now: float) -> None:
        for order in self._registry.open():
            if order.expires_at is not None and order.expires_at <= now and order.is_open:
                self._floor.end(order, Status.CANCELLED, f"expired: {order.request.tif}", now)
        if trading_day(now) != self._account.day:
            self._roll(trading_day(now), now)
        for order in self._registry.open():
            self._floor.refresh(order, now)
            self._floor.wake(order)
        self._floor.settle(now)

    def _roll(self, day: str, now: float) -> None:
        def closing(con_id: int) -> float:
            return self._floor.closing_mark(con_id, before=now)

        self._account.settle_expired(day, closing)
        self._account.roll(day, closing)
        self._registry.roll(day)

    # --- memory ---

    def _finish(self) -> list[ExchangeEvent]:
        """Make what happened durable, then hand it over."""
        batch: dict[str, Any] = {}
        if contracts := self._listing.collect():
            batch["contracts"] = contracts
        if orders := self._registry.collect():
            batch["orders"] = orders
        if account := self._account.collect():
            batch["account"] = account
        if batch and self._now is not None:
            self._journal.append(batch, at=self._now)
            self._due = None
            if self._journal.wants_compaction:
                self._journal.compact(self.dump())
        self._floor.forget_idle_books()
        events, self._floor.out = self._floor.out, []
        return events

    def dump(self) -> dict[str, Any]:
        """The whole state as JSON values: what a snapshot holds, and what two equal exchanges agree on."""
        return {
            "contracts": self._listing.dump(),
            "orders": self._registry.dump(),
            "account": self._account.dump(),
        }

    def _restore(self) -> None:
        wanted = self._account.name
        for record in self._journal.records:
            content = record.get("snapshot", record)
            try:
                self._listing.restore(content.get("contracts", []))
                if (account := content.get("account")) is not None:
                    self._account.restore(account)
                self._registry.restore(content.get("orders", {}), day=self._account.day)
            except (KeyError, TypeError, ValueError) as err:
                raise JournalError(
                    f"journal record {record.get('n', 'snapshot')} is not one of this version ({err!r}); "
                    "move the state folder away to start with a fresh account"
                ) from err
        self._journal.forget()
        if self._account.name != wanted:
            raise JournalError(
                f"the journal belongs to account {self._account.name}, not {wanted}; "
                "start with that account or with another state folder"
            )

    def _follow_what_is_open(self) -> None:
        orders = self._registry.open()
        self._unlisted = [o for o in orders if self._listing.listed(o.request.con_id) is None]
        for order in orders:
            self._floor.book(order.request.con_id)
        for con_id in self._account.held():
            self._floor.book(con_id)
