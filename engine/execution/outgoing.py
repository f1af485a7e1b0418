"""A bracket on its way out: numbered and written down as bytes while its intents are being stored."""

from __future__ import annotations

from engine.domain.instrument import Instrument
from engine.domain.order import OrderIntent
from engine.execution.sender import Sender


class Outgoing:
    """An entry and its stop, to be sent together. Nothing leaves by this; the sender sends."""

    __slots__ = ("_instrument", "_intents", "_sender", "marks", "orders", "parent_ids")

    def __init__(
        self, intents: tuple[OrderIntent, OrderIntent], instrument: Instrument, sender: Sender
    ) -> None:
        self._intents, self._instrument, self._sender = intents, instrument, sender
        self.orders: tuple[tuple[OrderIntent, int], ...] = ()
        """Each with its order id; empty before `prepare`."""
        self.marks: tuple[tuple[str, int], ...] = ()
        """Their references with the same ids."""
        self.parent_ids: tuple[int, ...] = ()

    def prepare(self) -> None:
        """Reserve the order ids and let the broker build the bytes. A second call changes nothing."""
        if self.orders:
            return
        (entry, stop), sender = self._intents, self._sender
        first, second = sender.next_order_id(), sender.next_order_id()
        self.parent_ids, self.marks = (0, first), ((entry.ref, first), (stop.ref, second))
        self.orders = ((entry, first), (stop, second))
        sender.prepare(self.orders, self._instrument, parent_ids=self.parent_ids)
