"""Comparing the account: after every connection, before anything that adds risk."""

from __future__ import annotations

from engine.api import EngineState, Level
from engine.broker.port import Broker, BrokerState, Hello
from engine.domain.order import OrderState
from engine.domain.reasons import Reason
from engine.ledger.events import FateUnknown, LedgerEvent
from engine.recovery.compare import compare_positions, unknown_orders, vanished
from engine.runtime.desk import Block, Desk
from engine.runtime.inbox import Inbox

IN_FLIGHT_GRACE_S = 5.0
"""An order this young may not be listed yet: it is not called vanished."""


class AccountDesk:
    """Asks the broker for the whole picture and settles the books with it. Guesses nothing."""

    def __init__(self, desk: Desk, *, broker: Broker, inbox: Inbox) -> None:
        self._desk = desk
        self._broker = broker
        self._inbox = inbox

    async def compare(self, hello: Hello) -> bool:
        """One comparison. False where the broker's answer was incomplete: nothing was changed then."""
        desk = self._desk
        answer = await self._broker.state()
        if not answer.ok or answer.value is None:
            text = f"{hello.account}: the broker's picture of the account is incomplete: {answer.error}"
            desk.notices.event(Level.WARNING, "link", text)
            desk.block = Block(Reason.NOT_READY, "the account is being compared with the broker")
            return False
        state = answer.value
        for value in state.values:
            self._inbox.on_broker_event(value)
        await self._settle(state)
        self._find_differences(state)
        self._tell()
        return True

    async def _settle(self, state: BrokerState) -> None:
        """Executions first, then what the broker lists, then what it does not list any more."""
        events: list[LedgerEvent] = []
        for execution in state.executions:
            events += self._inbox.ledger_events(execution)
        for commission in state.commissions:
            events += self._inbox.ledger_events(commission)
        for order in (*state.completed_orders, *state.open_orders):
            events += self._inbox.ledger_events(order.claim)
        await self._desk.books.post(*events)
        await self._desk.books.post(*self._lost(state))

    def _lost(self, state: BrokerState) -> list[LedgerEvent]:
        now = self._desk.now()
        out = {
            o.intent.ref: o
            for o in self._desk.books.open_orders()
            if o.state in (OrderState.SENDING, OrderState.WORKING, OrderState.CANCEL_PENDING)
            and (now - (o.updated_at or o.intent.created_at)).total_seconds() > IN_FLIGHT_GRACE_S
        }
        refs = vanished(out, state.open_orders, state.completed_orders)
        why = "the broker lists it neither as open nor as completed"
        return [FateUnknown(ref, why, now) for ref in refs]

    def _find_differences(self, state: BrokerState) -> None:
        desk = self._desk
        ours = {p.con_id: (p.key, p.quantity) for p in desk.books.positions()}
        desk.differences = compare_positions(state.positions, ours)
        known = frozenset(o.intent.ref for o in desk.books.orders())
        desk.strange_orders = unknown_orders(state.open_orders, known)

    def _tell(self) -> None:
        desk = self._desk
        for difference in desk.differences:
            desk.notices.raise_alert(Level.ERROR, "orphan", difference.text, symbol=difference.key)
        for order in desk.strange_orders:
            text = f"{order.key}: order {order.claim.perm_id} at the broker is not in our books"
            desk.notices.raise_alert(Level.ERROR, "strange_order", text, symbol=order.key)
        held, working = len(desk.books.positions()), len(desk.books.open_orders())
        if desk.differences or desk.strange_orders:
            desk.state = EngineState.ORPHANS
            said = (
                "; ".join(d.text for d in desk.differences)
                or "orders at the broker that our books do not know"
            )
            desk.block = Block(Reason.ORPHAN, said)
            return
        for code in ("orphan", "strange_order"):
            for alert in [a for a in desk.notices.alerts if a.code == code]:
                desk.notices.clear_alert(code, symbol=alert.symbol)
        if held or working:
            text = f"the account was compared: {held} position(s) and {working} working order(s) agree"
        else:
            text = "clean start: no positions, no orders, books and broker agree"
        desk.notices.event(Level.INFO, "engine", text)
