"""Trades one by one, of the few instruments that somebody looks at. The broker gives few such lines."""

from __future__ import annotations

import asyncio
import math
from typing import Final, NamedTuple

from engine.broker import codes
from engine.broker.convert import contract_of
from engine.broker.pacing import Priority
from engine.broker.port import LineRefused, LinkState
from engine.broker.wire import Wire
from engine.domain.instrument import Instrument
from engine.domain.market import Print

EVERY_TRADE: Final = "AllLast"
"""Also trades that set no last price: odd lots, trades between other exchanges."""
ASK_AGAIN_S: Final = 10.0
"""Real seconds before a tape that was refused for asking too much is asked for again."""


class _Asked(NamedTuple):
    instrument: Instrument
    number: int
    waiting: asyncio.Future[None]


class Tapes:
    """The tick-by-tick subscriptions of one connection and what they deliver."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._asked: dict[str, _Asked] = {}
        self._keys: dict[int, str] = {}
        """request id -> instrument key"""
        wire.callbacks.on(tickByTickAllLast=self._on_trade)

    def subscribe(self, instrument: Instrument) -> None:
        """Ask for the tape, unless it is on."""
        if instrument.key in self._asked:
            return
        number, contract, client = self._wire.requests.new_id(), contract_of(instrument), self._wire.client
        waiting = self._wire.sender.post(
            lambda: client.reqTickByTickData(number, contract, EVERY_TRADE, 0, False),
            priority=Priority.DATA,
            what=f"tape of {instrument.key}",
        )
        self._asked[instrument.key] = _Asked(instrument, number, waiting)
        self._keys[number] = instrument.key

    def unsubscribe(self, instrument: Instrument) -> None:
        """End the tape, where it is on."""
        asked = self._forget(instrument.key)
        if asked is None or self._wire.sender.withdraw(asked.waiting):
            return  # where it still waited in our queue the broker never heard of it
        client, number = self._wire.client, asked.number
        what = f"end of the tape of {instrument.key}"
        self._wire.post(lambda: client.cancelTickByTickData(number), priority=Priority.DATA, what=what)

    def ask_again(self) -> None:
        """Ask anew for every tape after the broker lost them (1101): the old request ids mean nothing now."""
        for asked in tuple(self._asked.values()):
            self._wire.sender.withdraw(asked.waiting)
            self._forget(asked.instrument.key)
            self.subscribe(asked.instrument)

    def on_error(self, request_id: int, code: int, text: str) -> bool:
        """An error naming a tape; False where it names none."""
        key = self._keys.get(request_id)
        if key is None:
            return False
        if codes.is_refusal(code, text):
            self._forget(key)
            self._wire.emit(LineRefused(key, "tape", code, text))
        elif codes.is_passing(code, text):
            asyncio.get_running_loop().call_later(ASK_AGAIN_S, self._ask_later, request_id)
        return True

    def _ask_later(self, request_id: int) -> None:
        key = self._keys.get(request_id)
        if key is None or self._wire.link is LinkState.DOWN:
            return  # ended or asked anew meanwhile; a new connection asks for everything
        asked = self._forget(key)
        if asked is not None:
            self.subscribe(asked.instrument)

    def _forget(self, key: str) -> _Asked | None:
        asked = self._asked.pop(key, None)
        if asked is not None:
            self._keys.pop(asked.number, None)
        return asked

    def _on_trade(
        self, request_id: int, _kind: int, at_s: int, price: float, size: float, *_more: object
    ) -> None:
        key = self._keys.get(request_id)
        if key is not None and math.isfinite(price):
            self._wire.listener.on_print(Print(key, price, int(size), float(at_s)))
