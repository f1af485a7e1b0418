"""Comparing the account with the broker: at every connection, after trades, and every few minutes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from engine.api import Level
from engine.api_recovery import RecoveryKind
from engine.broker.port import Broker, BrokerOrder, BrokerState, Execution, OrderClaim
from engine.domain.order import Order, OrderState, Tif
from engine.execution.books import JournalDownError
from engine.execution.refs import is_own_ref
from engine.ledger.events import LedgerEvent, NeverSent, Resolved
from engine.recovery.compare import TOLERANCE, Finding, compare_positions, unknown_orders, vanished
from engine.recovery.decisions import ENDED, Decision
from engine.recovery.explain import booking_id, newest_revisions
from engine.recovery.relearn import lost_intents
from engine.recovery.rows import position_row_id
from engine.runtime.daypnl import trading_day
from engine.runtime.desk import Desk
from engine.runtime.inbox import Inbox
from engine.runtime.reconcile.state import RecoveryState
from engine.runtime.reconcile.words import AccountWords

IN_FLIGHT_GRACE_S = 5.0
"""Real seconds before an order that the broker does not list is looked for once more and called lost."""

SECOND_LOOK_S = 1.0
"""Real seconds before a difference is looked at once more: a fill may have crossed the first answer."""

MOST_LOOKS = 6
"""Looks of one comparison; an account that changes under every one is compared again later."""

_MAYBE_OUT = frozenset({OrderState.SENDING, OrderState.WORKING, OrderState.CANCEL_PENDING})
_WORKS = frozenset({"PreSubmitted", "Submitted"})
_INCOMPLETE = "incomplete_picture"

_Unrest = frozenset[object]
"""What was seen to be different: orderRefs that are not listed, fingerprints of positions."""


class _Look(NamedTuple):
    """One look at the account, after what it proves was booked."""

    state: BrokerState
    findings: tuple[Finding, ...]
    missing: frozenset[str]
    unrest: _Unrest
    """What must be seen twice before anything is made of it."""


class AccountDesk:
    """Asks the broker for the whole picture and settles the books with it. Guesses nothing."""

    def __init__(
        self,
        desk: Desk,
        *,
        broker: Broker,
        inbox: Inbox,
        recovery: RecoveryState,
        put_decision: Callable[[Decision], Awaitable[object]],
        on_mismatch: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._desk = desk
        self._broker = broker
        self._inbox = inbox
        self._recovery = recovery
        self._put_decision = put_decision
        self._on_mismatch = on_mismatch
        """Told that our books were wrong about a position, before they are put right."""
        self._words = AccountWords(desk)
        self._turn = asyncio.Lock()
        self._accepted: frozenset[object] = frozenset()
        """Fingerprints of what a comparison found to last: it needs no second look again."""
        self._left_pending = frozenset(
            o.intent.ref for o in desk.books.open_orders() if o.state is OrderState.PENDING
        )
        """Orders of an earlier run that were durable, but not marked as about to be sent."""
        self._unanswered: frozenset[str] = frozenset()
        """Exits and stops whose cancel was asked for before the line of now, and has had no answer."""

    @property
    def said(self) -> str:
        """What the last comparison found different; empty where all agreed."""
        return self._words.said

    async def compare(self, *, new_line: bool = False) -> bool:
        """One comparison. False where the broker's answer was incomplete: nothing was changed then.

        With `new_line` a cancel that was asked for before counts as lost with the old line where the broker
        lists its order as working: the stop still covers, and whoever wanted it gone asks again.

        What is missing or different must be so twice: an order just sent may not be listed yet, and a fill
        may cross the answer. What was booked is looked at once more.
        """
        async with self._turn:
            if new_line:
                self._unanswered = self._cancels()
            before: _Unrest = frozenset()
            surfaced = self._desk.surfaced
            for _ in range(MOST_LOOKS):
                look = await self._look()
                if look is None:
                    return False
                lasting = look.unrest & before
                booked = await self._act(look, lasting)
                before = look.unrest - lasting
                if not before and not booked:
                    await self._accept(look)
                    self._let_go(surfaced, look.state)
                    return True
                if before:
                    missing = any(ref in before for ref in look.missing)
                    await asyncio.sleep(IN_FLIGHT_GRACE_S if missing else SECOND_LOOK_S)
            text = "the account changed under every look; it is compared again"
            self._desk.notices.event(Level.WARNING, "engine", text)
            return False

    # --- one look -------------------------------------------------------------------------------

    async def _look(self) -> _Look | None:
        maybe_out = self._maybe_out()
        asked = frozenset(o.intent.ref for o in self._desk.books.open_orders())
        state = await self._picture()
        if state is None:
            return None
        await self._settle(state, asked)
        missing = self._missing(maybe_out, state)
        findings = compare_positions(
            self._desk.books.positions(),
            state.positions,
            at=self._desk.now(),
            foreign=self._recovery.standing.quantities,
            strangers=self._strangers(state),
        )
        new = {f.fingerprint for f in findings if f.is_orphan or f.bookings} - self._accepted
        return _Look(state, findings, missing, frozenset({*missing, *new}))

    async def _picture(self) -> BrokerState | None:
        desk = self._desk
        answer = await self._broker.state()
        if answer.ok and answer.value is not None:
            return answer.value
        text = f"{desk.account}: the broker's picture of the account is incomplete: {answer.error}"
        desk.notices.raise_alert(Level.WARNING, _INCOMPLETE, text)
        return None

    async def _settle(self, state: BrokerState, asked: frozenset[str]) -> None:
        """Executions first, then what the broker lists as ended or open.

        `asked` were open when the picture was asked for. One that ended before its answer was whole may be
        listed from before its end: that proves nothing, and the account is soon asked again.
        """
        for value in state.values:
            self._inbox.on_broker_event(value)
        await self._relearn(state)
        events: list[LedgerEvent] = []
        for execution in state.executions:
            events += self._inbox.ledger_events(execution)
        for commission in state.commissions:
            events += self._inbox.ledger_events(commission)
        working = [o.claim for o in state.open_orders if not self._ended_since(o.claim, asked)]
        if len(working) < len(state.open_orders):
            self._inbox.on_foreign()
        for claim in (*map(_ended, state.completed_orders), *working):
            events += self._inbox.ledger_events(claim)
        await self._desk.books.post(*events, *self._lost_cancels(working))

    def _cancels(self) -> frozenset[str]:
        orders = self._desk.books.open_orders()
        asked = (o for o in orders if o.state is OrderState.CANCEL_PENDING and not o.intent.role.adds_risk)
        return frozenset(o.intent.ref for o in asked)

    def _lost_cancels(self, working: Iterable[OrderClaim]) -> list[LedgerEvent]:
        """Once for each line: a cancel that is asked for from now on has an answer to come."""
        works = {claim.order_ref for claim in working if claim.status in _WORKS}
        lost, self._unanswered = sorted(works & self._unanswered & self._cancels()), frozenset()
        why = "its cancel was lost with the line: the broker lists it as working"
        return [Resolved(ref, OrderState.WORKING, why, self._desk.now()) for ref in lost]

    def _ended_since(self, claim: OrderClaim, asked: frozenset[str]) -> bool:
        order = self._desk.books.order(claim.order_ref)
        return order is not None and order.state.is_done and claim.order_ref in asked

    async def _relearn(self, state: BrokerState) -> None:
        """Orders under our references that the books lost are ours all the same."""
        ledger, books = self._desk.books.ledger, self._desk.books
        new = [e for e in state.executions if not ledger.positions.knows(e.fill.exec_id)]

        def is_lost(ref: str) -> bool:
            return is_own_ref(ref, self._desk.account) and books.order(ref) is None

        executed = {e.fill.order_ref for e in new}
        ended = [o for o in state.completed_orders if o.claim.order_ref in executed]
        lost = lost_intents(
            (*state.open_orders, *ended),
            new,
            is_lost=is_lost,
            owners={p.key: p.owner for p in books.positions()},
            at=self._desk.now(),
        )
        for intent in lost:
            text = f"{intent.key}: order {intent.ref} is ours, its record was lost; it counts again"
            self._desk.notices.event(Level.ERROR, "order", text, symbol=intent.key)
            try:
                await books.register((intent,), reducing=True)
            except JournalDownError as err:
                # The books have it; its row may be there already, from a day that was let go.
                self._desk.notices.event(Level.WARNING, "order", str(err), symbol=intent.key)

    def _strangers(self, state: BrokerState) -> tuple[Execution, ...]:
        """Executions that are not ours and have not explained anything yet."""
        ledger = self._desk.books.ledger
        return tuple(
            e
            for e in newest_revisions(state.executions)
            if ledger.orders.match(e.fill.order_ref, e.fill.perm_id, e.order_id) is None
            and not ledger.positions.knows(e.fill.exec_id)
            and not ledger.positions.knows_adjustment(booking_id(e))
        )

    def _maybe_out(self) -> frozenset[str]:
        """Orders that the broker should know, taken before it is asked."""
        orders = self._desk.books.open_orders()
        return frozenset(o.intent.ref for o in orders if o.state in _MAYBE_OUT or self._was_left(o))

    def _was_left(self, order: Order) -> bool:
        return order.state is OrderState.PENDING and order.intent.ref in self._left_pending

    def _missing(self, refs: frozenset[str], state: BrokerState) -> frozenset[str]:
        still = refs & self._maybe_out()
        return frozenset(vanished(sorted(still), state.open_orders, state.completed_orders))

    # --- what is made of it ---------------------------------------------------------------------

    async def _act(self, look: _Look, lasting: _Unrest) -> bool:
        """Park and book what was seen twice. True where the books changed and need another look."""
        await self._park(look.missing & lasting)
        self._accepted |= lasting
        booked = [f for f in look.findings if f.bookings and f.fingerprint in lasting]
        for finding in booked:
            if self._desk.config.reconcile.block_on_mismatch:
                self._on_mismatch(finding.text)
            await self._desk.books.post(*finding.bookings)
            self._recovery.remember(finding)
            self._words.booked(finding)
        return bool(booked)

    async def _park(self, missing: frozenset[object]) -> None:
        """Absence is not rejection: what was sent is of unknown fate. Only what never was may be dropped.

        An order that reduces goes out even where the store is down, so that for it `pending` proves nothing.
        """
        now = self._desk.now()
        events: list[LedgerEvent] = []
        for ref in sorted(map(str, missing)):
            order = self._desk.books.order(ref)
            if order is None:
                continue
            if order.state is OrderState.PENDING and order.intent.role.adds_risk:
                events.append(NeverSent(ref, "an earlier run ended before it was sent", now))
            else:
                why = "the broker lists it neither as open nor as completed"
                events.append(Resolved(ref, OrderState.UNKNOWN, why, now))
        await self._desk.books.post(*events)

    async def _accept(self, look: _Look) -> None:
        desk = self._desk
        await self._end_decisions(look)
        await self._end_day_orders(look.state)
        self._accepted = frozenset(f.fingerprint for f in look.findings if f.is_orphan)
        self._recovery.take(look.findings)
        desk.differences = tuple(f for f in look.findings if f.is_orphan)
        desk.foreign = tuple(f for f in look.findings if f.kind is RecoveryKind.FOREIGN)
        known = frozenset(o.intent.ref for o in desk.books.orders())
        desk.strange_orders = unknown_orders(look.state.open_orders, known)
        desk.foreign_orders = self._recovery.standing.foreign_orders
        desk.verified = True
        self._recovery.touch()
        desk.notices.clear_alert(_INCOMPLETE)
        self._words.tell(
            look.findings,
            [o for o in desk.strange_orders if o.claim.perm_id not in desk.foreign_orders],
        )

    def _let_go(self, surfaced: Mapping[str, str], state: BrokerState) -> None:
        """What worked after its end, and is not in a whole picture that was asked for later, is gone."""
        listed = {o.claim.order_ref for o in state.open_orders}
        gone = surfaced.keys() - listed
        if gone:
            now = self._desk.surfaced
            self._desk.surfaced = {ref: key for ref, key in now.items() if ref not in gone}

    async def _end_day_orders(self, state: BrokerState) -> None:
        """A DAY order of unknown fate whose day is over, and that no list names, cannot work any more."""
        now, books = self._desk.now(), self._desk.books
        unknown = {o.intent.ref: o for o in books.open_orders() if o.state is OrderState.UNKNOWN}
        why = "its trading day ended and the broker, asked for everything, does not list it"
        ended = [
            Resolved(ref, OrderState.CANCELLED if order.filled else OrderState.ABANDONED, why, now)
            for ref in vanished(sorted(unknown), state.open_orders, state.completed_orders)
            if (order := unknown[ref]).intent.tif is Tif.DAY
            and trading_day(order.intent.created_at) < trading_day(now)
        ]
        await books.post(*ended)

    async def _end_decisions(self, look: _Look) -> None:
        """What a person left alone and has changed or gone since must be decided anew."""
        listed = {p.con_id: p.quantity for p in look.state.positions}
        held = {p.con_id: p.quantity for p in self._desk.books.positions()}
        for con_id, decision in self._recovery.standing.foreign.items():
            left = listed.get(con_id, Decimal(0)) - held.get(con_id, 0)
            if abs(left - decision.quantity) <= TOLERANCE:
                continue
            ended = Decision(
                at=self._desk.now(),
                who="engine",
                row_id=position_row_id(con_id, RecoveryKind.FOREIGN),
                choice=ENDED,
                key=decision.key,
                con_id=con_id,
                quantity=left,
                evidence=(f"left alone at {decision.quantity:f}, the broker holds {left:f} beside ours now",),
            )
            self._recovery.decisions.append(ended)
            await self._put_decision(ended)


def _ended(order: BrokerOrder) -> OrderClaim:
    """A completed order's claim. Inactive among the completed is no order held back: it was refused."""
    return order.claim._replace(status="Cancelled") if order.claim.status == "Inactive" else order.claim
