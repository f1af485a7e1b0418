"""Orders that keep us waiting: unfilled entries, unanswered sends, unknown fates, ends that were none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from engine.api import Level, Mode
from engine.config.values import UnfilledPolicy
from engine.domain.order import Order, OrderState, OrderType, Role
from engine.execution.executor import Executor
from engine.execution.sender import AT_WORK
from engine.ledger.changes import Changes, NoteCode
from engine.ledger.events import FateUnknown, LedgerEvent
from engine.ledger.ledger import OPERATOR
from engine.ledger.protection import protection
from engine.runtime.desk import Desk

ASK_AGAIN_S = 10.0
"""Real seconds after which a cancel that was not confirmed is asked for again."""

SILENCE_S = 10.0
"""Real seconds after which an order that the broker has said nothing about is of unknown fate."""

UNKNOWN_ALERT = "unknown_order"
SURFACED_ALERT = "surfaced_order"


class Overdue:
    """Looked at in every round; the line must be up."""

    def __init__(
        self,
        desk: Desk,
        *,
        executor: Executor,
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self._desk = desk
        self._executor = executor
        self._spawn = spawn
        self._asked_s: dict[str, float] = {}
        """Entry ref -> when its cancel was last asked for."""
        self._cancelling_s: dict[str, float] = {}
        """Ref of an exit or a stop -> when its cancel was last asked for, as far as this run knows."""
        self._sending_since_s: dict[str, float] = {}
        self._surfaced_s: dict[str, float] = {}
        """Ref that our books call done and the broker calls working -> when its cancel was last asked for."""

    def on_changes(self, changes: Changes) -> bool:
        """Learn which orders surfaced after their end, and which of these are gone. True where one is new."""
        gone = {r.order_ref for r in changes.broker_orders if r.status not in AT_WORK}
        new = {n.order_ref: n.key for n in changes.notes if n.code is NoteCode.CONTRADICTION}
        if new or gone & self._desk.surfaced.keys():
            still = {ref: key for ref, key in self._desk.surfaced.items() if ref not in gone}
            self._desk.surfaced = still | new
        return bool(new)

    def round(self) -> None:
        """Cancel what is overdue, once; ask again only where nobody confirmed it."""
        if self._desk.mode is Mode.DRY_RUN:
            return
        now, now_s = self._desk.now(), self._desk.clock.monotonic()
        live = self._desk.books.open_orders()
        for gone in self._asked_s.keys() - {o.intent.ref for o in live}:
            del self._asked_s[gone]
        for order in live:
            with self._desk.faults.position(order.intent.key, "its unfilled entry"):
                if self._is_overdue(order, now) and self._may_ask(order.intent.ref, now_s):
                    self._give_up(order, now_s)
        self._ask_again(live, now_s)
        asked = self._surfaced_s
        self._surfaced_s = {ref: asked.get(ref, float("-inf")) for ref in self._desk.surfaced}
        for ref in [r for r, asked_s in self._surfaced_s.items() if now_s - asked_s >= ASK_AGAIN_S]:
            self._surfaced_s[ref] = now_s
            self._spawn(f"cancel {ref}", partial(self._executor.cancel_surfaced, ref))

    def _ask_again(self, live: tuple[Order, ...], now_s: float) -> None:
        """Cancels of exits and stops without an answer: it may have been lost with a line or a life."""
        waiting = {
            o.intent.ref
            for o in live
            if o.state is OrderState.CANCEL_PENDING and o.intent.role is not Role.ENTRY
        }
        known = self._cancelling_s
        self._cancelling_s = {ref: known.get(ref, now_s) for ref in waiting}
        for ref in [r for r, asked_s in self._cancelling_s.items() if now_s - asked_s >= ASK_AGAIN_S]:
            self._cancelling_s[ref] = now_s
            self._spawn(f"cancel {ref}", partial(self._executor.cancel, ref))

    def silent(self) -> list[LedgerEvent]:
        """Orders sent a while ago that the broker has not said a word about: parked, never sent again."""
        now, now_s = self._desk.now(), self._desk.clock.monotonic()
        sending = {o.intent.ref for o in self._desk.books.open_orders() if o.state is OrderState.SENDING}
        known = self._sending_since_s
        self._sending_since_s = {ref: known.get(ref, now_s) for ref in sending}
        why = f"the broker has not said a word about it for {SILENCE_S:.0f} s"
        late = [ref for ref, since_s in self._sending_since_s.items() if now_s - since_s >= SILENCE_S]
        return [FateUnknown(ref, why, now) for ref in late]

    def tell_unknown(self) -> None:
        """An alert per instrument while the fate of one of its orders is unknown."""
        parked: dict[str, list[Order]] = {}
        for order in self._desk.books.open_orders():
            if order.state is OrderState.UNKNOWN:
                parked.setdefault(order.intent.key, []).append(order)
        texts = {}
        for key, orders in parked.items():
            refs = ", ".join(f"{o.intent.ref} ({o.message or 'no word'})" for o in orders)
            care = self._care(key) if any(not o.intent.role.adds_risk for o in orders) else ""
            texts[key] = (
                f"{key}: fate unknown, counted and never sent again: {refs}{care}; look at the broker"
            )
        self._tell(UNKNOWN_ALERT, texts)

    def tell_surfaced(self) -> None:
        """An alert per instrument where an order works after its end; that blocks its symbol."""
        texts = {}
        for ref in self._desk.surfaced:
            order = self._desk.books.order(ref)
            if order is not None:
                key = order.intent.key
                what = f"{order.intent.side.value} {order.intent.quantity} ({ref})"
                texts[key] = (
                    f"{key}: {what} works at the broker although its end was confirmed; its cancel is "
                    f"asked for every {ASK_AGAIN_S:.0f} s; look at the broker"
                )
        self._tell(SURFACED_ALERT, texts)

    def _tell(self, code: str, texts: dict[str, str]) -> None:
        """Raise one alert per instrument in `texts`, and clear those of every other."""
        for alert in self._desk.notices.alerts:
            if alert.code == code and alert.symbol not in texts:
                self._desk.notices.clear_alert(code, symbol=alert.symbol)
        for key, text in texts.items():
            self._desk.notices.raise_alert(Level.CRITICAL, code, text, symbol=key)

    def _care(self, key: str) -> str:
        """What an exit or a stop of unknown fate means for the position."""
        position = self._desk.books.position(key)
        if position is None:
            return ""
        covered = protection(position, self._desk.books.open_orders(key)).protected
        if covered >= abs(position.quantity):
            return "; a stop covers its position meanwhile"
        return "; its position may be without a stop"

    def _may_ask(self, ref: str, now_s: float) -> bool:
        return now_s - self._asked_s.get(ref, float("-inf")) >= ASK_AGAIN_S

    def _give_up(self, order: Order, now_s: float) -> None:
        ref, key = order.intent.ref, order.intent.key
        instrument = self._desk.instruments.get(key)
        # A person who wants to pay any price says so: their limit never becomes an order at market.
        converts = (
            self._desk.config.execution.unfilled_policy is UnfilledPolicy.MARKET
            and order.intent.strategy != OPERATOR
        )
        then = "its rest goes at market" if converts else "cancelled"
        if ref in self._asked_s:
            text = f"{key}: the cancel of its entry was not confirmed; asked for again"
        else:
            text = f"{key}: entry not filled in time, {then} ({order.filled} filled)"
        self._asked_s[ref] = now_s
        self._desk.notices.event(Level.INFO, "order", text, symbol=key)
        # A market order that does not fill at once waits for a halted market: that one is only cancelled.
        if converts and instrument is not None and order.intent.order_type is OrderType.LIMIT:
            self._spawn(f"convert {ref}", partial(self._executor.convert, ref, instrument))
        else:
            self._spawn(f"give up {ref}", partial(self._executor.cancel, ref))

    def _is_overdue(self, order: Order, now: datetime) -> bool:
        if order.intent.role is not Role.ENTRY:
            return False
        if order.state not in (OrderState.WORKING, OrderState.CANCEL_PENDING):
            return False
        age_s = (now - order.intent.created_at).total_seconds()
        return age_s > self._desk.config.execution.unfilled_timeout_s
