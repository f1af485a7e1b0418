"""HALT, flatten and KILL: bounded in time, proven at the broker, honest about what is not.

Order of acts: the brake is latched and durable before anything here runs; then every order
that could add risk is cancelled; then per position its stop is cancelled with proof and the position
closed; then the broker is asked again, and late fills are watched for. What could not be proven is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import structlog

from engine.broker.port import BrokerState, Fetched
from engine.domain.instrument import Instrument
from engine.domain.market import NEW_YORK
from engine.domain.order import Order, OrderState, Role
from engine.domain.reasons import Reason
from engine.execution.books import Books
from engine.execution.executor import CloseResult, CloseStatus, Executor

_log = structlog.get_logger("engine")

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
class Spared:
    """What a person left alone: no kill and no flatten touches it, and it proves nothing against us."""

    positions: Mapping[str, Decimal] = field(default_factory=dict)
    """Instrument key -> signed quantity that is not ours."""
    orders: frozenset[int] = frozenset()
    """permIds of orders that are not ours."""


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
        spared: Callable[[], Spared] = Spared,
    ) -> None:
        self._executor = executor
        self._books = books
        self._instruments = instruments
        self._ask_broker = ask_broker
        self._now = now
        self._cancel_s = cancel_s
        self._watch_s = watch_s
        self._spared = spared
        self._running: dict[Reach, asyncio.Future[Proof]] = {}

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
        try:
            return await self._executor.close(key, instrument, role=role, reason=reason)
        except Exception as err:  # noqa: BLE001 - one position's failure must not keep the others open
            _log.error("close.failed", key=key, error=f"{type(err).__name__}: {err}", exc_info=err)
            text = f"{key}: closing failed inside the engine ({type(err).__name__}: {err}); look at the log"
            return CloseResult(key, CloseStatus.NOT_FLAT, text)

    async def kill(self, reach: Reach, *, flatten: bool) -> Proof:
        """Everything after the latch: cancel, flatten, re-query, watch, and say what is proven.

        A second call for the same reach while one is under way waits for that one's proof.
        """
        running = self._running.get(reach)
        if running is not None:
            return await asyncio.shield(running)
        ended = self._running[reach] = asyncio.get_running_loop().create_future()
        try:
            proof = await self._kill(reach, flatten=flatten)
        except BaseException as err:
            proof = Proof(False, f"NOT PROVEN: the kill was cut short ({type(err).__name__}: {err})", ())
            raise
        finally:
            del self._running[reach]
            ended.set_result(proof)
        return proof

    async def _kill(self, reach: Reach, *, flatten: bool) -> Proof:
        touched = frozenset(o.intent.key for o in self._books.orders() if reach.order(o))
        touched |= self._closable(reach)
        left = await self.cancel_risk(reach)
        lines = [f"cancel not proven: {ref}" for ref in left]
        if flatten:
            results = await self.flatten(reach, role=Role.FLATTEN, reason=Reason.KILLED)
            lines += [r.text for r in results]
            surfaced = await self._watch_refills(reach)
            lines += [r.text for r in surfaced]
        return await self._prove(reach, lines, touched=touched, flatten=flatten)

    async def _watch_refills(self, reach: Reach) -> tuple[CloseResult, ...]:
        """For a while, close whatever late fills bring back. Stops early only where nothing can come."""
        results: list[CloseResult] = []
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._watch_s
        seen = self._closable(reach)

        def surfaced() -> bool:
            # What is flat by now counts as new when a late fill brings it back.
            nonlocal seen
            held = self._closable(reach)
            is_new = not held <= seen
            seen &= held
            return is_new or self._risky(reach) != ()

        while (left_s := deadline - loop.time()) > 0:
            if not await self._books.watch.until(surfaced, timeout_s=left_s):
                break
            await self.cancel_risk(reach)
            results += await self.flatten(reach, role=Role.FLATTEN, reason=Reason.KILLED)
            seen = self._closable(reach)
        return tuple(results)

    async def _prove(
        self, reach: Reach, lines: list[str], *, touched: frozenset[str], flatten: bool
    ) -> Proof:
        """Ask the broker itself. A failed answer proves nothing."""
        answer = await self._ask_broker()
        at = f"{self._now().astimezone(NEW_YORK):%H:%M:%S} ET"
        if not answer.ok or answer.value is None:
            text = f"NOT PROVEN {at}: the broker did not answer completely ({answer.error})"
            return Proof(False, text, (*lines, text))
        left = (*self._orders_left(reach, answer.value, stops=flatten), *self._unproven(reach))
        if flatten:
            left = (*self._positions_left(reach, answer.value, touched), *left)
        lines += self._stays(reach, answer.value)
        if left:
            text = f"NOT PROVEN {at}: {'; '.join(left)}"
            return Proof(False, text, (*lines, *left))
        if not flatten:
            text = f"NOT FLATTENED {at}: kill.flatten = false; positions keep their stops"
            return Proof(True, text, tuple(lines))
        return Proof(True, f"PROVEN FLAT {at}, watched {self._watch_s:.0f} s", tuple(lines))

    def _orders_left(self, reach: Reach, state: BrokerState, *, stops: bool) -> tuple[str, ...]:
        """Orders of ours that the broker still holds; protective stops count only with `stops`."""
        known = {o.intent.ref: o for o in self._books.orders()}
        left = []
        for listed in state.open_orders:
            mine = known.get(listed.claim.order_ref)
            if mine is None:
                # Placed under our client id, but the books lost it: whose strategy it was nobody knows.
                is_left = listed.claim.perm_id in self._spared().orders
                counts = listed.is_ours and reach.key in ("", listed.key) and not is_left
            else:
                counts = reach.order(mine) and (stops or mine.intent.role is not Role.STOP)
            if counts:
                what = f"{listed.key} {listed.side} {listed.quantity:f} {listed.order_type}"
                left.append(f"{what} (permId {listed.claim.perm_id}) still at the broker")
        return tuple(left)

    def _positions_left(self, reach: Reach, state: BrokerState, touched: frozenset[str]) -> tuple[str, ...]:
        """What the broker holds of everything we held or worked. Its word counts, not that of our books."""
        left, foreign = [], self._spared().positions
        for listed in state.positions:
            quantity = listed.quantity - foreign.get(listed.key, Decimal(0))
            if not int(quantity) or listed.key not in touched | self._closable(reach):
                continue
            ours = self._books.position(listed.key)
            if ours is not None and not reach.position(listed.key, ours.owner):
                continue  # another strategy's, outside this kill
            left.append(f"{listed.key}: {quantity:f} left")
        return tuple(left)

    def _stays(self, reach: Reach, state: BrokerState) -> list[str]:
        """What is foreign and was spared, by name."""
        spared = self._spared()
        positions = [
            f"stays: {key} {quantity:+f}, foreign"
            for key, quantity in spared.positions.items()
            if reach.key in ("", key)
        ]
        orders = [
            f"stays: {o.key} {o.side} {o.quantity:f} {o.order_type} (permId {o.claim.perm_id}), foreign"
            for o in state.open_orders
            if o.claim.perm_id in spared.orders and reach.key in ("", o.key)
        ]
        return positions + orders

    def _unproven(self, reach: Reach) -> tuple[str, ...]:
        """Orders whose end our books cannot show."""
        return tuple(
            f"{o.intent.ref}: {'fate unknown' if o.state is OrderState.UNKNOWN else o.state.value}"
            for o in self._books.open_orders()
            if reach.order(o) and (o.intent.role.adds_risk or o.state is OrderState.UNKNOWN)
        )

    def _risky(self, reach: Reach) -> tuple[str, ...]:
        return tuple(
            o.intent.ref for o in self._books.open_orders() if o.intent.role.adds_risk and reach.order(o)
        )

    def _closable(self, reach: Reach) -> frozenset[str]:
        return frozenset(p.key for p in self._books.positions() if reach.position(p.key, p.owner))
