"""Comparing the account: after every connection, before anything that adds risk."""

from __future__ import annotations

import asyncio

from engine.api import Level
from engine.broker.port import Broker, BrokerOrder, BrokerState, Hello, OrderClaim
from engine.domain.order import Order, OrderState
from engine.domain.reasons import Reason
from engine.ledger.events import LedgerEvent, NeverSent, Resolved
from engine.recovery.compare import PositionDifference, compare_positions, unknown_orders, vanished
from engine.runtime.desk import Block, Desk
from engine.runtime.inbox import Inbox

IN_FLIGHT_GRACE_S = 5.0
"""Real seconds before an order that the broker does not list is looked for once more and called lost."""

SECOND_LOOK_S = 1.0
"""Real seconds before a difference is looked at once more: a fill may have crossed the first answer."""

_MAYBE_OUT = frozenset({OrderState.SENDING, OrderState.WORKING, OrderState.CANCEL_PENDING})
_INCOMPLETE = "incomplete_picture"


class AccountDesk:
    """Asks the broker for the whole picture and settles the books with it. Guesses nothing."""

    def __init__(self, desk: Desk, *, broker: Broker, inbox: Inbox) -> None:
        self._desk = desk
        self._broker = broker
        self._inbox = inbox
        self._left_pending = frozenset(
            o.intent.ref for o in desk.books.open_orders() if o.state is OrderState.PENDING
        )
        """Orders of an earlier run that were durable, but not marked as about to be sent."""
        self.said = ""
        """What the last comparison found different; empty where all agreed."""

    async def compare(self, hello: Hello) -> bool:
        """One comparison. False where the broker's answer was incomplete: nothing was changed then.

        What is missing or different must be so twice: an order just sent may not be listed
        yet, and a fill may cross the answer.
        """
        maybe_out = self._maybe_out()
        state = await self._picture(hello)
        if state is None:
            return False
        await self._settle(state)
        missing = self._missing(maybe_out, state)
        if missing or any(self._differences(state)):
            await asyncio.sleep(IN_FLIGHT_GRACE_S if missing else SECOND_LOOK_S)
            state = await self._picture(hello)
            if state is None:
                return False
            await self._settle(state)
            await self._park(self._missing(missing, state))
        self._desk.differences, self._desk.strange_orders = self._differences(state)
        self._desk.notices.clear_alert(_INCOMPLETE)
        self._tell()
        return True

    async def _picture(self, hello: Hello) -> BrokerState | None:
        desk = self._desk
        answer = await self._broker.state()
        if answer.ok and answer.value is not None:
            return answer.value
        text = f"{hello.account}: the broker's picture of the account is incomplete: {answer.error}"
        desk.notices.raise_alert(Level.WARNING, _INCOMPLETE, text)
        desk.block = Block(Reason.NOT_READY, "the account is being compared with the broker")
        return None

    async def _settle(self, state: BrokerState) -> None:
        """Executions first, then what the broker lists as ended or open."""
        for value in state.values:
            self._inbox.on_broker_event(value)
        events: list[LedgerEvent] = []
        for execution in state.executions:
            events += self._inbox.ledger_events(execution)
        for commission in state.commissions:
            events += self._inbox.ledger_events(commission)
        for claim in (*map(_ended, state.completed_orders), *(o.claim for o in state.open_orders)):
            events += self._inbox.ledger_events(claim)
        await self._desk.books.post(*events)

    def _maybe_out(self) -> frozenset[str]:
        """Orders that the broker should know, taken before it is asked."""
        orders = self._desk.books.open_orders()
        return frozenset(o.intent.ref for o in orders if o.state in _MAYBE_OUT or self._was_left(o))

    def _was_left(self, order: Order) -> bool:
        return order.state is OrderState.PENDING and order.intent.ref in self._left_pending

    def _missing(self, refs: frozenset[str], state: BrokerState) -> frozenset[str]:
        still = refs & self._maybe_out()
        return frozenset(vanished(sorted(still), state.open_orders, state.completed_orders))

    async def _park(self, missing: frozenset[str]) -> None:
        """Absence is not rejection: what was sent is of unknown fate. Only what never was may be dropped.

        An order that reduces goes out even where the store is down, so that for it `pending` proves nothing.
        """
        now = self._desk.now()
        events: list[LedgerEvent] = []
        for ref in sorted(missing):
            order = self._desk.books.order(ref)
            if order is None:
                continue
            if order.state is OrderState.PENDING and order.intent.role.adds_risk:
                events.append(NeverSent(ref, "an earlier run ended before it was sent", now))
            else:
                why = "the broker lists it neither as open nor as completed"
                events.append(Resolved(ref, OrderState.UNKNOWN, why, now))
        await self._desk.books.post(*events)

    def _differences(
        self, state: BrokerState
    ) -> tuple[tuple[PositionDifference, ...], tuple[BrokerOrder, ...]]:
        books = self._desk.books
        ours = {p.con_id: (p.key, p.quantity) for p in books.positions()}
        known = frozenset(o.intent.ref for o in books.orders())
        return compare_positions(state.positions, ours), unknown_orders(state.open_orders, known)

    def _tell(self) -> None:
        desk = self._desk
        strange = [
            (o.key, f"{o.key}: order {o.claim.perm_id} at the broker is not in our books")
            for o in desk.strange_orders
        ]
        self._alert("orphan", [(d.key, d.text) for d in desk.differences])
        self._alert("strange_order", strange)
        self.said = "; ".join([d.text for d in desk.differences] + [text for _, text in strange])
        if self.said:
            return
        held, working = len(desk.books.positions()), len(desk.books.open_orders())
        if held or working:
            text = f"the account was compared: positions {held}, working orders {working}, all agree"
        else:
            text = "clean start: no positions, no orders, books and broker agree"
        desk.notices.event(Level.INFO, "engine", text)

    def _alert(self, code: str, found: list[tuple[str, str]]) -> None:
        """One alert per instrument; those whose cause has ended go."""
        texts: dict[str, list[str]] = {}
        for key, text in found:
            texts.setdefault(key, []).append(text)
        for alert in self._desk.notices.alerts:
            if alert.code == code and alert.symbol not in texts:
                self._desk.notices.clear_alert(code, symbol=alert.symbol)
        for key, said in texts.items():
            self._desk.notices.raise_alert(Level.ERROR, code, "; ".join(said), symbol=key)


def _ended(order: BrokerOrder) -> OrderClaim:
    """A completed order's claim. Inactive among the completed is no order held back: it was refused."""
    return order.claim._replace(status="Cancelled") if order.claim.status == "Inactive" else order.claim
