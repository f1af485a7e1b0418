"""The executor: carries out what the gate let through, and nothing else.

The order path is always the same (write-ahead): intent durable, marked as about to be sent, sent. A send
that the broker's queue proves never left is ABANDONED; one whose fate nobody knows stays counted and is
never sent again. Reducing a position cancels its stop first and waits for the proof, because a stop and
an exit that both fill would open a position the other way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial

from engine.broker.port import Broker, BrokerError, OrdersRefusedError
from engine.domain.instrument import Instrument, SecType
from engine.domain.order import (
    Order,
    OrderIntent,
    OrderState,
    OrderType,
    Proposal,
    Role,
    Side,
    Tif,
)
from engine.domain.price import Rounding, round_to_tick
from engine.domain.reasons import Reason
from engine.execution.books import Books, JournalDownError
from engine.execution.protection import (
    AddStop,
    CancelStop,
    ProtectionStep,
    ShrinkStop,
    plan_protection,
)
from engine.execution.refs import RefMaker
from engine.ledger.events import CancelRequested, Changed, FateUnknown
from engine.risk.gate import EntryTicket, clamp_exit


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """How orders are sent and how long their answers may take (real seconds)."""

    entry_tif: Tif = Tif.DAY
    stop_tif: Tif = Tif.GTC
    default_stop_pct: float = 2.0
    confirm_s: float = 3.0
    """How long a cancel may take to be confirmed before it counts as refused."""
    fill_s: float = 5.0
    """How long a closing market order may take before its rest is reported as still open."""


class CloseStatus(StrEnum):
    """How an attempt to close a position ended."""

    FLAT = "flat"
    NOTHING = "nothing"
    """There was no position."""
    NOT_FLAT = "not_flat"


@dataclass(frozen=True, slots=True)
class CloseResult:
    """What became of a close: `text` names what stayed and why; `ref` the order that closed."""

    key: str
    status: CloseStatus
    text: str
    ref: str = ""


class Executor:
    """Sends, cancels and closes. One act at a time per instrument."""

    def __init__(
        self,
        *,
        broker: Broker,
        books: Books,
        refs: RefMaker,
        now: Callable[[], datetime],
        may_enter: Callable[[str, str], Reason | None],
        settings: ExecutionSettings,
    ) -> None:
        self._broker = broker
        self._books = books
        self._refs = refs
        self._now = now
        self._may_enter = may_enter
        """Asked again right before and right after a send: a brake pulled meanwhile wins."""
        self._settings = settings
        self._locks: dict[str, asyncio.Lock] = {}
        self._leaving: dict[str, asyncio.Event] = {}
        """Orders handed to the broker's queue whose bytes may not be out yet."""

    def lock(self, key: str) -> asyncio.Lock:
        """The lock that keeps acts on one instrument apart."""
        return self._locks.setdefault(key, asyncio.Lock())

    # --- entries --------------------------------------------------------------------------------

    def entry_intents(
        self, proposal: Proposal, ticket: EntryTicket, instrument: Instrument
    ) -> tuple[OrderIntent, OrderIntent]:
        """The bracket of an entry: a limit that holds back its bytes until its stop follows."""
        entry = OrderIntent(
            ref=self._refs.new_ref(instrument.key, Role.ENTRY),
            strategy=proposal.strategy,
            key=instrument.key,
            con_id=instrument.con_id,
            role=Role.ENTRY,
            side=proposal.side,
            quantity=ticket.quantity,
            order_type=OrderType.LIMIT,
            tif=self._settings.entry_tif,
            created_at=self._now(),
            limit_price=ticket.limit_price,
            transmit=False,
            signal_id=proposal.signal_id,
            note=proposal.note,
        )
        stop = OrderIntent(
            ref=self._refs.new_ref(instrument.key, Role.STOP),
            strategy=proposal.strategy,
            key=instrument.key,
            con_id=instrument.con_id,
            role=Role.STOP,
            side=proposal.side.opposite,
            quantity=ticket.quantity,
            order_type=OrderType.STOP,
            tif=self._settings.stop_tif,
            created_at=self._now(),
            stop_price=ticket.stop_price,
            parent_ref=entry.ref,
            note="stop of the entry",
        )
        return entry, stop

    async def enter(self, intents: tuple[OrderIntent, OrderIntent], instrument: Instrument) -> bool:
        """Send an entry with its attached stop. True where its bytes went out."""
        entry, stop = intents
        refs = (entry.ref, stop.ref)
        ids = (self._broker.next_order_id(), self._broker.next_order_id())
        orders, parent_ids = tuple(zip(intents, ids, strict=True)), (0, ids[0])
        # While the intents are being stored the loop has nothing better to do.
        prepare = partial(self._broker.prepare, orders, instrument, parent_ids=parent_ids)
        asyncio.get_running_loop().call_soon(prepare)
        try:
            await self._books.register(intents)
            await self._books.mark_sending(tuple(zip(refs, ids, strict=True)))
        except JournalDownError:
            await self._books.never_sent(refs, Reason.STORE_DOWN.value)
            return False
        blocked = self._may_enter(entry.strategy, entry.key)
        if blocked is not None:
            await self._books.never_sent(refs, blocked.value)
            return False
        if not await self._send(orders, instrument, parent_ids=parent_ids):
            return False
        if self._may_enter(entry.strategy, entry.key) is not None:
            await self.cancel(entry.ref)
        return True

    async def _send(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> bool:
        refs = tuple(intent.ref for intent, _ in orders)
        out = asyncio.Event()
        self._leaving.update(dict.fromkeys(refs, out))
        try:
            await self._broker.place(orders, instrument, parent_ids=parent_ids)
        except OrdersRefusedError as err:
            await self._books.never_sent(refs, f"{Reason.READ_ONLY.value}: {err}")
            return False
        except BrokerError as err:
            # The port's promise: BrokerError from place() means that nothing was sent.
            await self._books.never_sent(refs, f"{Reason.LINK_DOWN.value}: {err}")
            return False
        except Exception as err:
            # Anything else promises nothing: bytes may be out. Parked, counted, never sent again.
            why = f"sending failed inside the adapter: {type(err).__name__}: {err}"
            await self._books.post(*(FateUnknown(ref, why, self._now()) for ref in refs))
            raise
        finally:
            for ref in refs:
                del self._leaving[ref]
            out.set()
        return True

    # --- cancels --------------------------------------------------------------------------------

    async def cancel(self, ref: str) -> bool:
        """Ask for a cancel and wait for the proof. True where the order is done (also by a fill)."""
        if not await self._is_out(ref):
            return False
        order = self._books.order(ref)
        if order is None or order.state.is_done:
            return True
        await self._ask_cancel(order)
        return await self._books.watch.until(lambda: self._is_done(ref), timeout_s=self._settings.confirm_s)

    async def _is_out(self, ref: str) -> bool:
        """Wait until an order has left our queue: a cancel that overtakes its order cancels nothing."""
        leaving = self._leaving.get(ref)
        if leaving is None:
            return True
        try:
            async with asyncio.timeout(self._settings.confirm_s):
                await leaving.wait()
        except TimeoutError:
            return False
        return True

    async def cancel_surfaced(self, ref: str) -> None:
        """Cancel an order that our books call done and the broker calls working: it surfaced late."""
        order = self._books.order(ref)
        if order is not None:
            await self._ask_cancel(order)

    async def _ask_cancel(self, order: Order) -> None:
        try:
            await self._broker.cancel(order)
        except BrokerError:
            return  # the caller sees that it is not confirmed; the next pass asks again
        after = self._books.order(order.intent.ref)
        # The answer may have been faster than this line; and having asked settles no unknown fate.
        if after is not None and not after.state.is_done and after.state is not OrderState.UNKNOWN:
            await self._books.post(CancelRequested(order.intent.ref, self._now()))

    async def cancel_all(self, refs: tuple[str, ...]) -> tuple[str, ...]:
        """Cancel many at once; returns the refs whose end could not be proven in time."""
        proven = await asyncio.gather(*(self.cancel(ref) for ref in refs))
        return tuple(ref for ref, done in zip(refs, proven, strict=True) if not done)

    def _is_done(self, ref: str) -> bool:
        order = self._books.order(ref)
        return order is None or order.state.is_done

    # --- exits ----------------------------------------------------------------------------------

    async def close(
        self, key: str, instrument: Instrument, *, role: Role, reason: Reason, quantity: int | None = None
    ) -> CloseResult:
        """Close a position at market: entries and stops cancelled and proven gone first, then the exit.

        Whatever cannot be closed keeps (or gets back) its stop: the protection pass sees to it as soon
        as no exit is out any more.
        """
        async with self.lock(key):
            if self._books.quantity(key) == 0 and not self._books.open_orders(key):
                return CloseResult(key, CloseStatus.NOTHING, f"{key}: no position")
            if not _is_open(instrument, self._now()):
                return CloseResult(key, CloseStatus.NOT_FLAT, f"{key}: its market is shut; the stops stay")
            left = await self.cancel_all(tuple(o.intent.ref for o in self._books.open_orders(key)))
            if left:
                text = (
                    f"{key}: cancel not confirmed for {', '.join(left)}; not closed, so that nothing doubles"
                )
                return CloseResult(key, CloseStatus.NOT_FLAT, text)
            return await self._close_rest(key, instrument, role=role, reason=reason, quantity=quantity)

    async def _close_rest(
        self, key: str, instrument: Instrument, *, role: Role, reason: Reason, quantity: int | None
    ) -> CloseResult:
        position = self._books.position(key)
        if position is None:
            return CloseResult(key, CloseStatus.FLAT, f"{key}: flat, its stop or exit had filled")
        side = Side.SELL if position.quantity > 0 else Side.BUY
        intent = OrderIntent(
            ref=self._refs.new_ref(key, role),
            strategy=position.owner,
            key=key,
            con_id=position.con_id,
            role=role,
            side=side,
            quantity=clamp_exit(position=position.quantity, side=side, wanted=quantity),
            order_type=OrderType.MARKET,
            tif=Tif.DAY,
            created_at=self._now(),
            note=reason.value,
        )
        if not await self._send_reducing(intent, instrument):
            return CloseResult(key, CloseStatus.NOT_FLAT, f"{key}: the exit could not be sent", intent.ref)
        await self._books.watch.until(lambda: self._is_done(intent.ref), timeout_s=self._settings.fill_s)
        return self._close_result(key, intent.ref, wanted=quantity)

    def _close_result(self, key: str, ref: str, *, wanted: int | None) -> CloseResult:
        order = self._books.order(ref)
        left = self._books.quantity(key)
        said = f" ({order.message})" if order is not None and order.message else ""
        if left == 0 or (wanted is not None and order is not None and order.state is OrderState.FILLED):
            return CloseResult(key, CloseStatus.FLAT, f"{key}: closed by {ref}", ref)
        state = "unknown" if order is None else order.state.value
        return CloseResult(key, CloseStatus.NOT_FLAT, f"{key}: {left} left, exit {ref} is {state}{said}", ref)

    async def _send_reducing(self, intent: OrderIntent, instrument: Instrument) -> bool:
        """Exits go out even where the store cannot write: their records wait in memory."""
        await self._books.register((intent,), reducing=True)
        order_id = self._broker.next_order_id()
        await self._books.mark_sending(((intent.ref, order_id),), reducing=True)
        return await self._send(((intent, order_id),), instrument, parent_ids=(0,))

    # --- protection -----------------------------------------------------------------------------

    def protection_steps(self, key: str) -> tuple[ProtectionStep, ...]:
        """What the stops of `key` need as the books stand now."""
        return plan_protection(key, position=self._books.quantity(key), orders=self._books.open_orders(key))

    async def protect(self, key: str, instrument: Instrument) -> bool:
        """Bring the stops of `key` in line with its position. False where they still are not.

        Planned anew once the instrument is ours alone: a plan made before would stand on orders that an
        exit has cancelled meanwhile, and cover them twice.
        """
        async with self.lock(key):
            for step in self.protection_steps(key):
                await self._carry_out(step, instrument)
            return not self.protection_steps(key)

    async def _carry_out(self, step: ProtectionStep, instrument: Instrument) -> None:
        match step:
            case AddStop():
                await self._add_stop(step, instrument)
            case ShrinkStop():
                await self._resize(step.order, step.quantity, instrument)
            case CancelStop():
                await self.cancel(step.order.intent.ref)

    async def _add_stop(self, step: AddStop, instrument: Instrument) -> None:
        position = self._books.position(step.key)
        if position is None:
            return
        price = position.initial_stop
        if price is None:
            away = 1 - self._settings.default_stop_pct / 100 * (1 if position.quantity > 0 else -1)
            price = float(position.avg_price) * away
        rounding = Rounding.DOWN if step.side is Side.SELL else Rounding.UP
        stop = OrderIntent(
            ref=self._refs.new_ref(step.key, Role.STOP),
            strategy=position.owner,
            key=step.key,
            con_id=position.con_id,
            role=Role.STOP,
            side=step.side,
            quantity=step.quantity,
            order_type=OrderType.STOP,
            tif=self._settings.stop_tif,
            created_at=self._now(),
            stop_price=round_to_tick(instrument, price, rounding),
            note="stop for what was uncovered",
        )
        await self._send_reducing(stop, instrument)

    async def _resize(self, order: Order, quantity: int, instrument: Instrument) -> None:
        changed = replace(order.intent, quantity=quantity)
        try:
            await self._broker.modify(order, changed, instrument)
        except BrokerError:
            return  # the next pass plans it again
        await self._books.post(Changed(changed, self._now()))


def _is_open(instrument: Instrument, at: datetime) -> bool:
    """Whether a market order can fill now: stocks in their regular session, futures around the clock."""
    if instrument.sec_type is SecType.FUTURE:
        return instrument.trading_session(at) is not None
    return instrument.liquid_session(at) is not None
