"""The kill drill: test orders far from the market, a real KILL of the account, and the times it took.

Only on a paper account that holds nothing and works nothing. It lifts the brake that it set itself, and only
where it passed and nobody else pulled the same one meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.api import Command, CommandKind, Level, Mode, Outcome, OutcomeStatus, Scope
from engine.domain.instrument import Instrument, SecType
from engine.domain.order import Order, OrderState
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.execution.executor import Executor
from engine.execution.far_orders import DRILL, FarOrders
from engine.execution.hours import is_open
from engine.risk.brakes import BrakeLevel, BrakeScope
from engine.risk.drill import drill_ticket
from engine.runtime.brakes import BrakeDesk
from engine.runtime.braking.kills import KillDesk
from engine.runtime.desk import Desk
from engine.runtime.outcomes import done, failed, refused

ORDERS = 5
"""Test orders of one drill."""
WORKING_S = 10.0
"""Real seconds within which the broker must say that they work."""
STOPS_MS, ALERT_S = 50.0, 5.0
"""What a passed drill keeps, beside `kill.cancel_s`."""


class Record(Protocol):
    """Writes the result down."""

    def __call__(self, *, passed: bool, facts: Mapping[str, object]) -> Awaitable[bool]:
        """Times in `*_ms` and `*_s`, counts, and why it failed."""
        ...


@dataclass(slots=True)
class _Times:
    """Real seconds since the KILL was asked for; None where it did not come to that."""

    blocked_s: float | None = None
    alerted_s: float | None = None
    gone_s: float | None = None


class Drill:
    """One at a time."""

    def __init__(
        self,
        desk: Desk,
        *,
        orders: FarOrders,
        executor: Executor,
        kills: KillDesk,
        brakes: BrakeDesk,
        record: Record,
    ) -> None:
        self._desk = desk
        self._orders = orders
        self._executor = executor
        self._kills = kills
        self._brakes = brakes
        self._record = record
        self._turn = asyncio.Lock()

    async def run(self, command: Command) -> Outcome:
        """`target` names the drill; there is one, `kill`."""
        if command.target != "kill":
            text = f"there is no drill {command.target!r}; there is: kill"
            return refused(command, Reason.WRONG_TARGET.value, text)
        if self._turn.locked():
            return refused(command, Reason.NOT_READY.value, "a drill is under way already")
        async with self._turn:
            why = self._why_not()
            tickets = () if why else self._tickets()
            if not tickets:
                why = why or "no traded instrument has an open market and a live bid to stay away from"
                return refused(command, Reason.NOT_READY.value, f"no drill now: {why}; nothing was sent")
            return await self._drill(command, tickets)

    # --- before ---------------------------------------------------------------------------------

    def _why_not(self) -> str:
        """The safe way: what is held or worked is never put at stake for an exercise."""
        desk = self._desk
        if desk.mode is not Mode.PAPER:
            return f"a drill sends orders, in PAPER only; this is {desk.mode.value}"
        if desk.brakes.brakes:
            return "a brake is on"
        block = desk.entry_block()
        if block is not None:
            return block.text
        if held := desk.books.positions():
            return f"{', '.join(p.key for p in held)} is held; flatten first"
        if working := desk.books.open_orders():
            return f"{len(working)} order(s) of ours work"
        return ""

    def _tickets(self) -> tuple[tuple[Instrument, EntryTicket], ...]:
        """`ORDERS` orders over the instruments that will do; stocks first, as the smaller ones."""
        desk, found = self._desk, []
        known = sorted(desk.instruments.values(), key=lambda i: (i.sec_type is not SecType.STOCK, i.key))
        for instrument in known:
            ticket = drill_ticket(
                instrument,
                desk.quotes.quote(instrument.key),
                unit_usd=desk.unit_exposure_usd(instrument.key),
                max_value_usd=desk.limits().max_order_value_usd,
            )
            if is_open(instrument, desk.now()) and isinstance(ticket, EntryTicket):
                found.append((instrument, ticket))
        return tuple(found[n % len(found)] for n in range(ORDERS)) if found else ()

    # --- the drill ------------------------------------------------------------------------------

    async def _drill(self, command: Command, tickets: tuple[tuple[Instrument, EntryTicket], ...]) -> Outcome:
        refs = [await self._orders.put_far(instrument, ticket) for instrument, ticket in tickets]
        working = await self._desk.books.watch.until(
            lambda: all(self._state(ref) is OrderState.WORKING for ref in refs), timeout_s=WORKING_S
        )
        others = {o.intent.ref for o in self._desk.books.open_orders()} - set(refs)
        if not working or others or self._desk.books.positions():
            left = await self._executor.cancel_all(tuple(ref for ref in refs if ref))
            why = "something else was entered meanwhile" if working else "the test orders did not all work"
            return await self._end(command, why=why, facts={"orders": len(refs), "left": list(left)})
        began_s, times = self._desk.clock.monotonic(), _Times()
        watch = asyncio.ensure_future(self._watch(refs, began_s, times))
        try:
            outcome = await self._kills.kill(
                Command(
                    f"{command.command_id} kill",
                    CommandKind.KILL,
                    reason=f"drill by {command.who}",
                    who=DRILL,
                    confirmed=True,
                )
            )
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        facts = self._facts(refs, times, outcome, self._desk.clock.monotonic() - began_s)
        return await self._end(command, why=self._failed(refs, times, outcome), facts=facts)

    async def _watch(self, refs: list[str], began_s: float, times: _Times) -> None:
        """Look after every step of the loop until all is measured; a drill holds the loop for itself."""

        def since() -> float:
            return self._desk.clock.monotonic() - began_s

        while None in (times.blocked_s, times.alerted_s, times.gone_s):
            if times.blocked_s is None and self._desk.may_enter(DRILL, "") is not None:
                times.blocked_s = since()
            if times.alerted_s is None and any(a.code == "kill" for a in self._desk.notices.alerts):
                times.alerted_s = since()
            if times.gone_s is None and not any(self._is_open(ref) for ref in refs):
                times.gone_s = since()
            await asyncio.sleep(0.001)

    def _state(self, ref: str) -> OrderState | None:
        order = self._order(ref)
        return None if order is None else order.state

    def _is_open(self, ref: str) -> bool:
        order = self._order(ref)
        return order is not None and not order.state.is_done

    def _order(self, ref: str) -> Order | None:
        return self._desk.books.order(ref) if ref else None

    # --- after ----------------------------------------------------------------------------------

    def _failed(self, refs: list[str], times: _Times, outcome: Outcome) -> str:
        """Why it did not pass; empty where it did."""
        cancel_s = self._desk.config.kill.cancel_s
        if outcome.status is not OutcomeStatus.DONE:
            return outcome.text
        if any(self._state(ref) is not OrderState.CANCELLED for ref in refs):
            return "a test order ended otherwise than by its cancel"
        if times.gone_s is None or times.gone_s > cancel_s:
            return f"the orders were not gone within {cancel_s:g} s"
        if times.blocked_s is None or times.blocked_s * 1000.0 > STOPS_MS:
            return f"entries were not blocked within {STOPS_MS:g} ms"
        if times.alerted_s is None or times.alerted_s > ALERT_S:
            return f"no alert within {ALERT_S:g} s"
        return ""

    def _facts(self, refs: list[str], times: _Times, outcome: Outcome, total_s: float) -> dict[str, object]:
        cancelled = sum(self._state(ref) is OrderState.CANCELLED for ref in refs)
        facts: dict[str, object] = {"orders": len(refs), "cancelled": cancelled, "total_s": round(total_s, 3)}
        if times.blocked_s is not None:
            facts["proposals_stop_ms"] = round(times.blocked_s * 1000.0, 3)
        if times.alerted_s is not None:
            facts["alert_s"] = round(times.alerted_s, 4)
        if times.gone_s is not None:
            facts["cancel_s"] = round(times.gone_s, 4)
        return facts | {"proof": outcome.text}

    async def _end(self, command: Command, *, why: str, facts: dict[str, object]) -> Outcome:
        lifted = not why and await self._lift(command)
        facts |= {"why": why} if why else {}
        stored = await self._record(passed=not why, facts=facts)
        lines = tuple(f"{name} = {value}" for name, value in facts.items())
        text = f"kill drill {'FAILED: ' + why if why else 'passed'}"
        if self._desk.brakes.brakes:
            text += "; a brake stays on: look at it, then resume"
        text += "" if stored else "; NOT STORED yet"
        self._desk.notices.event(Level.WARNING if why else Level.INFO, "drill", f"{text}; {', '.join(lines)}")
        if why:
            return failed(command, Reason.DRILL_FAILED.value, text, lines)
        return done(command, f"{text}; {'entries are on again' if lifted else 'the KILL stays'}", lines)

    async def _lift(self, command: Command) -> bool:
        """Only the brake of this drill, and only where nobody else wants it."""
        brake = self._desk.brakes.find(level=BrakeLevel.KILL, scope=BrakeScope.ACCOUNT, name="")
        if brake is None or brake.who != DRILL:
            return False
        lift = Command(
            f"{command.command_id} lift",
            CommandKind.RESUME,
            scope=Scope(),
            reason="the drill is over",
            who=DRILL,
        )
        return await self._brakes.lift_own(brake, lift)
