"""What becomes of orders in a run: the live ledger is told, cash moves, the rows of the result are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from engine.backtest.account import Account
from engine.backtest.costs import ZERO
from engine.backtest.result import DecisionRow, FillRow, OrderRow
from engine.backtest.setting import BacktestConfig
from engine.backtest.slot import Resting, Slot
from engine.domain.fill import Fill
from engine.domain.order import OrderIntent, OrderState, OrderType
from engine.domain.position import Position, Trade
from engine.ledger.events import Changed, Described, Executed, Registered, Source, StatusClaimed
from engine.ledger.ledger import Ledger
from engine.risk.exposure import Commitments, Holding, commitments
from engine.risk.pace import RecentOrders

_LIMIT, _STOP_LIMIT = OrderType.LIMIT, OrderType.STOP_LIMIT


class When(NamedTuple):
    """When something traded."""

    at: datetime
    at_ns: int
    moment_ns: int
    """End of the bar in which it did: from then on it counts in the curve of equity."""


@dataclass(slots=True)
class _Ended:
    """How an order ended; missing for one that works still."""

    status: str
    at_ns: int
    reason: str


class Book:
    """Orders and positions of a run, by the ledger; its answers are what gate and strategies see."""

    def __init__(self, config: BacktestConfig, account: Account, slots: Sequence[Slot]) -> None:
        self.ledger = Ledger()
        self.recent = RecentOrders()
        self.fills: list[FillRow] = []
        self.decisions: list[DecisionRow] = []
        self.trades: list[Trade] = []
        self.steps: list[tuple[int, int, int, Decimal]] = []
        """End of the bar (ns), slot, signed quantity, flow of cash: of every fill, for the curve."""
        self._config, self._account = config, account
        self._made: dict[str, tuple[OrderIntent, int]] = {}
        self._ended: dict[str, _Ended] = {}
        self._filled: dict[str, int] = {}
        self._numbers = count(1)
        self._committed: Commitments | None = None
        for slot in slots:
            self.ledger.apply(_described(slot))

    # --- what others read -----------------------------------------------------------------------

    def position(self, key: str) -> Position | None:
        """What is held of an instrument."""
        return self.ledger.positions.position(key)

    def commitments(self) -> Commitments:
        """What positions and orders can come to; summed anew after a change only."""
        if self._committed is None:
            held = tuple(Holding(s.key, s.quantity) for s in self._account.held.values())
            self._committed = commitments(held, self.ledger.orders.live())
        return self._committed

    # --- what happens ---------------------------------------------------------------------------

    def register(self, intents: tuple[OrderIntent, ...], *, at: datetime, at_ns: int) -> None:
        """Orders exist from now on."""
        self._committed = None
        for order in self.ledger.apply(Registered(intents, at)).orders:
            self.recent.note(order)
            self._made[order.intent.ref] = order.intent, at_ns

    def fill(
        self, slot: Slot, order: Resting, quantity: int, price: float, when: When, *, volume: int
    ) -> None:
        """`quantity` of an order trades at `price`, which slips where the order takes what there is."""
        intent, sign = order.intent, order.terms.sign
        found = Decimal(repr(price))
        slip = ZERO
        if intent.order_type is not _LIMIT and intent.order_type is not _STOP_LIMIT:
            slip = self._config.costs.slippage.of(found, quantity=quantity, volume=volume)
        paid = found + sign * slip
        fee = self._charged(slot, order, quantity, paid)
        exec_id = f"bt-{next(self._numbers):09d}"
        self._tell_ledger(exec_id, slot, intent, quantity, paid, fee, when.at)
        flow = self._account.book(slot, quantity * sign, paid, fee)
        self.steps.append((when.moment_ns, slot.index, quantity * sign, flow))
        slipped = slip * quantity * slot.exact_multiplier
        key, side = slot.key, intent.side.value
        self.fills.append(
            FillRow(exec_id, intent.ref, when.at_ns, key, intent.strategy, side, quantity, paid, fee, slipped)
        )
        self._filled[intent.ref] = order.filled
        if not order.left:
            self._ended[intent.ref] = _Ended("filled", when.at_ns, _close_reason(intent))

    def _charged(self, slot: Slot, order: Resting, quantity: int, paid: Decimal) -> Decimal:
        """What this fill adds to the commission of its order."""
        order.filled += quantity
        order.left -= quantity
        order.notional += float(paid) * quantity
        average = order.notional / order.filled
        due = self._config.costs.commission_usd(slot.instrument, quantity=order.filled, price=average)
        fee, order.charged_usd = due - order.charged_usd, due
        return fee

    def _tell_ledger(
        self,
        exec_id: str,
        slot: Slot,
        intent: OrderIntent,
        quantity: int,
        paid: Decimal,
        fee: Decimal,
        at: datetime,
    ) -> None:
        fill = Fill(
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
            intent.role.value,
            fee,
        )
        self._committed = None
        changes = self.ledger.apply(Executed(fill, 0, at))
        for known in changes.orders:
            self.recent.note(known)
        self.trades.extend([record.trade for record in changes.trades])

    def cancel(self, order: Resting, reason: str, *, at: datetime, at_ns: int) -> None:
        """What is left of an order is taken back."""
        self._committed = None
        ref = order.intent.ref
        self.ledger.apply(StatusClaimed(ref, 0, 0, "Cancelled", order.filled, 0.0, Source.BROKER, at))
        self._ended[ref] = _Ended("cancelled", at_ns, reason)

    def change(self, order: Resting, intent: OrderIntent, *, at: datetime) -> None:
        """An order has another price or quantity from now on."""
        self._committed = None
        order.intent = intent
        self.ledger.apply(Changed(intent, at))

    def start_day(self) -> None:
        """A trading day begins."""
        self.ledger.start_day()
        self._committed = None

    # --- the rows -------------------------------------------------------------------------------

    def order_rows(self) -> tuple[OrderRow, ...]:
        """Every order in the order of its making."""
        return tuple(self._row(ref, intent, at_ns) for ref, (intent, at_ns) in self._made.items())

    def _row(self, ref: str, made: OrderIntent, at_ns: int) -> OrderRow:
        ended = self._ended.get(ref)
        return OrderRow(
            order_ref=ref,
            at_ns=at_ns,
            key=made.key,
            strategy=made.strategy,
            role=made.role.value,
            side=made.side.value,
            order_type=made.order_type.value,
            quantity=made.quantity,
            limit_price=made.limit_price,
            stop_price=made.stop_price,
            status=OrderState.WORKING.value if ended is None else ended.status,
            filled=self._filled.get(ref, 0),
            ended_ns=None if ended is None else ended.at_ns,
            reason="" if ended is None else ended.reason,
        )


def _close_reason(intent: OrderIntent) -> str:
    return intent.reason or ("" if intent.role.adds_risk else intent.role.value)


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
