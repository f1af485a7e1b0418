"""What becomes of orders in a run: the live ledger books, cash moves, the rows of the result are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import count
from typing import TypeAlias

from engine.backtest.account import Account
from engine.backtest.committed import Committed
from engine.backtest.costs import ZERO
from engine.backtest.order_life import (
    Altered,
    DayBegan,
    Ended,
    Happening,
    Life,
    Made,
    Traded,
    through_the_ledger,
)
from engine.backtest.result import DecisionRow, FillRow, OrderRow
from engine.backtest.setting import BacktestConfig
from engine.backtest.slot import Resting, Slot
from engine.domain.fill import Fill
from engine.domain.order import OrderIntent, OrderState, OrderType
from engine.domain.position import Position, Trade
from engine.domain.quick import maker
from engine.ledger.changes import BookedFill
from engine.ledger.events import Described
from engine.ledger.ledger import CLOSE_REASONS
from engine.ledger.positions import PositionManager
from engine.risk.exposure import Commitments
from engine.risk.pace import RecentOrders

_LIMIT, _STOP_LIMIT = OrderType.LIMIT, OrderType.STOP_LIMIT
_FILLED, _CANCELLED = OrderState.FILLED.value, OrderState.CANCELLED.value
_make_fill, _make_booked = maker(Fill), maker(BookedFill)


When: TypeAlias = tuple[datetime, int, int]
"""When something traded, the same in nanoseconds, and the end of the bar in which it did: from then on it
counts in the curve of equity."""


class Book:
    """Positions by the live ledger's own holder of them; its answers are what gate and strategies see.

    Of orders the exchange of the run knows all there is to know, so nothing about them has to be proven.
    """

    def __init__(self, config: BacktestConfig, account: Account, slots: Sequence[Slot]) -> None:
        self._described = [_described(slot) for slot in slots]
        self.positions = PositionManager(described=self._described)
        self.recent = RecentOrders()
        self.fills: list[FillRow] = []
        self.decisions: list[DecisionRow] = []
        self.trades: list[Trade] = []
        self.steps: list[tuple[int, int, int, float]] = []
        """End of the bar (ns), slot, signed quantity, cash afterwards: of every fill, for the curve."""
        self._config, self._account = config, account
        self._orders: list[Resting | OrderRow] = []
        """In the order of their making; one that has ended is its row at once, while all of it is at hand."""
        self._numbers = count(1)
        self._committed = Committed()
        self._happened: list[Happening] | None = [] if config.checks_orders else None
        """Everything about orders, where the live ledger is to be told of it."""

    # --- what others read -----------------------------------------------------------------------

    def position(self, key: str) -> Position | None:
        """What is held of an instrument."""
        return self.positions.position(key)

    def commitments(self) -> Commitments:
        """What positions and orders can come to; good until the next thing happens."""
        return self._committed.now()

    # --- what happens ---------------------------------------------------------------------------

    def register(self, slot: Slot, *orders: Resting) -> None:
        """Orders exist from now on."""
        self._committed.touch(slot)
        if self._happened is not None:
            self._happened.append(Made(orders))
        for order in orders:
            order.place = len(self._orders)
            self._orders.append(order)
            self.recent.made(order.intent)

    def fill(
        self, slot: Slot, order: Resting, quantity: int, price: float, when: When, *, volume: int
    ) -> None:
        """`quantity` of an order trades at `price`, which slips where the order takes what there is."""
        intent, sign, (at, at_ns, moment_ns) = order.intent, order.terms.sign, when
        found = Decimal(repr(price))
        slip = ZERO
        if intent.order_type is not _LIMIT and intent.order_type is not _STOP_LIMIT:
            slip = self._config.costs.slippage.of(found, quantity=quantity, volume=volume)
        paid = found + sign * slip if slip else found
        fee = self._charged(slot, order, quantity, float(paid) if slip else price)
        exec_id = f"bt-{next(self._numbers):09d}"
        self._book(exec_id, slot, order, quantity, paid, fee, at)
        cash_usd = self._account.book(slot, quantity * sign, paid, fee)
        self.steps.append((moment_ns, slot.index, quantity * sign, cash_usd))
        slipped = slip * quantity * slot.exact_multiplier if slip else ZERO
        key, side = slot.key, str(intent.side)
        row = (exec_id, intent.ref, at_ns, key, intent.strategy, side, quantity, paid, fee, slipped)
        self.fills.append(tuple.__new__(FillRow, row))
        self._committed.touch(slot)
        self.recent.filled(intent)
        if not order.left:
            self._end(order, _FILLED, at_ns, _close_reason(intent))

    def _charged(self, slot: Slot, order: Resting, quantity: int, paid: float) -> Decimal:
        """What this fill adds to the commission of its order."""
        order.filled += quantity
        order.left -= quantity
        order.notional += paid * quantity
        average = order.notional / order.filled
        due = self._config.costs.commission_usd(slot.instrument, quantity=order.filled, price=average)
        fee, order.charged_usd = due - order.charged_usd, due
        return fee

    def _book(
        self,
        exec_id: str,
        slot: Slot,
        order: Resting,
        quantity: int,
        paid: Decimal,
        fee: Decimal,
        at: datetime,
    ) -> None:
        intent = order.intent
        fill = _make_fill(
            exec_id,
            intent.ref,
            0,
            slot.key,
            intent.con_id,
            intent.side,
            quantity,
            paid,
            at,
            intent.strategy,
            str(intent.role),
            fee,
        )
        if self._happened is not None:
            self._happened.append(Traded(order, fill))
        reason = intent.reason or str(CLOSE_REASONS[intent.role])
        for record in self.positions.settle(_make_booked(fill, reason, order.protect, intent.plan)):
            self.trades.append(record.trade)

    def cancel(self, slot: Slot, order: Resting, reason: str, *, at_ns: int) -> None:
        """What is left of an order is taken back."""
        self._committed.touch(slot)
        self._end(order, _CANCELLED, at_ns, reason)
        if self._happened is not None:
            self._happened.append(Ended(order, at_ns))

    def change(self, slot: Slot, order: Resting, intent: OrderIntent) -> None:
        """An order has another price or quantity from now on."""
        self._committed.touch(slot)
        order.intent = intent
        if self._happened is not None:
            self._happened.append(Altered(order, intent))

    def start_day(self) -> None:
        """A trading day begins."""
        self.positions.start_day()
        if self._happened is not None:
            self._happened.append(DayBegan())

    def life(self) -> Callable[[], Life] | None:
        """The same through the live ledger, once it is asked; None where that is not wanted."""
        if self._happened is None:
            return None
        held = self.positions.positions()
        return partial(
            through_the_ledger, self._happened, self._described, trades=self.trades, positions=held
        )

    # --- the rows -------------------------------------------------------------------------------

    def order_rows(self) -> tuple[OrderRow, ...]:
        """Every order in the order of its making."""
        return tuple([one if isinstance(one, OrderRow) else _row(one) for one in self._orders])

    def _end(self, order: Resting, status: str, at_ns: int, reason: str) -> None:
        order.status, order.ended_ns, order.reason = status, at_ns, reason
        self._orders[order.place] = _row(order)


# `str` of a word of ours is its value, and far quicker than asking for it.


def _row(order: Resting) -> OrderRow:
    # As it was made: a stop that was moved since is another matter.
    made = order.made
    row = (
        made.ref,
        order.at_ns,
        made.key,
        made.strategy,
        str(made.role),
        str(made.side),
        str(made.order_type),
        made.quantity,
        made.limit_price,
        made.stop_price,
        order.status,
        order.filled,
        order.ended_ns,
        order.reason,
    )
    return tuple.__new__(OrderRow, row)


def _close_reason(intent: OrderIntent) -> str:
    return intent.reason or ("" if intent.role.adds_risk else str(intent.role))


def _described(slot: Slot) -> Described:
    instrument = slot.instrument
    return Described(
        instrument.key,
        instrument.con_id,
        slot.exact_multiplier,
        instrument.sec_type.value,
        instrument.symbol,
        instrument.exchange,
        instrument.currency,
        "" if instrument.last_trade_date is None else instrument.last_trade_date.isoformat(),
    )
