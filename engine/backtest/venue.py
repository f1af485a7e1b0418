"""The exchange of a run: the orders that rest in each instrument, played against its bars.

The pessimistic rule, where a bar leaves open what came first: markets and stops go before limits, so that of
a stop and a target inside one bar it is the stop that fills. What was activated inside a bar can be stopped
out in that bar; a target of it waits for the next.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from engine.backtest.book import Book
from engine.backtest.matching import NOTHING, Answer, at_open, inside
from engine.backtest.series import NANOSECONDS
from engine.backtest.setting import BacktestConfig
from engine.backtest.slot import Resting, Slot
from engine.domain.market import Bar
from engine.domain.order import OrderType, Tif
from engine.domain.reasons import Reason
from engine.market.bars import DAY_SECONDS

_LIMITS: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})


class Venue:
    """Fills what can be filled and says so to the book."""

    def __init__(self, config: BacktestConfig, book: Book) -> None:
        self._book = book
        self._intrabar = config.intrabar
        self._cap = config.volume_cap_pct / 100.0

    # --- orders ---------------------------------------------------------------------------------

    def place(self, slot: Slot, *orders: Resting) -> None:
        """Orders begin to rest; the next bar is the first they can fill in."""
        slot.orders.extend(orders)
        slot.rearm()

    def cancel(self, slot: Slot, orders: list[Resting], reason: str, *, at_ns: int) -> None:
        """Take orders back; those that waited for them go with them."""
        for order in [o for o in slot.orders if o in orders or o.parent in orders]:
            slot.orders.remove(order)
            self._book.cancel(slot, order, reason, at_ns=at_ns)
        slot.rearm()

    def end_session(self, slot: Slot, *, at_ns: int) -> None:
        """The session is over: day orders end, what protects a position stays."""
        day = [o for o in slot.orders if o.intent.tif is Tif.DAY]
        if day:
            self.cancel(slot, day, Reason.UNFILLED.value, at_ns=at_ns)

    # --- bars -----------------------------------------------------------------------------------

    def play(self, slot: Slot, bar: Bar, end_ns: int) -> None:
        """Play one bar of an instrument: its open first, then what lay inside."""
        room = int(bar.volume * self._cap) if self._cap else None
        for order in slot.orders:
            order.born_inside = False
        room = self._sweep(slot, bar, room, end_ns=end_ns, is_inside=False)
        slot.rearm()
        if bar.low <= slot.below or bar.high >= slot.above:
            self._sweep(slot, bar, room, end_ns=end_ns, is_inside=True)
            slot.rearm()

    def _sweep(self, slot: Slot, bar: Bar, room: int | None, *, end_ns: int, is_inside: bool) -> int | None:
        """Fill one order after the other until no more can; the answer is what is left of `room`."""
        while True:
            found = self._next(slot, bar, room, is_inside=is_inside)
            if found is None:
                return room
            order, price, quantity = found
            at, at_ns = (bar.end, end_ns) if is_inside else _open_of(slot, bar, end_ns)
            if not is_inside:
                slot.last = bar.open
            self._book.fill(slot, order, quantity, price, (at, at_ns, end_ns), volume=bar.volume)
            if room is not None:
                room -= quantity
            self._follow(slot, order, at_ns=at_ns, is_inside=is_inside)
            if not slot.orders:
                return room

    def _next(
        self, slot: Slot, bar: Bar, room: int | None, *, is_inside: bool
    ) -> tuple[Resting, float, int] | None:
        """The order that fills next, with its price and quantity."""
        ready = [order for order in slot.orders if order.parent is None]
        # They rest in the order of their arrival, which is their rank where none is a limit.
        if len(ready) > 1 and [order for order in ready if order.terms.limit is not None]:
            ready.sort(key=_rank)
        for order in ready:
            answer = self._inside(order, bar) if is_inside else at_open(order.terms, bar.open)
            if answer.triggered and not order.terms.triggered:
                order.terms = order.terms._replace(triggered=True)
            if answer.price is None:
                continue
            quantity = _fillable(slot, order, room)
            if quantity > 0:
                return order, answer.price, quantity
        return None

    def _inside(self, order: Resting, bar: Bar) -> Answer:
        terms = order.terms
        if order.born_inside and terms.kind in _LIMITS:
            return NOTHING
        answer = inside(terms, bar.high, bar.low)
        # Without trust in highs and lows a bar only tells that a stop was reached.
        return answer if self._intrabar else Answer(None, answer.triggered)

    def _follow(self, slot: Slot, order: Resting, *, at_ns: int, is_inside: bool) -> None:
        """What a fill does to the orders around it."""
        if not order.left:
            slot.orders.remove(order)
        if order.adds_risk:
            for child in slot.orders:
                if child.parent is order:
                    child.parent, child.born_inside = None, is_inside
        elif not slot.quantity and slot.orders:
            # Nothing is left to close or to add to: whatever still rests could open the other side.
            why = order.intent.reason or order.intent.role.value
            self.cancel(slot, list(slot.orders), why, at_ns=at_ns)


def _rank(order: Resting) -> tuple[bool, int]:
    terms = order.terms
    return terms.kind is OrderType.LIMIT or (
        terms.kind is OrderType.STOP_LIMIT and terms.triggered
    ), order.seq


def _fillable(slot: Slot, order: Resting, room: int | None) -> int:
    """Units that can trade: what reduces never trades more than is held."""
    quantity = order.left
    if not order.adds_risk:
        held = -slot.quantity * order.terms.sign
        quantity = min(quantity, held) if held > 0 else 0
    return quantity if room is None else min(quantity, room)


def _open_of(slot: Slot, bar: Bar, end_ns: int) -> tuple[datetime, int]:
    """When a bar opened; one of a session opened with that session."""
    if bar.seconds < DAY_SECONDS:
        return bar.end - slot.length, end_ns - bar.seconds * NANOSECONDS
    opened = slot.sessions[slot.session].open
    return opened, int(opened.timestamp()) * NANOSECONDS
