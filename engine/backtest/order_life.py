"""Takes the orders of a run through the ledger that trades: it must come to the same states and positions.

A run holds its orders itself, because it knows all there is to know about them. Live they go through the
ledger, which believes only what is proven. So that a backtest tests that, too, everything that happened to
orders is told to a live ledger afterwards, as a broker would tell it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import NamedTuple

from engine.backtest.series import NANOSECONDS
from engine.backtest.slot import Resting
from engine.domain.fill import Fill
from engine.domain.market import utc
from engine.domain.order import Order, OrderIntent
from engine.domain.position import Position, Trade
from engine.ledger.changes import Changes
from engine.ledger.events import (
    CancelRequested,
    Changed,
    Described,
    Executed,
    Registered,
    SendingMarked,
    Source,
    StatusClaimed,
)
from engine.ledger.ledger import Ledger, LedgerState


class Made(NamedTuple):
    """Orders that began together: one, or an entry with its stop."""

    orders: tuple[Resting, ...]


class Traded(NamedTuple):
    """An execution."""

    order: Resting
    fill: Fill


class Ended(NamedTuple):
    """What was left of an order was taken back."""

    order: Resting
    at_ns: int


class Altered(NamedTuple):
    """An order reads like this from here on."""

    order: Resting
    intent: OrderIntent


class DayBegan(NamedTuple):
    """A trading day began in the books."""


Happening = Made | Traded | Ended | Altered | DayBegan


class Life(NamedTuple):
    """What the live ledger made of it."""

    orders: int
    fills: int
    differences: tuple[str, ...]
    """A sentence for each order, trade and position that it sees otherwise."""


def through_the_ledger(
    happened: Iterable[Happening],
    described: Sequence[Described],
    *,
    trades: Sequence[Trade],
    positions: Sequence[Position],
) -> Life:
    """Everything that happened in a run, told to a ledger; `trades` and `positions` are what the run has."""
    told = _Telling(described)
    for one in happened:
        told.take(one)
    return Life(len(told.orders), told.fills, tuple(told.differences(trades, positions)))


class _Telling:
    """A ledger, and the broker's side of its talk."""

    def __init__(self, described: Sequence[Described]) -> None:
        self._ledger = Ledger(LedgerState(described=tuple(described)))
        self._numbers = count(1)
        self._ids: dict[str, int] = {}
        self._now: dict[str, Order] = {}
        self._trades: list[Trade] = []
        self.orders: list[Resting] = []
        self.fills = 0

    def take(self, one: Happening) -> None:
        """The next thing that happened."""
        match one:
            case Made(orders):
                self._begin(orders)
            case Traded(order, fill):
                self.fills += 1
                self._apply(self._ledger.apply(Executed(fill, self._ids[order.made.ref], fill.at)))
            case Ended(order, at_ns):
                at = utc(at_ns / NANOSECONDS)
                self._apply(self._ledger.apply(CancelRequested(order.made.ref, at)))
                self._apply(self._ledger.apply(self._says(order, "Cancelled")))
            case Altered(order, intent):
                self._apply(self._ledger.apply(Changed(intent, order.made.created_at)))
            case DayBegan():
                self._ledger.start_day()

    def _begin(self, orders: tuple[Resting, ...]) -> None:
        at = orders[0].made.created_at
        ids = tuple((order.made.ref, next(self._numbers)) for order in orders)
        self._ids.update(ids)
        self.orders += orders
        self._apply(self._ledger.apply(Registered(tuple(order.made for order in orders), at)))
        self._apply(self._ledger.apply(SendingMarked(ids, at)))
        for order in orders:
            status = "PreSubmitted" if order.made.parent_ref else "Submitted"
            self._apply(self._ledger.apply(self._says(order, status)))

    def _says(self, order: Resting, status: str) -> StatusClaimed:
        ref, known = order.made.ref, self._now.get(order.made.ref)
        number, filled = self._ids[ref], 0 if known is None else known.filled
        at = order.made.created_at
        return StatusClaimed(ref, number, number, status, filled, 0.0, Source.BROKER, at)

    def _apply(self, changes: Changes) -> None:
        for order in changes.orders:
            self._now[order.intent.ref] = order
        self._trades += [record.trade for record in changes.trades]

    def differences(self, trades: Sequence[Trade], positions: Sequence[Position]) -> Iterable[str]:
        """What came out another way than in the run."""
        for order in self.orders:
            ref, then = order.made.ref, self._now.get(order.made.ref)
            says = "nothing" if then is None else f"{then.state.value}, {then.filled} filled"
            if says != f"{order.status}, {order.filled} filled":
                yield f"order {ref}: {order.status}, {order.filled} filled; the ledger says {says}"
        if list(trades) != self._trades:
            yield f"{len(trades)} trades; the ledger has {len(self._trades)}, or others"
        held = {p.key: p for p in positions}
        kept = {p.key: p for p in self._ledger.positions.positions()}
        for key in sorted(held.keys() | kept.keys()):
            if held.get(key) != kept.get(key):
                yield f"{key}: position {held.get(key)}; the ledger has {kept.get(key)}"
