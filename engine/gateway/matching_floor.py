"""The trading floor: matches orders with the moving book and carries a fill to all it concerns.

Rules it keeps: takers get the displayed prices, resting orders their own limit; nothing trades outside its
session or against a quote older than the session; a parent's first fill wakes its children, which together
never exit more than it filled while it works; one fill cancels (OCA type 1) or reduces (2, 3) its group.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from engine.gateway.account import Account
from engine.gateway.commission import order_commission
from engine.gateway.matching import LocalBook, eat_queue, limit_ticks, note_queue
from engine.gateway.matching_triggers import is_elected, reference_price, trail
from engine.gateway.model import (
    Contract,
    ExchangeEvent,
    Executed,
    MarketEvent,
    OrderChanged,
    Status,
    TradeTick,
)
from engine.gateway.orders import BUY, SELL, Fill, Order, exact
from engine.gateway.orders_listing import Listing
from engine.gateway.orders_registry import Registry
from engine.gateway.orders_rules import CANCEL_ALL
from engine.gateway.orders_session import Phases
from engine.gateway.ports import Market

_ADDED, _REMOVED = 1, 2


class Floor:
    """Everything that can fill. `out` collects what happened, in order, until the caller takes it."""

    def __init__(
        self,
        *,
        listing: Listing,
        market: Market,
        phases: Phases,
        registry: Registry,
        account: Account,
    ) -> None:
        self.out: list[ExchangeEvent] = []
        self._listing = listing
        self._market = market
        self._phases = phases
        self._registry = registry
        self._account = account
        self._books: dict[int, LocalBook] = {}
        self._woken: deque[Order] = deque()

    # --- books ---

    def book(self, con_id: int) -> LocalBook:
        """The contract's book; made from the market's present where we did not follow it."""
        book = self._books.get(con_id)
        if book is None:
            book = self._books[con_id] = LocalBook(self._listing[con_id])
            if self._listing.listed(con_id) is None:
                return book
            known = (self._market.quote(con_id), self._market.depth(con_id), self._market.last_trade(con_id))
            for event in sorted((e for e in known if e is not None), key=lambda event: event.ts):
                book.apply(event)
        return book

    def mark(self, con_id: int) -> float:
        """The price at which a holding is valued: the book's mark, else the previous close."""
        mark = self.book(con_id).mark()
        return self._old_mark(con_id) if mark is None else mark

    def closing_mark(self, con_id: int, *, before: float) -> float:
        """The mark a day ended with: ours where older than `before`, else the market's previous close."""
        book = self.book(con_id)
        mark = book.mark()
        if mark is None or book.marked_at() > before:
            return self._old_mark(con_id)
        return mark

    def _old_mark(self, con_id: int) -> float:
        if self._listing.listed(con_id) is None:
            return self._account.day_mark(con_id)
        return self._market.previous_close(con_id)

    def forget_idle_books(self) -> None:
        """Stop following contracts in which nothing is working, held or half consumed."""
        held = set(self._account.held())
        for con_id in [*self._books]:
            if con_id in held or self._registry.open_on(con_id) or self._books[con_id].is_touched:
                continue
            del self._books[con_id]

    # --- life of an order ---

    def is_live(self, order: Order, now: float) -> bool:
        """True where the order may trade now: sent, released by its parent, inside its session."""
        return order.transmitted and order.released and self._in_session(order, now)

    def refresh(self, order: Order, now: float) -> None:
        """Bring the status in line with what the order waits for, and tell if it changed."""
        if not order.is_open:
            return
        in_session = self._in_session(order, now)
        if not in_session:
            order.resting = False
        status = order.standing(in_session=in_session)
        if status is not order.status:
            order.status = status
            self.tell(order)

    def tell(self, order: Order) -> None:
        """Record the order's new state and report it."""
        self._registry.touch(order)
        self.out.append(OrderChanged(order.view()))

    def wake(self, order: Order) -> None:
        """Try the order against the market at the next `settle`."""
        self._woken.append(order)

    def end(self, order: Order, status: Status, text: str, now: float) -> None:
        """End an order unfilled or partly filled. Children of a parent that never filled end with it."""
        order.finish(status, text, now)
        self.tell(order)
        for child in self._registry.children(order):
            if not child.is_open:
                continue
            if order.filled:
                self.wake(child)
            else:
                self.end(child, Status.CANCELLED, "parent order ended without a fill", now)

    def settle(self, now: float) -> None:
        """Try everything that was woken, and whatever that wakes."""
        while self._woken:
            order = self._woken.popleft()
            if order.is_open and self.is_live(order, now):
                self._attempt(order, now)

    def on_event(self, event: MarketEvent) -> None:
        """Let one market event act on the orders of its contract."""
        book = self._books.get(event.con_id)
        if book is None:
            return
        book.apply(event)
        orders = [o for o in self._registry.open_on(event.con_id) if self.is_live(o, event.ts)]
        if not orders:
            return
        if isinstance(event, TradeTick):
            self._on_print(event, book, orders)
        else:
            self._on_quote(book, orders, event.ts)
        self.settle(event.ts)

    # --- matching ---

    def _in_session(self, order: Order, now: float) -> bool:
        contract = self._listing[order.request.con_id]
        phase = self._phases.at(contract, now)
        return phase.trading and (phase.regular or trades_all_session(order, contract))

    def _room(self, order: Order) -> int:
        """How much the order may trade now; 0 once it is done."""
        if not order.is_open:
            return 0
        most = min(order.remaining, order.portion or order.remaining)
        parent = self._registry.by_perm(order.parent_perm_id)
        if parent is None or not parent.is_open:
            return most
        exited = sum(child.filled for child in self._registry.children(parent))
        return max(0, min(most, parent.filled - exited))

    def _attempt(self, order: Order, now: float) -> None:
        contract = self._listing[order.request.con_id]
        book, opened = self.book(contract.con_id), self._phases.at(contract, now).opened
        if order.waits_for_trigger:
            price = reference_price(book, order, now=now, opened=opened)
            if price is None or not self._elects(order, price, contract):
                return
            order.elected = True
            self.refresh(order, now)
        if book.quoted_at >= opened and not order.resting:
            self._take(order, book, now)

    def _elects(self, order: Order, price: float, contract: Contract) -> bool:
        if is_elected(order, price, contract):
            return True
        if trail(order, price, contract):
            self._registry.touch(order)
        return False

    def _take(self, order: Order, book: LocalBook, now: float) -> None:
        limit = limit_ticks(order, book.contract)
        ladder = book.against(order.request.action)
        for ticks, shown in ladder.offers(limit):
            size = min(shown, self._room(order))
            if size <= 0:
                break
            ladder.take(ticks, size)
            self._fill(order, size, price=book.contract.price(ticks), liquidity=_REMOVED, now=now)
            if order.portion:
                break
        if not order.is_open:
            return
        if order.request.tif == "IOC":
            self.end(order, Status.CANCELLED, "immediate-or-cancel: nothing more to take", now)
        elif limit is not None:
            order.resting = True
            order.ahead = book.beside(order.request.action).ahead_of(limit)

    def _on_print(self, trade: TradeTick, book: LocalBook, orders: list[Order]) -> None:
        for action in (BUY, SELL):
            resting = _queue(orders, action, book.contract)
            for order, size in eat_queue(resting, contract=book.contract, trade=trade, room=self._room):
                self._fill_resting(order, size, trade.ts)
        for order in orders:
            if order.waits_for_trigger:
                self.wake(order)

    def _on_quote(self, book: LocalBook, orders: list[Order], now: float) -> None:
        for action in (BUY, SELL):
            ladder = book.against(action)
            for order in _queue(orders, action, book.contract):
                note_queue(order, book)
                size = 0
                for ticks, shown in ladder.offers(limit_ticks(order, book.contract)):
                    part = min(shown, self._room(order) - size)
                    if part <= 0:
                        break
                    ladder.take(ticks, part)
                    size += part
                if size:
                    self._fill_resting(order, size, now)
        for order in orders:
            if not order.resting:
                self.wake(order)

    def _fill_resting(self, order: Order, size: int, now: float) -> None:
        contract = self._listing[order.request.con_id]
        limit = limit_ticks(order, contract)
        if limit is not None:
            self._fill(order, size, price=contract.price(limit), liquidity=_ADDED, now=now)

    # --- fills and what they cause ---

    def force(self, order: Order, size: int, *, price: float | None, now: float) -> None:
        """Fill a working order out of turn, as a drill wants it: at `price`, or at the mark."""
        order.elected = order.elected or order.waits_for_trigger
        at = self.mark(order.request.con_id) if price is None else price
        self._fill(order, min(size, order.remaining), price=at, liquidity=_REMOVED, now=now)
        self.settle(now)

    def _fill(self, order: Order, size: int, *, price: float, liquidity: int, now: float) -> None:
        contract = self._listing[order.request.con_id]
        before = order.remaining
        if size == before:
            size += order.excess
        order.filled += size
        order.value += exact(price) * size
        charged = order_commission(contract, quantity=order.filled, value=order.value)
        commission, order.commission = charged - order.commission, charged
        realized = self._account.book(
            contract.con_id, signed=order.sign * size, price=price, commission=commission
        )
        order.last_fill_price = price
        if order.remaining == 0:
            order.finish(Status.FILLED, "filled", now)
        else:
            order.status = order.standing(in_session=True)
        fill = Fill(
            exec_id=self._registry.next_exec_id(),
            ts=now,
            perm_id=order.perm_id,
            quantity=size,
            price=price,
            cum_quantity=order.filled,
            avg_price=order.avg_price,
            exchange=contract.primary_exchange or contract.exchange,
            liquidity=liquidity,
            commission=commission,
            realized=realized,
        )
        self._registry.touch(order)
        self._registry.add_fill(fill)
        self.out.append(Executed(order.view(), fill.view(order)))
        self._tell_group(order, size, before=before, now=now)
        self._tell_children(order, now)

    def _tell_children(self, parent: Order, now: float) -> None:
        for child in self._registry.children(parent):
            if child.is_open:
                child.released = True
                self._registry.touch(child)
                self.refresh(child, now)
                self.wake(child)

    def _tell_group(self, order: Order, size: int, *, before: int, now: float) -> None:
        """OCA: one fills, the others end or shrink by the same share, rounded against over-filling."""
        group = order.request.oca_group
        if not group:
            return
        for other in self._registry.open():
            if other is order or other.request.oca_group != group:
                continue
            cut = -(-other.remaining * size // before)
            if order.request.oca_type == CANCEL_ALL or cut >= other.remaining:
                self.end(other, Status.CANCELLED, f"OCA group {group}: another order filled", now)
            else:
                other.request = replace(other.request, quantity=other.request.quantity - cut)
                self.tell(other)


def trades_all_session(order: Order, contract: Contract) -> bool:
    """True where the order has the whole trading session: futures, and stock orders outside RTH.

    A stock's market order never is: the exchange holds it for regular hours.
    """
    request = order.request
    return contract.sec_type == "FUT" or (request.outside_rth and request.order_type != "MKT")


def _queue(orders: Iterable[Order], action: str, contract: Contract) -> list[Order]:
    """Resting orders of one side in price-time priority."""
    resting = [(limit_ticks(o, contract), o) for o in orders if o.resting and o.request.action == action]
    priced = [(-limit * o.sign, o.priority, o) for limit, o in resting if limit is not None]
    return [o for *_, o in sorted(priced, key=lambda entry: entry[:2])]
