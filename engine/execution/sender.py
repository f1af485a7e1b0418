"""The write-ahead way to the broker: durable, marked, sent. Cancels and changes count only when proven."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from engine.broker.port import Broker, BrokerError, OrdersRefusedError
from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderIntent, OrderState, Role
from engine.domain.preview import Preview
from engine.domain.reasons import Reason
from engine.execution.books import Books
from engine.ledger.events import CancelRequested, FateUnknown
from engine.risk.order_check import check_approved

AT_WORK = frozenset({"PreSubmitted", "Submitted", "PendingSubmit", "ApiPending"})


class Expect(Protocol):
    """Says what an order will cost."""

    def __call__(self, instrument: Instrument, *, role: Role, quantity: int, price: float | None) -> Preview:
        """`price` is its limit or stop; None at market."""
        ...


class Leaving:
    """The time between an order's registration and its bytes, as a context."""

    __slots__ = ("_all", "_out", "_refs")

    def __init__(self, all_: dict[str, Leaving], refs: tuple[str, ...]) -> None:
        self._all, self._refs = all_, refs
        self._out: asyncio.Event | None = None
        """Made by the first who waits: next to none do, and each order would pay for it."""

    def __enter__(self) -> None:
        for ref in self._refs:
            self._all[ref] = self

    def __exit__(self, *_: object) -> None:
        for ref in self._refs:
            del self._all[ref]
        if self._out is not None:
            self._out.set()

    async def wait(self) -> None:
        """Return at the end of it. Only while it lasts: nobody ends it a second time."""
        if self._out is None:
            self._out = asyncio.Event()
        await self._out.wait()


class Sender:
    """Sends, cancels and changes single orders. Knows no rule about which."""

    def __init__(
        self,
        *,
        broker: Broker,
        books: Books,
        now: Callable[[], datetime],
        preview: Expect,
        confirm_s: float,
    ) -> None:
        self._broker = broker
        self._books = books
        self._now = now
        self._preview = preview
        self._confirm_s = confirm_s
        """Real seconds an answer may take before what was asked counts as refused."""
        self._leaving: dict[str, Leaving] = {}
        """Orders being stored or waiting in the broker's queue: their bytes are not out yet."""

    # --- out ------------------------------------------------------------------------------------

    def next_order_id(self) -> int:
        """Reserve an order id."""
        return self._broker.next_order_id()

    def previewed(self, intent: OrderIntent, instrument: Instrument) -> OrderIntent:
        """The same order with what it is expected to cost, for its record."""
        price = intent.limit_price if intent.limit_price is not None else intent.stop_price
        cost = self._preview(instrument, role=intent.role, quantity=intent.quantity, price=price)
        return replace(intent, preview=cost)

    def prepare(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> None:
        """Let the broker build the bytes ahead of `send`; nothing leaves."""
        self._broker.prepare(orders, instrument, parent_ids=parent_ids)

    async def send(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> bool:
        """Send orders that are durable and marked. False where it is proven that nothing went out.

        The one line to the broker: what adds risk passes here only as the gate approved it.
        """
        for intent, _ in orders:
            # What reduces risk needs nobody's leave: its record is not even looked up.
            stored = self._books.order(intent.ref) if intent.role.adds_risk else None
            refusal = check_approved(intent, stored)
            if refusal is not None:
                return await self._never_sent(orders, f"{refusal.reason.value}: {refusal.text}")
        try:
            await self._broker.place(orders, instrument, parent_ids=parent_ids)
        except OrdersRefusedError as err:
            return await self._never_sent(orders, f"{Reason.READ_ONLY.value}: {err}")
        except BrokerError as err:
            # The port's promise: BrokerError from place() means that nothing was sent.
            return await self._never_sent(orders, f"{Reason.LINK_DOWN.value}: {err}")
        except Exception as err:
            # Anything else promises nothing: bytes may be out. Parked, counted, never sent again.
            why = f"sending failed inside the adapter: {type(err).__name__}: {err}"
            await self._books.post(*(FateUnknown(intent.ref, why, self._now()) for intent, _ in orders))
            raise
        return True

    async def _never_sent(self, orders: tuple[tuple[OrderIntent, int], ...], why: str) -> bool:
        """Write down that nothing of them went out; False, as `send` answers then."""
        await self._books.never_sent((intent.ref for intent, _ in orders), why)
        return False

    def leaving(self, refs: tuple[str, ...]) -> Leaving:
        """From before an order is registered until its bytes are out or proven never to go.

        A cancel waits for the end of this: one that overtakes its order cancels nothing.
        """
        return Leaving(self._leaving, refs)

    async def send_reducing(self, intent: OrderIntent, instrument: Instrument) -> bool:
        """Exits and stops go out even where the store cannot write: their records wait in memory.

        Raises ValueError for an order that adds risk: that has to come by the gate.
        """
        if intent.role.adds_risk:
            raise ValueError(f"{intent.ref} adds risk and cannot be sent as if it reduced it")
        intent = self.previewed(intent, instrument)
        with self.leaving((intent.ref,)):
            await self._books.register((intent,), reducing=True)
            order_id = self._broker.next_order_id()
            await self._books.mark_sending(((intent.ref, order_id),), reducing=True)
            return await self.send(((intent, order_id),), instrument, parent_ids=(0,))

    # --- cancels --------------------------------------------------------------------------------

    async def cancel(self, ref: str) -> bool:
        """Ask for a cancel and wait for the proof. True where the order is done (also by a fill)."""
        if not await self._is_out(ref):
            return False
        order = self._books.order(ref)
        if order is None or order.state.is_done:
            return True
        await self._ask_cancel(order)
        return await self._books.watch.until(lambda: self._is_settled(ref), timeout_s=self._confirm_s)

    async def cancel_all(self, refs: tuple[str, ...]) -> tuple[str, ...]:
        """Cancel many at once; returns the refs whose end could not be proven in time."""
        proven = await asyncio.gather(*(self.cancel(ref) for ref in refs))
        return tuple(ref for ref, done in zip(refs, proven, strict=True) if not done)

    async def cancel_surfaced(self, ref: str) -> None:
        """Cancel an order that our books call done and the broker calls working: it surfaced late."""
        order = self._books.order(ref)
        if order is not None:
            await self._ask_cancel(order)

    async def cancel_extra(self, ref: str) -> None:
        """Cancel what the broker holds under one of our references beside the order itself."""
        order = self._books.order(ref)
        if order is None:
            return
        for extra in self._books.ledger.orders.extras(ref):
            # Under the same number a cancel could hit either: then only people can tell them apart.
            if extra.order_id != order.order_id and extra.status in AT_WORK:
                twin = replace(order, order_id=extra.order_id, perm_id=extra.perm_id)
                with contextlib.suppress(BrokerError):  # its alert stands
                    await self._broker.cancel(twin)

    def _is_settled(self, ref: str) -> bool:
        """Done, and no execution its status counts is still to come: what is closed next is counted by it."""
        order = self._books.order(ref)
        if order is None:
            return True
        return order.state.is_done and self._books.ledger.orders.claimed_filled(ref) <= order.filled

    def is_done(self, ref: str) -> bool:
        """True where nothing more can come of the order."""
        order = self._books.order(ref)
        return order is None or order.state.is_done

    async def until_done(self, ref: str, *, within_s: float) -> None:
        """Return once nothing more can come of the order, or the time is up."""
        await self._books.watch.until(lambda: self.is_done(ref), timeout_s=within_s)

    async def _is_out(self, ref: str) -> bool:
        """Wait until an order has left; False where it still waits after a while."""
        leaving = self._leaving.get(ref)
        if leaving is None:
            return True
        try:
            async with asyncio.timeout(self._confirm_s):
                await leaving.wait()
        except TimeoutError:
            return False
        return True

    async def _ask_cancel(self, order: Order) -> None:
        try:
            await self._broker.cancel(order)
        except BrokerError:
            return  # the caller sees that it is not confirmed; the next pass asks again
        after = self._books.order(order.intent.ref)
        # The answer may have been faster than this line; and having asked settles no unknown fate.
        if after is not None and not after.state.is_done and after.state is not OrderState.UNKNOWN:
            await self._books.post(CancelRequested(order.intent.ref, self._now()))

    # --- changes --------------------------------------------------------------------------------

    async def change(self, order: Order, changed: OrderIntent, instrument: Instrument) -> bool:
        """Change price or quantity of a working order. True where the broker itself says it reads so.

        Until then the books keep the old figures: a change that was refused must never be believed.
        Raises ValueError for an order that adds risk: a changed entry would be one that no gate has seen.
        """
        if changed.role.adds_risk:
            raise ValueError(f"{changed.ref} adds risk and is never changed")
        try:
            await self._broker.modify(order, changed, instrument)
        except BrokerError:
            return False  # nothing went out; the next pass plans it again
        ref = changed.ref
        await self._books.watch.until(
            lambda: self.is_done(ref) or self._reads(changed), timeout_s=self._confirm_s
        )
        return self._reads(changed)

    def _reads(self, wanted: OrderIntent) -> bool:
        order = self._books.order(wanted.ref)
        return order is not None and (order.intent.quantity, order.intent.stop_price) == (
            wanted.quantity,
            wanted.stop_price,
        )
