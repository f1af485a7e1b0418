"""The bytes of orders: written ahead where there is time for it, and sent as one piece."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from engine.broker import ibapi
from engine.broker.convert import clean, contract_of, order_of
from engine.broker.port import BrokerError
from engine.broker.wire import Wire
from engine.domain.instrument import Instrument
from engine.domain.order import OrderIntent

Placed = tuple[tuple[OrderIntent, int], ...]
"""Orders of one bracket and the ids they go out under."""


class Written(NamedTuple):
    """What goes onto the wire, and what it is, for people."""

    what: str
    frames: bytes


class _Prepared(NamedTuple):
    """What was written ahead for exactly these orders."""

    orders: Placed
    parent_ids: tuple[int, ...]
    written: Written


def name_of(orders: Placed) -> str:
    """These orders by their references."""
    return f"order {', '.join([intent.ref for intent, _ in orders])}"


class OrderFrames:
    """Writes orders as they go onto the wire of one connection."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._prepared: _Prepared | None = None

    def prepare(self, orders: Placed, instrument: Instrument, *, parent_ids: tuple[int, ...]) -> None:
        """Write them now; what is wrong with them `write` will say when they are wanted."""
        self._prepared = None
        with contextlib.suppress(BrokerError):
            written = self.write(orders, instrument, parent_ids=parent_ids)
            self._prepared = _Prepared(orders, parent_ids, written)

    def write(self, orders: Placed, instrument: Instrument, *, parent_ids: tuple[int, ...]) -> Written:
        """The bytes that place `orders`. Raises BrokerError where they cannot be written; nothing is sent."""
        ready, self._prepared = self._prepared, None
        if ready is not None and ready.orders is orders and ready.parent_ids == parent_ids:
            return ready.written
        built = [
            (order_id, order_of(intent, order_id=order_id, parent_id=parent, account=self._wire.account))
            for (intent, order_id), parent in zip(orders, parent_ids, strict=True)
        ]
        try:
            frames = ibapi.order_frames(self._wire.client, built, contract_of(instrument))
        except ConnectionError as error:
            raise BrokerError(f"{name_of(orders)} was not sent: {clean(error)}") from error
        return Written(name_of(orders), frames)
