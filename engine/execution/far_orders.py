"""Sends test orders that are meant never to fill, by the same write-ahead way as every other order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from engine.domain.instrument import Instrument
from engine.domain.order import OrderIntent, OrderType, Role, Side, Tif
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.execution.books import Books, JournalDownError
from engine.execution.refs import RefMaker
from engine.execution.sender import Sender

DRILL = "drill"
"""Whose orders they are: no strategy's."""


class FarOrders:
    """Places single entries without a stop: what does not fill needs none; what fills gets one as always."""

    def __init__(
        self,
        sender: Sender,
        *,
        books: Books,
        refs: RefMaker,
        now: Callable[[], datetime],
        may_enter: Callable[[str, str], Reason | None],
    ) -> None:
        self._sender = sender
        self._books = books
        self._refs = refs
        self._now = now
        self._may_enter = may_enter

    async def put_far(self, instrument: Instrument, ticket: EntryTicket) -> str:
        """Send one order as its ticket says; its reference, or nothing where no bytes went out."""
        intent = self._intent(instrument, ticket)
        with self._sender.leaving((intent.ref,)):
            try:
                await self._books.register((intent,))
                order_id = self._sender.next_order_id()
                await self._books.mark_sending(((intent.ref, order_id),))
            except JournalDownError:
                await self._books.never_sent((intent.ref,), Reason.STORE_DOWN.value)
                return ""
            blocked = self._may_enter(DRILL, instrument.key)
            if blocked is not None:
                await self._books.never_sent((intent.ref,), blocked.value)
                return ""
            sent = await self._sender.send(((intent, order_id),), instrument, parent_ids=(0,))
        return intent.ref if sent else ""

    def _intent(self, instrument: Instrument, ticket: EntryTicket) -> OrderIntent:
        return OrderIntent(
            ref=self._refs.new_ref(instrument.key, Role.ENTRY),
            strategy=DRILL,
            key=instrument.key,
            con_id=instrument.con_id,
            role=Role.ENTRY,
            side=Side.BUY,
            quantity=ticket.quantity,
            order_type=OrderType.LIMIT,
            tif=Tif.DAY,
            created_at=self._now(),
            limit_price=ticket.limit_price,
            note="test order of a kill drill",
            ticket=ticket,
        )
