"""The acts of a settlement: take over, close, cancel, leave alone; each says how it ended."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from engine.api import Level
from engine.api_recovery import RecoveryChoice, RecoveryKind, RecoveryRow, Settlement
from engine.broker.port import Broker, BrokerError, BrokerOrder
from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderIntent, OrderState, OrderType, Role, Side
from engine.domain.price import Rounding, round_to_tick
from engine.domain.reasons import Reason
from engine.execution.executor import CloseStatus, Executor
from engine.execution.hours import is_open
from engine.ledger.events import Adjustment, Resolved
from engine.ledger.ledger import OPERATOR
from engine.ledger.protection import protection
from engine.recovery.compare import Finding
from engine.recovery.decisions import Decision
from engine.recovery.explain import average_price
from engine.runtime.desk import Desk
from engine.runtime.reconcile.state import RecoveryState
from engine.strategy.indicators import Atr

PROTECTED_WITHIN_S = 10.0
"""Real seconds in which the stop of an adopted position must stand at the broker."""

GONE_WITHIN_S = 3.0
"""Real seconds in which a cancelled order that is not in our books must leave the broker's list."""

_ASK_S = 0.5

DAY_S = 86_400
RANGE_DAYS = 14
RANGE_BARS = 2 * RANGE_DAYS


class Result(NamedTuple):
    """How one row ended."""

    ok: bool
    text: str


class Acts:
    """Carries out one choice about one row."""

    def __init__(
        self,
        desk: Desk,
        *,
        recovery: RecoveryState,
        broker: Broker,
        executor: Executor,
        describe: Callable[[str, int, str], Awaitable[Instrument | None]],
    ) -> None:
        self._desk = desk
        self._recovery = recovery
        self._broker = broker
        self._executor = executor
        self._describe = describe

    async def measure(self) -> None:
        """How far what nobody knows moves in a day, where history says it: proposed stops stand on it."""
        for finding in self._recovery.findings:
            if not finding.is_orphan or finding.key in self._recovery.ranges:
                continue
            instrument = await self._describe(finding.key, finding.con_id, finding.sec_type)
            if instrument is None:
                continue
            answer = await self._broker.history(instrument, count=RANGE_BARS, seconds=DAY_S)
            spread = Atr(RANGE_DAYS)
            for bar in answer.value or ():
                spread.update(bar)
            if math.isfinite(spread.value) and spread.value > 0:
                self._recovery.ranges[finding.key] = spread.value
                self._recovery.touch()

    async def refusal(self, row: RecoveryRow, choice: RecoveryChoice, finding: Finding | None) -> str:
        """Why a choice cannot be carried out now; empty where it can. Nothing is changed."""
        if finding is None or choice not in (RecoveryChoice.ADOPT, RecoveryChoice.CLOSE):
            return ""
        instrument = await self._describe(finding.key, finding.con_id, finding.sec_type)
        if instrument is None:
            return "the broker does not describe it, so it can be neither protected nor closed; try again"
        if choice is RecoveryChoice.CLOSE and not is_open(instrument, self._desk.now()):
            return "its market is shut; close it when it opens, or adopt it with a stop"
        return ""

    def completed(self, decision: Decision, finding: Finding | None) -> Decision:
        """The decision with what identifies its subject over restarts."""
        kind, _, name = decision.row_id.partition(" ")
        if finding is not None:
            beside = finding.broker - self._desk.books.quantity(finding.key)
            return replace(decision, con_id=finding.con_id, quantity=beside)
        return replace(decision, perm_id=int(name)) if kind == "order" else decision

    async def carry_out(
        self, row: RecoveryRow, settlement: Settlement, finding: Finding | None, *, who: str
    ) -> Result:
        """Do what was decided."""
        if row.kind is RecoveryKind.UNKNOWN_ORDER:
            return await self._settle_unknown(row, settlement.choice, who=who)
        if settlement.choice is RecoveryChoice.CANCEL:
            return await self._cancel_strange(row)
        if settlement.choice is RecoveryChoice.FOREIGN or finding is None:
            return Result(ok=True, text=f"{row.symbol}: left alone as foreign")
        wanted = settlement.stop_price if settlement.stop_price is not None else row.stop_price
        instrument = self._desk.instruments[finding.key]
        side = Rounding.DOWN if finding.broker > 0 else Rounding.UP
        stop = None if wanted is None else round_to_tick(instrument, wanted, side)
        await self._take_over(finding, instrument, stop=stop)
        if settlement.choice is RecoveryChoice.CLOSE:
            return await self._close(finding, instrument)
        protected = await self._protect(finding, instrument)
        return protected._replace(text=protected.text + _rounded(wanted, stop))

    # --- positions ------------------------------------------------------------------------------

    async def _take_over(self, finding: Finding, instrument: Instrument, *, stop: float | None) -> None:
        """Book what the broker holds beside ours, with a stop that is owed from then on."""
        books, key = self._desk.books, finding.key
        owner = OPERATOR
        if finding.kind is RecoveryKind.CORPORATE:
            owner = await self._give_up_old(finding)
        # After the old one is booked out: bookings count in the order of their times.
        now = self._desk.now()
        change = int(finding.broker) - books.quantity(key)
        known = average_price(finding.executions)
        stated = Decimal(str(round(finding.average_cost / instrument.multiplier, 6)))
        await books.post(
            Adjustment(
                adjustment_id=f"adopt-{finding.con_id}-{now.isoformat()}",
                key=key,
                con_id=finding.con_id,
                quantity=change,
                price=stated if known is None else known,
                at=now,
                reason=Reason.ADOPTED.value,
                owner=owner,
                initial_stop=stop,
                note="taken over at the broker's average",
            )
        )
        text = f"{key}: its metadata is lost; what its entry was meant for is not known"
        self._desk.notices.event(Level.ERROR, "recovery", text, symbol=key)

    async def _give_up_old(self, finding: Finding) -> str:
        """A position of ours under its old name or number: its stops go, its quantity is booked out."""
        key, con_id = finding.moved_from or (finding.key, finding.con_id)
        books = self._desk.books
        stops = tuple(o.intent.ref for o in books.open_orders(key))
        await self._executor.cancel_all(stops)
        position = books.position(key)
        if position is None:
            return OPERATOR
        now = self._desk.now()
        await books.post(
            Adjustment(
                adjustment_id=f"corporate-{con_id}-{now.isoformat()}",
                key=key,
                con_id=con_id,
                quantity=-position.quantity,
                price=position.avg_price,
                at=now,
                reason=Reason.CORPORATE_ACTION.value,
                owner=position.owner,
                note=finding.corporate,
            )
        )
        return position.owner

    async def _protect(self, finding: Finding, instrument: Instrument) -> Result:
        key, books = finding.key, self._desk.books
        await self._executor.protect(key, instrument)

        def covered() -> bool:
            position = books.position(key)
            if position is None:
                return True
            return protection(position, books.open_orders(key)).protected >= abs(position.quantity)

        if await books.watch.until(covered, timeout_s=PROTECTED_WITHIN_S):
            return Result(ok=True, text=f"{key}: adopted {finding.excess.normalize():+f}, its stop stands")
        text = f"{key}: adopted, but its stop is not confirmed yet; it is tried again"
        return Result(ok=False, text=text)

    async def _close(self, finding: Finding, instrument: Instrument) -> Result:
        closed = await self._executor.close(
            finding.key,
            instrument,
            role=Role.FLATTEN,
            reason=Reason.OPERATOR,
            quantity=abs(
                int(finding.broker) if finding.kind is RecoveryKind.CORPORATE else int(finding.excess)
            ),
        )
        return Result(closed.status is not CloseStatus.NOT_FLAT, closed.text)

    # --- orders ---------------------------------------------------------------------------------

    async def _settle_unknown(self, row: RecoveryRow, choice: RecoveryChoice, *, who: str) -> Result:
        ref = row.row_id.removeprefix("ref ")
        if choice is RecoveryChoice.CANCEL:
            if await self._executor.cancel(ref):
                return Result(ok=True, text=f"{row.symbol}: {ref} is settled")
            text = f"{row.symbol}: the broker has not confirmed the cancel of {ref}; it still counts"
            return Result(ok=False, text=text)
        why = f"{who} says that it never reached the market"
        await self._desk.books.post(Resolved(ref, OrderState.ABANDONED, why, self._desk.now()))
        self._recovery.asked.pop(ref, None)
        return Result(ok=True, text=f"{row.symbol}: {ref} counts as never sent")

    async def _cancel_strange(self, row: RecoveryRow) -> Result:
        perm_id = int(row.row_id.removeprefix("order "))
        listed = next((o for o in self._desk.strange_orders if o.claim.perm_id == perm_id), None)
        if listed is None:
            return Result(ok=True, text=f"{row.symbol}: order {perm_id} is gone")
        try:
            await self._broker.cancel(_as_order(listed, self._desk))
        except BrokerError as err:
            return Result(ok=False, text=f"{row.symbol}: order {perm_id} was not cancelled: {err}")
        deadline_s = asyncio.get_running_loop().time() + GONE_WITHIN_S
        while asyncio.get_running_loop().time() < deadline_s:
            answer = await self._broker.state()
            if answer.value is not None and all(o.claim.perm_id != perm_id for o in answer.value.open_orders):
                return Result(ok=True, text=f"{row.symbol}: order {perm_id} is cancelled")
            await asyncio.sleep(_ASK_S)
        return Result(ok=False, text=f"{row.symbol}: the cancel of order {perm_id} is not confirmed")


def _rounded(wanted: float | None, stop: float | None) -> str:
    """That the stop is not where it was asked for; empty where it is."""
    if wanted is None or stop is None or math.isclose(wanted, stop, abs_tol=1e-9):
        return ""
    return f" (at {stop:g} instead of {wanted:g}: rounded to the price grid)"


def _as_order(listed: BrokerOrder, desk: Desk) -> Order:
    """A strange order in the form in which the broker takes a cancel."""
    intent = OrderIntent(
        ref=listed.claim.order_ref or f"order {listed.claim.perm_id}",
        strategy="",
        key=listed.key,
        con_id=listed.claim.con_id,
        role=Role.ENTRY,
        side=Side(listed.side),
        quantity=max(1, int(listed.quantity)),
        order_type=OrderType.LIMIT,
        created_at=desk.now(),
    )
    return Order(intent, OrderState.WORKING, order_id=listed.claim.order_id, perm_id=listed.claim.perm_id)
