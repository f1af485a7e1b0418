"""HALT, flatten and KILL: bounded in time, proven at the broker, honest about what is not.

Order of acts (decision B.3): the brake is latched and durable before anything here runs; then every order
that could add risk is cancelled; then per position its stop is cancelled with proof and the position
closed; then the broker is asked again, and late fills are watched for. What could not be proven is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.broker.port import BrokerState, Fetched
from engine.domain.instrument import Instrument
from engine.domain.market import NEW_YORK
from engine.domain.order import Order, Role
from engine.domain.reasons import Reason
from engine.execution.books import Books
from engine.execution.executor import CloseResult, CloseStatus, Executor

SWEEP_S = 0.5
"""How long one sweep waits before it looks for orders that surfaced late."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a brake or a flatten reaches: everything, one strategy, or one instrument."""

    strategy: str = ""
    key: str = ""

    def order(self, order: Order) -> bool:
        """True where the order is inside."""
        return self.key in ("", order.intent.key) and self.strategy in ("", order.intent.strategy)

    def position(self, key: str, owner: str) -> bool:
        """True where the position is inside."""
        return self.key in ("", key) and self.strategy in ("", owner)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a KILL proved: lines for people, and whether nothing of ours is left."""

    flat: bool
    """False where something of ours is left, or may be: then the brake cannot be lifted."""
    text: str
    lines: tuple[str, ...]


class KillSwitch:
    """Cancels, flattens, asks again. Holds no latch: the brakes do."""

    def __init__(
        self,
        *,
        executor: Executor,
        books: Books,
        instruments: Mapping[str, Instrument],
        ask_broker: Callable[[], Awaitable[Fetched[BrokerState]]],
        now: Callable[[], datetime],
        cancel_s: float,
        watch_s: float,
    ) -> None:
        self._executor = executor
        self._books = books
        self._instruments = instruments
        self._ask_broker = ask_broker
        self._now = now
        self._cancel_s = cancel_s
        self._watch_s = watch_s

    async def cancel_risk(self, reach: Reach) -> tuple[str, ...]:
        """Cancel every order that adds risk, again and again until none is left or the time is up.

        Returns the refs whose end could not be proven.
        """
        deadline = asyncio.get_running_loop().time() + self._cancel_s
        while True:
            working = self._risky(reach)
            if not working:
                return ()
            await self._executor.cancel_all(working)
            if not self._risky(reach):
                return ()
            if asyncio.get_running_loop().time() >= deadline:
                return self._risky(reach)
            await self._books.watch.until(lambda: not self._risky(reach), timeout_s=SWEEP_S)

    async def flatten(self, reach: Reach, *, role: Role, reason: Reason) -> tuple[CloseResult, ...]:
        """Close every position inside, all at once; each result says what became of it."""
        inside = [p for p in self._books.positions() if reach.position(p.key, p.owner)]
        return tuple(await asyncio.gather(*(self._close(p.key, role=role, reason=reason) for p in inside)))

    async def _close(self, key: str, *, role: Role, reason: Reason) -> CloseResult:
        instrument = self._instruments.get(key)
        if instrument is None:
            text = f"{key}: the broker has not described it in this session; its stop stays"
            return CloseResult(key, CloseStatus.NOT_FLAT, text)
        return await self._executor.close(key, instrument, role=role, reason=reason)

    async def kill(self, reach: Reach, *, flatten: bool) -> Proof:
        """Everything after the latch: cancel, flatten, re-query, watch, and say what is proven."""
        left = await self.cancel_risk(reach)
        lines = [f"cancel not proven: {ref}" for ref in left]
        if not flatten:
            return Proof(
                True, "NOT FLATTENED: kill.flatten = false; positions keep their stops", tuple(lines)
            )
        results = await self.flatten(reach, role=Role.FLATTEN, reason=Reason.KILLED)
        lines += [r.text for r in results]
        surfaced = await self._watch_refills(reach)
        lines += [r.text for r in surfaced]
        return await self._prove(reach, lines)

    async def _watch_refills(self, reach: Reach) -> tuple[CloseResult, ...]:
        """For a while, close whatever late fills bring back. Stops early only where nothing can come."""
        results: list[CloseResult] = []
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._watch_s
        closable = self._closable(reach)
        while (left_s := deadline - loop.time()) > 0:
            before = closable
            if not await self._books.watch.until(
                lambda: self._risky(reach) != () or self._closable(reach) - before != frozenset(),  # noqa: B023 - read while this round waits
                timeout_s=left_s,
            ):
                break
            await self.cancel_risk(reach)
            results += await self.flatten(reach, role=Role.FLATTEN, reason=Reason.KILLED)
            closable = self._closable(reach)
        return tuple(results)

    async def _prove(self, reach: Reach, lines: list[str]) -> Proof:
        """Ask the broker itself. A failed answer proves nothing."""
        answer = await self._ask_broker()
        at = f"{self._now().astimezone(NEW_YORK):%H:%M:%S} ET"
        if not answer.ok or answer.value is None:
            text = f"NOT PROVEN {at}: the broker did not answer completely ({answer.error})"
            return Proof(False, text, (*lines, text))
        left = self._left_at_broker(reach, answer.value)
        if left:
            text = f"NOT PROVEN {at}: {'; '.join(left)}"
            return Proof(False, text, (*lines, *left))
        return Proof(True, f"PROVEN FLAT {at}, watched {self._watch_s:.0f} s", tuple(lines))

    def _left_at_broker(self, reach: Reach, state: BrokerState) -> tuple[str, ...]:
        known = {o.intent.ref: o for o in self._books.orders()}
        orders = [
            f"{o.key} {o.side} {o.quantity:f} {o.order_type} (permId {o.claim.perm_id}) still at the broker"
            for o in state.open_orders
            if (mine := known.get(o.claim.order_ref)) is not None and reach.order(mine)
        ]
        positions = [
            f"{p.key}: {p.quantity:f} left"
            for p in state.positions
            if p.quantity and self._is_ours(reach, p.key)
        ]
        unknown = [
            f"{o.intent.ref}: fate unknown"
            for o in self._books.open_orders()
            if reach.order(o) and o.intent.role.adds_risk
        ]
        return (*positions, *orders, *unknown)

    def _is_ours(self, reach: Reach, key: str) -> bool:
        """Ours by the books; a foreign position is spared and not counted."""
        position = self._books.position(key)
        return position is not None and reach.position(key, position.owner)

    def _risky(self, reach: Reach) -> tuple[str, ...]:
        return tuple(
            o.intent.ref for o in self._books.open_orders() if o.intent.role.adds_risk and reach.order(o)
        )

    def _closable(self, reach: Reach) -> frozenset[str]:
        return frozenset(p.key for p in self._books.positions() if reach.position(p.key, p.owner))
