"""The executor: carries out what the gate let through, and nothing else.

The order path is always the same (write-ahead): intent durable, marked as about to be sent, sent. A send
that the broker's queue proves never left is ABANDONED; one whose fate nobody knows stays counted and is
never sent again. Reducing a position makes room first: its stop is cancelled, or shrunk to what will
remain, and the proof awaited, because a stop and an exit that both fill would open a position the other way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial

from engine.broker.port import Broker
from engine.domain.instrument import Instrument
from engine.domain.order import OrderIntent, OrderState, OrderType, Proposal, Role, Tif
from engine.domain.plan import NO_PLAN
from engine.domain.position import Position
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.execution.books import Books, JournalDownError
from engine.execution.brackets import entry_order, exit_order, stop_order
from engine.execution.hours import is_open
from engine.execution.levels import partial_reason
from engine.execution.outgoing import Outgoing
from engine.execution.protection import ProtectionStep, is_exit
from engine.execution.protector import Protector
from engine.execution.refs import RefMaker
from engine.execution.sender import Expect, Sender
from engine.ledger.managed import PartialRefusedError
from engine.risk.order_check import ANY_VALUE, OrderRules, check_order
from engine.risk.refusal import OrderRefusedError


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """How orders are sent and how long their answers may take (real seconds)."""

    entry_tif: Tif = Tif.DAY
    stop_tif: Tif = Tif.GTC
    order_rules: OrderRules = ANY_VALUE
    """What an entry must be worth: the same as at the gate."""
    default_stop_pct: float = 2.0
    """Distance from the entry of the stop of a position that came without one."""
    confirm_s: float = 3.0
    """How long a cancel or a change may take to be confirmed before it counts as refused."""
    fill_s: float = 5.0
    """How long a closing market order may take before its rest is reported as still open."""
    exit_alone_s: float = 5.0
    """How long an order that closes may be out before a stop is placed beside it."""


class CloseStatus(StrEnum):
    """How an attempt to close a position, or a part of it, ended."""

    FLAT = "flat"
    """All that was asked for is closed."""
    NOTHING = "nothing"
    """There was no position, or nothing to take."""
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
        preview: Expect,
        settings: ExecutionSettings,
        last_look: Callable[[OrderIntent], Reason | None] = lambda _: None,
        rehearse: Callable[[OrderIntent], object] = lambda _: None,
    ) -> None:
        self._books, self._last_look, self._rehearse = books, last_look, rehearse
        self._refs, self._now = refs, now
        self._may_enter = may_enter
        """Asked again right before and right after a send: a brake pulled meanwhile wins."""
        self._settings, self._preview = settings, preview
        self._locks: dict[str, asyncio.Lock] = {}
        self._sender = Sender(
            broker=broker, books=books, now=now, preview=preview, confirm_s=settings.confirm_s
        )
        self._protector = Protector(
            sender=self._sender,
            books=books,
            refs=refs,
            now=now,
            stop_tif=settings.stop_tif,
            default_stop_pct=settings.default_stop_pct,
            exit_alone_s=settings.exit_alone_s,
        )
        self.overdue_exits = self._protector.overdue_exits
        self.cancel = self._sender.cancel
        self.cancel_all = self._sender.cancel_all
        self.cancel_surfaced = self._sender.cancel_surfaced
        self.cancel_extra = self._sender.cancel_extra

    def lock(self, key: str) -> asyncio.Lock:
        """The lock that keeps acts on one instrument apart."""
        return self._locks.setdefault(key, asyncio.Lock())

    # --- entries --------------------------------------------------------------------------------

    def entry_intents(
        self, proposal: Proposal, ticket: EntryTicket, instrument: Instrument
    ) -> tuple[OrderIntent, OrderIntent]:
        """The bracket of an entry: a limit that holds back its bytes until its stop follows."""
        size, limit, protect, *_ = ticket
        entry = entry_order(
            proposal,
            ticket,
            instrument,
            ref=self._refs.new_ref(instrument.key, Role.ENTRY),
            now=self._now(),
            tif=self._settings.entry_tif,
            preview=self._preview(instrument, role=Role.ENTRY, quantity=size, price=limit),
        )
        stop = stop_order(
            entry,
            ticket,
            ref=self._refs.new_ref(instrument.key, Role.STOP),
            tif=self._settings.stop_tif,
            preview=self._preview(instrument, role=Role.STOP, quantity=size, price=protect),
        )
        return entry, stop

    async def enter(self, intents: tuple[OrderIntent, OrderIntent], instrument: Instrument) -> bool:
        """Send an entry with its attached stop. True where its bytes went out.

        Raises OrderRefusedError, with nothing written down, for orders that the gate cannot have made.
        """
        entry, stop = intents
        for intent in intents:
            refusal = check_order(intent, instrument, self._settings.order_rules)
            if refusal is not None:
                raise OrderRefusedError(refusal)
        with self._sender.leaving(refs := (entry.ref, stop.ref)):
            sent = await self._send_bracket(intents, refs, instrument)
        if sent and self._may_enter(entry.strategy, entry.key) is not None:
            await self.cancel(entry.ref)
        return sent

    async def convert(self, ref: str, instrument: Instrument) -> bool:
        """Take back an entry and send its unfilled rest at market. True where that went out.

        Only what is proven unfilled counts: a cancel that is not confirmed, or executions that the broker
        has told of and not yet delivered, leave the rest alone.
        """
        async with self.lock(instrument.key):
            if not await self.cancel(ref):
                return False
            order = self._books.order(ref)
            if order is None or order.state is not OrderState.CANCELLED:
                return False
            rest = order.intent.quantity - max(order.filled, self._books.claimed_filled(ref))
            stop = next((o.intent.stop_price for o in self._books.attached(ref)), None)
            if rest <= 0 or stop is None:
                return False
            bracket = self._market_bracket(order.intent, instrument, quantity=rest, stop_price=stop)
        return await self.enter(bracket, instrument)

    def _market_bracket(
        self, given_up: OrderIntent, instrument: Instrument, *, quantity: int, stop_price: float
    ) -> tuple[OrderIntent, OrderIntent]:
        key = given_up.key
        entry = replace(
            given_up,
            ref=self._refs.new_ref(key, Role.ENTRY),
            quantity=quantity,
            order_type=OrderType.MARKET,
            limit_price=None,
            created_at=self._now(),
        )
        stop = replace(
            entry,
            ref=self._refs.new_ref(key, Role.STOP),
            role=Role.STOP,
            side=entry.side.opposite,
            order_type=OrderType.STOP,
            tif=self._settings.stop_tif,
            stop_price=stop_price,
            parent_ref=entry.ref,
            transmit=True,
            signal_id="",
            note="stop of the entry",
            plan=NO_PLAN,
            ticket=None,
        )
        return self._sender.previewed(entry, instrument), self._sender.previewed(stop, instrument)

    async def _send_bracket(
        self, intents: tuple[OrderIntent, OrderIntent], refs: tuple[str, str], instrument: Instrument
    ) -> bool:
        out = Outgoing(intents, instrument, self._sender)
        # The same look without effect: the last one finds its code and data in the processor's caches.
        rehearse = partial(self._rehearse, intents[0])
        try:
            # While the intents are being stored the loop has nothing better to do.
            await self._books.register(intents, meanwhile=out.prepare)
            if not out.orders:  # a store that answers at once left no time for it
                out.prepare()
            await self._books.mark_sending(out.marks, meanwhile=rehearse)
        except JournalDownError:
            await self._books.never_sent(refs, Reason.STORE_DOWN.value)
            return False
        blocked = self._may_enter(intents[0].strategy, intents[0].key) or self._last_look(intents[0])
        if blocked is not None:
            await self._books.never_sent(refs, blocked.value)
            return False
        return await self._sender.send(out.orders, instrument, parent_ids=out.parent_ids)

    # --- exits ----------------------------------------------------------------------------------

    async def close(
        self,
        key: str,
        instrument: Instrument,
        *,
        role: Role,
        reason: Reason,
        quantity: int | None = None,
    ) -> CloseResult:
        """Close a position at market: entries and stops cancelled and proven gone first, then the exit.

        Whatever cannot be closed keeps (or gets back) its stop: the protection pass sees to it.
        """
        async with self.lock(key):
            if self._books.quantity(key) == 0 and not self._books.open_orders(key):
                return CloseResult(key, CloseStatus.NOTHING, f"{key}: no position")
            if not is_open(instrument, self._now()):
                return CloseResult(key, CloseStatus.NOT_FLAT, f"{key}: its market is shut; the stops stay")
            return await self._close_all(key, instrument, role=role, reason=reason, quantity=quantity)

    async def _close_all(
        self, key: str, instrument: Instrument, *, role: Role, reason: str, quantity: int | None = None
    ) -> CloseResult:
        # A stop that stands beside an exit of unknown fate is all there is until that fate is proven.
        unsure = [o for o in self._books.open_orders(key) if is_exit(o) and o.state is OrderState.UNKNOWN]
        left = await self.cancel_all(tuple(o.intent.ref for o in unsure))
        if not left:
            left = await self.cancel_all(tuple(o.intent.ref for o in self._books.open_orders(key)))
        if left:
            text = f"{key}: cancel not confirmed for {', '.join(left)}; not closed, so that nothing doubles"
            return CloseResult(key, CloseStatus.NOT_FLAT, text)
        position = self._books.position(key)
        if position is None:
            return CloseResult(key, CloseStatus.FLAT, f"{key}: flat, its stop or exit had filled")
        exit_order = self._exit_intent(position, role=role, reason=reason, quantity=quantity)
        if not await self._sender.send_reducing(exit_order, instrument):
            return CloseResult(
                key, CloseStatus.NOT_FLAT, f"{key}: the exit could not be sent", exit_order.ref
            )
        await self._sender.until_done(exit_order.ref, within_s=self._settings.fill_s)
        return self._close_result(key, exit_order.ref, wanted=quantity)

    async def reduce(self, key: str, instrument: Instrument, *, fraction: float) -> CloseResult:
        """Take a partial: `fraction` of what was entered, at market, while the rest keeps its stop.

        The stop is shrunk to what will remain, and the broker's word for it awaited, before the exit goes
        out; if that does not fill in time it is taken back and the stop grows again. A partial of all that
        is left is a close; one that rounds to nothing is left out.
        """
        async with self.lock(key):
            position = self._books.position(key)
            if position is None:
                return CloseResult(key, CloseStatus.NOTHING, f"{key}: no position to take a partial of")
            if not is_open(instrument, self._now()):
                return CloseResult(key, CloseStatus.NOT_FLAT, f"{key}: its market is shut; no partial taken")
            left = abs(position.quantity)
            try:
                quantity = self._books.ledger.positions.take_partial(key, fraction)
            except PartialRefusedError as err:
                return CloseResult(key, CloseStatus.NOT_FLAT, f"{key}: no partial taken: {err}")
            if quantity == 0:
                text = f"{key}: {fraction:.0%} of {position.entered} is less than one; nothing taken"
                return CloseResult(key, CloseStatus.NOTHING, text)
            reason = partial_reason(fraction)
            if quantity == left:
                return await self._close_all(key, instrument, role=Role.EXIT, reason=reason)
            return await self._take_part(key, instrument, quantity=quantity, reason=reason)

    async def _take_part(
        self, key: str, instrument: Instrument, *, quantity: int, reason: str
    ) -> CloseResult:
        in_the_way = [
            o.intent.ref for o in self._books.open_orders(key) if o.intent.role.adds_risk or is_exit(o)
        ]
        kept = await self.cancel_all(tuple(in_the_way))
        position = self._books.position(key)
        if kept or position is None or abs(position.quantity) <= quantity:
            why = f"cancel not confirmed for {', '.join(kept)}" if kept else "it shrank meanwhile"
            return CloseResult(key, CloseStatus.NOT_FLAT, f"{key}: no partial taken: {why}")
        settled = await self._protector.settle(key, instrument, without=quantity)
        # Nothing to do is not enough: a stop nobody has confirmed, or of unknown fate, is left as it is.
        if not settled or self._over(key, without=quantity):
            await self._protector.settle(key, instrument)
            text = f"{key}: its stop could not be shrunk first; no partial taken, so that nothing doubles"
            return CloseResult(key, CloseStatus.NOT_FLAT, text)
        # What the stop took while it was shrunk is gone already.
        position = self._books.position(key)
        if position is None or abs(position.quantity) <= quantity:
            return CloseResult(key, CloseStatus.NOT_FLAT, f"{key}: its stop was faster; no partial taken")
        part = self._exit_intent(position, role=Role.EXIT, reason=reason, quantity=quantity)
        if await self._sender.send_reducing(part, instrument):
            await self._sender.until_done(part.ref, within_s=self._settings.fill_s)
            if not self._sender.is_done(part.ref):
                await self.cancel(part.ref)
        await self._protector.settle(key, instrument)
        return self._close_result(key, part.ref, wanted=quantity)

    def _over(self, key: str, *, without: int) -> bool:
        """True where the stops of `key` could trade more than what stays once `without` units have left."""
        stops = (o for o in self._books.open_orders(key) if o.intent.role is Role.STOP)
        return sum(o.remaining for o in stops) > abs(self._books.quantity(key)) - without

    def _exit_intent(
        self, position: Position, *, role: Role, reason: str, quantity: int | None
    ) -> OrderIntent:
        ref = self._refs.new_ref(position.key, role)
        return exit_order(position, ref=ref, now=self._now(), role=role, reason=reason, quantity=quantity)

    def _close_result(self, key: str, ref: str, *, wanted: int | None) -> CloseResult:
        order, left = self._books.order(ref), self._books.quantity(key)
        said = f" ({order.message})" if order is not None and order.message else ""
        if left == 0:
            return CloseResult(key, CloseStatus.FLAT, f"{key}: closed by {ref}", ref)
        if wanted is not None and order is not None and order.state is OrderState.FILLED:
            return CloseResult(key, CloseStatus.FLAT, f"{key}: {order.filled} closed by {ref}", ref)
        state = "unknown" if order is None else order.state.value
        return CloseResult(key, CloseStatus.NOT_FLAT, f"{key}: {left} left, exit {ref} is {state}{said}", ref)

    # --- protection -----------------------------------------------------------------------------

    def protection_steps(self, key: str, instrument: Instrument | None) -> tuple[ProtectionStep, ...]:
        """What the stops of `key` need as the books stand now; prices only where its grid is known."""
        return self._protector.steps(key, instrument)

    def stop_price(self, key: str, instrument: Instrument) -> float | None:
        """Where the stop of `key` belongs; None when flat."""
        return self._protector.price(key, instrument)

    async def protect(self, key: str, instrument: Instrument) -> bool:
        """Bring the stops of `key` in line with its position. False where they still are not."""
        async with self.lock(key):
            return await self._protector.settle(key, instrument)
