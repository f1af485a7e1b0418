"""Carries out what the stops of one instrument need. The caller holds the instrument's lock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from engine.domain.instrument import Instrument
from engine.domain.order import OrderIntent, OrderType, Role, Tif
from engine.execution.books import Books
from engine.execution.levels import goes_to_breakeven, meant_stop
from engine.execution.protection import (
    AddStop,
    CancelStop,
    ChangeStop,
    ProtectionStep,
    is_exit,
    plan_protection,
)
from engine.execution.refs import RefMaker
from engine.execution.sender import Sender
from engine.ledger.events import StopMoved


class Protector:
    """Keeps stops at the broker: the right quantity, at the price that is meant."""

    def __init__(
        self,
        *,
        sender: Sender,
        books: Books,
        refs: RefMaker,
        now: Callable[[], datetime],
        stop_tif: Tif,
        default_stop_pct: float,
        exit_alone_s: float,
    ) -> None:
        self._sender = sender
        self._books = books
        self._refs = refs
        self._now = now
        self._stop_tif = stop_tif
        self._default_stop_pct = default_stop_pct
        self._exit_alone_s = exit_alone_s
        self._out_since_s: dict[str, dict[str, float]] = {}
        """Instrument key -> ref of an exit at work there -> when it was first seen (real seconds)."""

    def steps(
        self, key: str, instrument: Instrument | None, *, without: int = 0
    ) -> tuple[ProtectionStep, ...]:
        """What the stops of `key` need as the books stand now, `without` units that are about to leave.

        Without the instrument's grid prices are left alone.
        """
        quantity = self._books.quantity(key)
        left = quantity - without if quantity > 0 else quantity + without
        return plan_protection(
            key,
            position=left,
            orders=self._books.open_orders(key),
            stop_price=self.price(key, instrument),
            overdue=self.overdue_exits(key),
        )

    def overdue_exits(self, key: str) -> frozenset[str]:
        """Exits of `key` that have been out for so long that what they take must not wait for them."""
        now_s = asyncio.get_running_loop().time()
        before = self._out_since_s.pop(key, {})
        out = [o.intent.ref for o in self._books.open_orders(key) if is_exit(o)]
        if not out:
            return frozenset()
        since_s = self._out_since_s[key] = {ref: before.get(ref, now_s) for ref in out}
        return frozenset(ref for ref, at_s in since_s.items() if now_s - at_s >= self._exit_alone_s)

    def price(self, key: str, instrument: Instrument | None) -> float | None:
        """Where the stop of `key` belongs; None when flat, or where its grid is not known."""
        position = self._books.position(key)
        if position is None or instrument is None:
            return None
        return meant_stop(position, instrument, default_pct=self._default_stop_pct)

    async def settle(self, key: str, instrument: Instrument, *, without: int = 0) -> bool:
        """Bring the stops in line. False where they still are not.

        Planned here and now: a plan made before the lock was ours would stand on orders that an exit has
        cancelled meanwhile, and cover them twice.
        """
        await self._remember_breakeven(key, instrument)
        for step in self.steps(key, instrument, without=without):
            await self._carry_out(step, instrument)
        return not self.steps(key, instrument, without=without)

    async def _remember_breakeven(self, key: str, instrument: Instrument) -> None:
        """Where the first partial puts the stop is durable before the order is changed."""
        position, price = self._books.position(key), self.price(key, instrument)
        if position is None or price is None or not goes_to_breakeven(position):
            return
        if price != position.stop_price:
            await self._books.post(StopMoved(key, price, "breakeven", self._now()))

    async def _carry_out(self, step: ProtectionStep, instrument: Instrument) -> None:
        match step:
            case AddStop():
                await self._add(step, instrument)
            case ChangeStop(order, quantity, price):
                changed = replace(order.intent, quantity=quantity, stop_price=price)
                await self._sender.change(order, changed, instrument)
            case CancelStop(order):
                await self._sender.cancel(order.intent.ref)

    async def _add(self, step: AddStop, instrument: Instrument) -> None:
        position, price = self._books.position(step.key), self.price(step.key, instrument)
        if position is None or price is None:
            return
        stop = OrderIntent(
            ref=self._refs.new_ref(step.key, Role.STOP),
            strategy=position.owner,
            key=step.key,
            con_id=position.con_id,
            role=Role.STOP,
            side=step.side,
            quantity=step.quantity,
            order_type=OrderType.STOP,
            tif=self._stop_tif,
            created_at=self._now(),
            stop_price=price,
            oca_group=step.oca_group,
            note="stop for what was uncovered",
        )
        await self._sender.send_reducing(stop, instrument)
