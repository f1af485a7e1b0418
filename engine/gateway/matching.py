"""One contract's displayed liquidity, and what of it our own orders may still take.

Pure: market events in, sizes out. What an order takes from a level is remembered until the market reports a
different size there, or any size after others traded there: the same displayed shares never fill twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from engine.gateway.model import Contract, DepthTick, MarketEvent, QuoteTick, TradeTick
from engine.gateway.orders import BUY, Order


class Ladder:
    """One side of the book. Prices in ticks; `sign` is +1 for bids (best = highest), -1 for asks."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._sizes: dict[int, int] = {}
        self._taken: dict[int, int] = {}
        self._printed: set[int] = set()

    @property
    def best(self) -> int | None:
        """Best displayed price; None where the side is empty."""
        if not self._sizes:
            return None
        return max(self._sizes) if self._sign > 0 else min(self._sizes)

    @property
    def is_touched(self) -> bool:
        """True while something taken has not been refreshed by the market."""
        return bool(self._taken)

    def show(self, levels: Iterable[tuple[int, int]]) -> None:
        """The market's whole side. A level of unchanged size without a print keeps what was taken from it."""
        fresh = {ticks: size for ticks, size in levels if size > 0}
        same = {t for t in self._taken if fresh.get(t) == self._sizes.get(t)} - self._printed
        self._taken = {t: taken for t, taken in self._taken.items() if t in same}
        self._printed.clear()
        self._sizes = fresh

    def show_top(self, ticks: int, size: int) -> None:
        """The market's best level; better ones are gone, deeper ones stay as last seen."""
        deeper = [(t, s) for t, s in self._sizes.items() if (t - ticks) * self._sign < 0]
        self.show([(ticks, size), *deeper] if size > 0 else [])

    def note_print(self, ticks: int) -> None:
        """Others traded at this price: what the market shows there next is new, even at the same size."""
        if ticks in self._taken:
            self._printed.add(ticks)

    def offers(self, limit: int | None) -> list[tuple[int, int]]:
        """`(ticks, size still to take)` no worse than `limit` for the one who takes, best first."""
        prices = sorted(self._sizes, reverse=self._sign > 0)
        within = (t for t in prices if limit is None or (t - limit) * self._sign >= 0)
        free = ((t, self._sizes[t] - self._taken.get(t, 0)) for t in within)
        return [(t, size) for t, size in free if size > 0]

    def take(self, ticks: int, size: int) -> None:
        """Note that `size` of the level is used up."""
        self._taken[ticks] = self._taken.get(ticks, 0) + size

    def ahead_of(self, ticks: int) -> int | None:
        """Size that stands before a newcomer at `ticks`; None where the book does not show that deep."""
        size = self._sizes.get(ticks)
        if size is not None:
            return size
        if not self._sizes:
            return 0
        deepest = min(self._sizes) if self._sign > 0 else max(self._sizes)
        return None if (ticks - deepest) * self._sign < 0 else 0


class LocalBook:
    """Bids, asks and the last print of one contract, as of the last event applied."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.bids = Ladder(1)
        self.asks = Ladder(-1)
        self.last: TradeTick | None = None
        self.quoted_at = float("-inf")
        """When bids and asks were last told."""
        self._has_depth = False

    @property
    def is_touched(self) -> bool:
        """True while forgetting this book would let displayed size fill twice."""
        return self.bids.is_touched or self.asks.is_touched

    def apply(self, event: MarketEvent) -> None:
        """Bring the book up to one market event."""
        if isinstance(event, TradeTick):
            self.last = event
            ticks = self.contract.ticks(event.price)
            self.bids.note_print(ticks)
            self.asks.note_print(ticks)
        elif isinstance(event, QuoteTick):
            self._show_quote(event)
        else:
            self._show_depth(event)

    def against(self, action: str) -> Ladder:
        """The side an order of that action takes from."""
        return self.asks if action == BUY else self.bids

    def beside(self, action: str) -> Ladder:
        """The side an order of that action rests on."""
        return self.bids if action == BUY else self.asks

    def mark(self) -> float | None:
        """The last print held inside bid and ask; their middle without one; None where nothing is known."""
        bid, ask = self.bids.best, self.asks.best
        tick = self.contract.min_tick
        if self.last is None:
            return round((bid + ask) * tick / 2, 10) if bid is not None and ask is not None else None
        price = self.last.price
        if ask is not None:
            price = min(price, self.contract.price(ask))
        if bid is not None:
            price = max(price, self.contract.price(bid))
        return price

    def marked_at(self) -> float:
        """When the mark last had news; minus infinity where it has none."""
        return max(self.quoted_at, self.last.ts if self.last is not None else float("-inf"))

    def _show_quote(self, quote: QuoteTick) -> None:
        self.quoted_at = quote.ts
        for ladder, price, size in (
            (self.bids, quote.bid, quote.bid_size),
            (self.asks, quote.ask, quote.ask_size),
        ):
            ticks = self.contract.ticks(price)
            if self._has_depth:
                ladder.show_top(ticks, size)
            else:
                ladder.show([(ticks, size)])

    def _show_depth(self, depth: DepthTick) -> None:
        self.quoted_at = depth.ts
        self._has_depth = True
        self.bids.show((self.contract.ticks(price), size) for price, size in depth.bids)
        self.asks.show((self.contract.ticks(price), size) for price, size in depth.asks)


def limit_ticks(order: Order, contract: Contract) -> int | None:
    """The order's limit in ticks; None where it has none."""
    return None if order.limit is None else contract.ticks(order.limit)


def eat_queue(
    orders: Iterable[Order], *, contract: Contract, trade: TradeTick, room: Callable[[Order], int]
) -> Iterator[tuple[Order, int]]:
    """Which resting orders of one side a print fills, and by how much, best price and oldest first.

    A print beyond an order's limit fills it before anything worse; a print at the limit first eats what was
    displayed ahead of it. Never more than the print's size in all. A print that lifted the other side at our
    price says nothing about our queue.
    """
    ticks, left, eaten = contract.ticks(trade.price), trade.size, 0
    for order in orders:
        limit = limit_ticks(order, contract)
        if limit is None or (limit - ticks) * order.sign < 0:
            continue
        if limit == ticks:
            if order.ahead is None or trade.aggressor == order.sign:
                continue
            before = min(left, max(0, order.ahead - eaten))
            left -= before
            eaten += before
            order.ahead = max(0, order.ahead - eaten)
        else:
            order.ahead = 0
        size = min(room(order), left)
        if size > 0:
            left -= size
            yield order, size


def note_queue(order: Order, book: LocalBook) -> None:
    """Never let the queue before an order be longer than what its level now shows."""
    limit = limit_ticks(order, book.contract)
    if limit is None:
        return
    shown = book.beside(order.request.action).ahead_of(limit)
    if shown is not None:
        order.ahead = shown if order.ahead is None else min(order.ahead, shown)
