"""HALT, flatten and KILL: bounded in time, proven at the broker, honest about what is not.

Order of acts: the brake is latched and durable before anything here runs; then every order
that could add risk is cancelled; then per position its stop is cancelled with proof and the position
closed; late fills are watched for, and the broker is asked again. What could not be proven is named.
While the line is down nothing is tried: what is left at the broker is said, and the caller tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

import structlog

from engine.broker.port import BrokerError, BrokerState, Fetched
from engine.domain.instrument import Instrument
from engine.domain.market import NEW_YORK
from engine.domain.order import Order, OrderState, Role
from engine.domain.reasons import Reason
from engine.execution.books import Books
from engine.execution.executor import CloseResult, CloseStatus, Executor
from engine.execution.hours import is_open, next_open
from engine.execution.sender import AT_WORK
from engine.ledger.protection import protection

_log = structlog.get_logger("engine")

NOT_PROVEN = "NOT PROVEN"
"""How the record of a KILL begins that nobody could be asked about."""
NOT_FLAT = "NOT FLAT"
"""How the record of a KILL begins that names what the broker, or our books, still have."""
SWEEP_S = 0.5
"""How long one sweep waits before it looks for orders that surfaced late."""
AGAIN_S = 1.0
"""Before a cancel that could not be proven is asked for again, while a KILL watches for late fills."""


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
    shut: tuple[str, ...] = ()
    """Keys of what is still held because its market is shut: it can be closed at the open."""
    risk_gone_s: float | None = None
    """Real seconds until no order that adds risk was working, by our books; None where one still may be."""


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
        unreachable: Callable[[], str] = lambda: "",
        cancel_everything: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`unreachable` says why nothing can be sent now; `cancel_everything` is the last resort."""
        self._executor = executor
        self._books = books
        self._instruments = instruments
        self._ask_broker = ask_broker
        self._now = now
        self._cancel_s = cancel_s
        self._watch_s = watch_s
        self._spared = spared
        self._unreachable = unreachable
        self._cancel_everything = cancel_everything
        self._cancelling: list[Reach] = []
        self._running: dict[Reach, asyncio.Future[Proof]] = {}

    def is_cancelling(self, order: Order) -> bool:
        """True while an order is inside the reach of a brake that is cancelling right now."""
        return any(reach.order(order) for reach in self._cancelling)

    def is_killing(self, reach: Reach) -> bool:
        """True while a KILL of this reach is under way."""
        return reach in self._running

    def risky(self, reach: Reach) -> tuple[Order, ...]:
        """Orders inside that add risk and are not done, or not known to be."""
        return tuple(o for o in self._books.open_orders() if o.intent.role.adds_risk and reach.order(o))

    async def cancel_risk(self, reach: Reach) -> tuple[str, ...]:
        """Cancel every order that adds risk, again and again until none is left or the time is up.

        Returns the refs whose end could not be proven; while the line is down that is each of them, at once.
        """
        if self._unreachable():
            return self._risky(reach)
        self._cancelling.append(reach)
        try:
            return await self._cancel_until_none(reach)
        finally:
            self._cancelling.remove(reach)

    async def _cancel_until_none(self, reach: Reach) -> tuple[str, ...]:
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
            proof = Proof(False, f"{NOT_PROVEN}: the kill was cut short ({type(err).__name__}: {err})", ())
            raise
        finally:
            del self._running[reach]
            ended.set_result(proof)
        return proof

    async def _kill(self, reach: Reach, *, flatten: bool) -> Proof:
        why = self._unreachable()
        if why:
            return self._unreached(reach, f"{why}; it goes on by itself when the line is back")
        began_s = asyncio.get_running_loop().time()
        touched = frozenset(o.intent.key for o in self._books.orders() if reach.order(o))
        touched |= self._closable(reach)
        left = await self.cancel_risk(reach)
        gone_s = None if left else asyncio.get_running_loop().time() - began_s
        lines = [f"cancel not proven: {ref}" for ref in left]
        if flatten:
            results = await self.flatten(reach, role=Role.FLATTEN, reason=Reason.KILLED)
            lines += [r.text for r in results]
            surfaced = await self._watch_refills(reach)
            lines += [r.text for r in surfaced]
        proof = await self._prove(reach, lines, touched=touched, flatten=flatten)
        return replace(proof, risk_gone_s=gone_s)

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
            await self._breathe(reach, within_s=deadline - loop.time())
        return tuple(results)

    async def _breathe(self, reach: Reach, *, within_s: float) -> None:
        """Where a cancel fails at once, it is not asked for again at once: the loop must live meanwhile."""
        stuck = self._risky(reach)
        if stuck and within_s > 0:
            pause_s = min(AGAIN_S, within_s)
            await self._books.watch.until(lambda: self._risky(reach) != stuck, timeout_s=pause_s)

    async def _prove(
        self, reach: Reach, lines: list[str], *, touched: frozenset[str], flatten: bool
    ) -> Proof:
        """Ask the broker itself. A failed answer proves nothing."""
        answer = await self._ask_broker()
        if flatten and self._is_all_ours(reach, answer.value):
            lines.append("orders of ours were left, and nothing at the broker is foreign: global cancel")
            answer = await self._cancel_globally(reach)
        if not answer.ok or answer.value is None:
            return self._unreached(reach, f"the broker did not answer completely ({answer.error})", lines)
        left = (*self._orders_left(reach, answer.value, stops=flatten), *self._unproven(reach))
        if flatten:
            left = (*self._positions_left(reach, answer.value, touched), *left)
        lines += self._stays(reach, answer.value)
        if left:
            text = f"{NOT_FLAT} {self._at()}: {'; '.join(left)}"
            return Proof(False, text, (*lines, *left), self._shut(reach) if flatten else ())
        if not flatten:
            text = f"NOT FLATTENED {self._at()}: kill.flatten = false; positions keep their stops"
            return Proof(True, text, tuple(lines))
        return Proof(True, f"PROVEN FLAT {self._at()}, watched {self._watch_s:.0f} s", tuple(lines))

    def _at(self) -> str:
        return f"{self._now().astimezone(NEW_YORK):%H:%M:%S} ET"

    def _unreached(self, reach: Reach, why: str, lines: Sequence[str] = ()) -> Proof:
        """The record of what nobody could be asked about: what our books say is at the broker."""
        known = self._as_last_known(reach)
        said = f"left at the broker as last known: {'; '.join(known)}" if known else "we know of nothing"
        return Proof(False, f"{NOT_PROVEN} {self._at()}: {why}; {said}", (*lines, *known))

    def _as_last_known(self, reach: Reach) -> tuple[str, ...]:
        orders = [o for o in self._books.open_orders() if reach.order(o)]
        held = [p for p in self._books.positions() if reach.position(p.key, p.owner)]
        positions = [
            f"{p.key}: {p.quantity:+d}, {protection(p, orders).protected} covered by stops" for p in held
        ]
        return (*positions, *(_order_text(o) for o in orders if o.intent.role is not Role.STOP))

    def _shut(self, reach: Reach) -> tuple[str, ...]:
        """What we hold inside and cannot close because its market is shut."""
        known = ((key, self._instruments.get(key)) for key in sorted(self._closable(reach)))
        return tuple(key for key, i in known if i is not None and not is_open(i, self._now()))

    # --- the last resort ------------------------------------------------------------------------

    def _is_all_ours(self, reach: Reach, state: BrokerState | None) -> bool:
        """True where only orders of ours are left, and neither a position nor a foreign order is there.

        A global cancel reaches every client of the account, and every stop.
        """
        if state is None or self._cancel_everything is None or reach != Reach():
            return False
        working = [o for o in state.open_orders if o.claim.status in AT_WORK]
        known = {o.intent.ref for o in self._books.orders()}
        ours = all(o.is_ours or o.claim.order_ref in known for o in state.open_orders)
        spared = self._spared()
        is_held = any(p.quantity for p in state.positions) or bool(self._books.positions())
        return bool(working) and ours and not is_held and not spared.positions and not spared.orders

    async def _cancel_globally(self, reach: Reach) -> Fetched[BrokerState]:
        try:
            if self._cancel_everything is not None:
                await self._cancel_everything()
        except BrokerError as err:
            _log.warning("kill.global_cancel_failed", error=str(err))
        await self._books.watch.until(lambda: not self._books.open_orders(), timeout_s=SWEEP_S)
        return await self._ask_broker()

    # --- what is left, and what stays -----------------------------------------------------------

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
            left.append(f"{listed.key}: {quantity:f} left{self._why_left(listed.key)}")
        return tuple(left)

    def _why_left(self, key: str) -> str:
        instrument = self._instruments.get(key)
        if instrument is None or is_open(instrument, self._now()):
            return ""
        opens = next_open(instrument, self._now())
        until = "" if opens is None else f" until {opens.astimezone(NEW_YORK):%a %H:%M} ET"
        return f" (its market is shut{until}; its stop stays)"

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
        return tuple(o.intent.ref for o in self.risky(reach))

    def _closable(self, reach: Reach) -> frozenset[str]:
        return frozenset(p.key for p in self._books.positions() if reach.position(p.key, p.owner))


def _order_text(order: Order) -> str:
    """An order for people: what it is, and how to find it at the broker."""
    intent = order.intent
    name = f"permId {order.perm_id}, {intent.ref}" if order.perm_id else intent.ref
    what = f"{intent.key} {intent.side.value} {order.remaining} {intent.order_type.value}"
    return f"{what} {intent.role.value} {order.state.value} ({name})"
