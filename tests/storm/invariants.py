"""The promises, each one small function.

`ALWAYS` holds after every event, `AT_PLACE` where an order is handed over, `AT_SEND` where its bytes leave.
Truth is the exchange's own: its orders, fills and positions, and the rows on the disk. What the engine
believes is only looked at where the promise is about its belief.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from engine.domain.order import Order, OrderIntent, OrderState, Role
from engine.ledger.changes import Changes
from engine.runtime.guards.overdue import UNKNOWN_ALERT
from engine.store.operations import StoredState
from tests.execution.groups import Out, at_most
from tests.storm import braking
from tests.storm.beliefs import (
    i6_books_follow,
    i7_over_is_over,
    i7_surfaced_are_cancelled,
    i9_no_larger_than_held,
    i27_ready_in_time,
)
from tests.storm.held import Held
from tests.storm.rest import AT_REST
from tests.storm.sending import AT_PLACE, AT_SEND, AtSend
from tests.storm.weather import Weather

if TYPE_CHECKING:
    from tests.storm.world import Storm

NAKED_S = 10.0
OVER_S = 10.0
WORKING_AFTER_HALT_S = 10.0
_BRAKES = frozenset({"PAUSE", "HALT", "KILL"})
_IN_DOUBT = frozenset({"unknown_order", "reconcile_mismatch", "duplicate_order"})
"""Alerts that say: nobody knows what the broker has, so nothing may be sent."""
_HELPLESS = _IN_DOUBT | {"naked"}


class Watch:
    """Looks after every callback of the loop, but only where something happened."""

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self.sent: set[str] = set()
        self.last_state: dict[str, tuple[OrderState, int]] = {}
        self.adjustments_at_failure: int | None = None
        self._since: dict[str, float] = {}
        self._slack_s = self._slack(storm.weather)
        self._seen_fills = 0
        self._positions: dict[str, int] = {}
        self.entered: dict[str, set[str]] = {}
        """Key -> entries that made the position it has now."""
        self.cancelled: dict[str, float] = {}
        """Reference -> when the bytes of its last cancel left."""
        self.first_seen_s: dict[str, float] = {}
        """Reference of an order at the exchange -> when it was first seen there."""

    def look(self) -> None:
        """Everything that must hold at all times."""
        exchange = self.storm.exchange
        if not exchange.dirty or self.storm.violations:
            return
        exchange.dirty = False
        for held in exchange.orders.values():
            self.first_seen_s.setdefault(held.ref, exchange.now_s)
        for promise in ALWAYS:
            for broken in promise(self):
                self.storm.violated(f"{_name(promise)} {broken}")
                return

    def on_place(self, intents: tuple[OrderIntent, ...]) -> None:
        """The engine hands orders over. From here on they may wait in the queue of the adapter."""
        self._ask((*AT_PLACE, i9_no_larger_than_held), intents)

    def on_cancel(self, ref: str) -> None:
        """Bytes of its cancel leave."""
        self.cancelled[ref] = self.storm.exchange.now_s

    def in_doubt(self, key: str) -> bool:
        """People were told that nobody knows what the broker has here."""
        desk = self.storm.desk
        return desk is not None and any(a.symbol == key and a.code in _IN_DOUBT for a in desk.notices.alerts)

    def on_send(self, intents: tuple[OrderIntent, ...]) -> None:
        """Bytes of these orders are about to leave."""
        self._ask(AT_SEND, intents)
        self.sent |= {intent.ref for intent in intents}

    def _ask(self, promises: tuple[AtSend, ...], intents: tuple[OrderIntent, ...]) -> None:
        for promise in promises:
            for broken in promise(self, intents):
                self.storm.violated(f"{_name(promise)} {broken}")

    def on_changes(self, changes: Changes) -> None:
        """Orders moved, and it is durable."""
        for broken in i16_done_is_done(self, changes):
            self.storm.violated(f"I16 {broken}")
        for broken in i17_filled_only_grows(self, changes):
            self.storm.violated(f"I17 {broken}")
        for broken in i7_over_is_over(self, changes):
            self.storm.violated(f"I7 {broken}")
        for order in changes.orders:
            self.last_state[order.intent.ref] = (order.state, order.filled)

    def on_boot(self, stored: StoredState) -> None:
        """An engine was made of what the disk held."""
        self._since.clear()
        self.storm.operator.brakes.begin_anew(stored.brakes, self.storm.exchange.now_s)
        for broken in i12_brakes_survive(self, stored):
            self.storm.violated(f"I12 {broken}")
        desk = self.storm.desk
        if desk is not None and (torn := desk.books.ledger.differs_from(stored.positions)):
            self.storm.violated(f"I5 position rows are not the sum of their bookings: {torn}")

    async def at_rest(self) -> None:
        """Everything that must hold once the faults are over."""
        for promise in AT_REST:
            async for broken in promise(self.storm):
                self.storm.violated(f"{_name(promise)} (at rest) {broken}")

    def lasts_s(self, name: str, holds: bool) -> float:
        """For how long something has held without a break."""
        now_s = self.storm.exchange.now_s
        if not holds:
            self._since.pop(name, None)
            return 0.0
        return now_s - self._since.setdefault(name, now_s)

    def begin_anew(self) -> None:
        """Nobody could do anything for a while: what lasts is counted from here."""
        self._since.clear()

    def slack_s(self) -> float:
        """What the weather alone may cost: news that come late, orders that arrive late."""
        return self._slack_s

    @staticmethod
    def _slack(weather: Weather) -> float:
        slow = 25.0 * (weather.slow > 0) + 22.0 * (weather.zombie > 0)
        queued = 8.0 * (weather.queued > 0) + 6.0 * (weather.cancel_refused > 0 or weather.cancel_mute > 0)
        return slow + queued + 6.0 * (weather.snapshot_torn > 0) + 4.0 * (weather.modify_refused > 0)


def _name(promise: Callable[..., object]) -> str:
    return promise.__name__.split("_", 1)[0].upper()


# --- after every event ------------------------------------------------------------------------------


def i1_one_order_per_intent(watch: Watch) -> Iterator[str]:
    """Per reference, what is live and what is filled never exceed what was intended, and it exists once."""
    seen: set[str] = set()
    ids: set[int] = set()
    for held in watch.storm.exchange.orders.values():
        if held.intent is None:
            continue
        if held.ref in seen:
            yield f"{held.ref} is at the broker twice"
        seen.add(held.ref)
        if held.order_id in ids:
            yield f"{held.ref} came under order id {held.order_id}, which another order has"
        ids.add(held.order_id)
        if held.filled > held.quantity:
            yield f"{held.ref}: {held.filled} filled of {held.quantity}"


def i8_no_naked_position(watch: Watch) -> Iterator[str]:
    """A position the engine knows of has its stop at the broker within 10 s, or is told as naked."""
    storm = watch.storm
    desk = storm.desk
    for key in storm.exchange.positions:
        known = 0 if desk is None or not storm.is_up else desk.books.quantity(key)
        held = storm.exchange.positions[key]
        owed = min(abs(known), abs(held)) if known * held > 0 else 0
        naked = owed > _stops(watch, key, held)
        lasts_s = watch.lasts_s(f"naked {key}", naked and not _told_naked(watch, key))
        if lasts_s > NAKED_S + watch.slack_s():
            yield f"{key}: {held:+d} is naked for {lasts_s:.1f} s and nobody is told"


def i9_no_order_too_many(watch: Watch) -> Iterator[str]:
    """Orders that reduce never add up to more than the position and the unfilled rest of its entry."""
    storm = watch.storm
    for key, held in storm.exchange.positions.items():
        mine = [h for h in storm.exchange.orders.values() if h.key == key and h.is_ours and h.is_working]
        rest = sum(h.remaining for h in mine if h.role is Role.ENTRY)
        closing = at_most(Out(h.remaining, h.oca_group) for h in mine if h.role is not Role.ENTRY)
        over = storm.is_up and closing > abs(held) + rest and key not in storm.exchange.tampered
        lasts_s = watch.lasts_s(f"over {key}", over and not _told(watch, key))
        if lasts_s > OVER_S + watch.slack_s():
            yield f"{key}: {closing} would close {abs(held)} + {rest}, for {lasts_s:.1f} s"


def i9b_no_flip(watch: Watch) -> Iterator[str]:
    """No order of ours that reduces ever opens a position of the other side."""
    exchange = watch.storm.exchange
    for execution in exchange.executions[watch._seen_fills :]:
        fill = execution.fill
        before = watch._positions.get(fill.key, 0)
        after = watch._positions[fill.key] = before + fill.signed_quantity
        held = exchange.orders[fill.perm_id]
        yield from _doubled(watch, held, before, after)
        grows = abs(after) > abs(before) or before * after < 0
        if held.role in (None, Role.ENTRY) or not grows or fill.key in exchange.tampered:
            continue
        if not _outlived_its_parent(watch, held):
            yield f"{held.ref} moved {fill.key} from {before:+d} to {after:+d}"
    watch._seen_fills = len(exchange.executions)


def i10_nothing_working_after_a_halt(watch: Watch) -> Iterator[str]:
    """While halted and connected, no entry of ours works for longer than 10 s."""
    storm = watch.storm
    halted = bool(storm.operator.promised & {"HALT", "KILL"}) and storm.is_up
    working = [h for h in storm.exchange.orders.values() if h.role is Role.ENTRY and h.is_working]
    lasts_s = watch.lasts_s("entry after halt", halted and bool(working))
    if lasts_s > WORKING_AFTER_HALT_S + watch.slack_s() and not _told(watch, working[0].key):
        yield f"{working[0].ref} still works {lasts_s:.1f} s after the halt"


def i13_no_picture_no_change(watch: Watch) -> Iterator[str]:
    """Between a failed picture and the next whole one nothing is adjusted and nothing dropped."""
    storm = watch.storm
    if storm.broker is None or storm.broker.pictures or storm.disk.is_behind:
        watch.adjustments_at_failure = None
        return
    (count,) = storm.disk.conn.execute("SELECT count(*) FROM adjustment").fetchone()
    before = watch.adjustments_at_failure
    watch.adjustments_at_failure = count
    if before is not None and count != before:
        yield "the position was adjusted without a whole picture of the account"


def i19_no_act_fails(watch: Watch) -> Iterator[str]:
    """Whatever the weather, no part of the engine fails by a bug of its own."""
    desk = watch.storm.desk
    for alert in () if desk is None else desk.notices.alerts:
        if alert.code == "upkeep_round":  # a disk that hangs holds the round up: weather, and told
            continue
        if alert.code in ("act_failed", "engine_failed") or alert.code.startswith("upkeep_"):
            yield alert.text


ALWAYS: tuple[Callable[[Watch], Iterator[str]], ...] = (
    i1_one_order_per_intent,
    i8_no_naked_position,
    i9_no_order_too_many,
    i9b_no_flip,
    i6_books_follow,
    i7_surfaced_are_cancelled,
    i27_ready_in_time,
    i10_nothing_working_after_a_halt,
    *braking.ALWAYS,
    i13_no_picture_no_change,
    i19_no_act_fails,
)


# --- when something became durable, and at boot -----------------------------------------------------


def i12_brakes_survive(watch: Watch, stored: StoredState) -> Iterator[str]:
    """What the operator was told is on is on after any crash, on the disk and in the engine."""
    desk = watch.storm.desk
    on_disk = {b.kind for b in stored.brakes}
    if missing := watch.storm.operator.promised - on_disk:
        yield f"{sorted(missing)} was promised and is not on the disk"
    in_force = set() if desk is None else {b.level.name for b in desk.brakes.brakes}
    if (on_disk & _BRAKES) - in_force:
        yield f"on the disk {sorted(on_disk)}, in force {sorted(in_force)}"


def i16_done_is_done(watch: Watch, changes: Changes) -> Iterator[str]:
    """An order that is done stays done, unless an execution proves otherwise."""
    for order in changes.orders:
        state, filled = watch.last_state.get(order.intent.ref, (order.state, order.filled))
        if _is_overtaken(watch, order):
            continue
        if state.is_done and not order.state.is_done and order.filled <= filled:
            yield f"{order.intent.ref} was {state.value} and is {order.state.value}"


def i17_filled_only_grows(watch: Watch, changes: Changes) -> Iterator[str]:
    """The filled quantity of an order never goes back, and is what its executions add up to."""
    for order in changes.orders:
        _, filled = watch.last_state.get(order.intent.ref, (order.state, order.filled))
        if order.filled < filled and not _is_overtaken(watch, order):
            yield f"{order.intent.ref}: filled went from {filled} to {order.filled}"
        if order.filled > sum(h.filled for h in _at_broker(watch, order.intent.ref)):
            yield f"{order.intent.ref}: {order.filled} booked, more than the broker executed"


def _is_overtaken(watch: Watch, order: Order) -> bool:
    """What the books hold now was told first: where the disk takes nothing, all that wait go on at once,
    which only a loop in order tells in order."""
    desk = watch.storm.desk
    now = None if desk is None else desk.books.order(order.intent.ref)
    return (
        now is not None
        and watch.storm.disk.is_behind
        and (now.state, now.filled) == watch.last_state.get(order.intent.ref)
    )


def _doubled(watch: Watch, held: Held, before: int, after: int) -> Iterator[str]:
    """Two entries never add up in one instrument."""
    exchange = watch.storm.exchange
    made = watch.entered.setdefault(held.key, set())
    if before == 0 or after == 0 or before * after < 0:
        made.clear()
    if held.role is not Role.ENTRY:
        return
    others = [h for h in exchange.orders.values() if h.ref in made and h is not held]
    made.add(held.ref)
    innocent = held.came_back or any(h.came_back for h in others) or held.key in exchange.tampered
    if others and not innocent:
        yield f"{held.ref} adds to the position that {others[0].ref} opened: {before:+d} to {after:+d}"


# --- helpers ----------------------------------------------------------------------------------------


def _at_broker(watch: Watch, ref: str) -> list[Held]:
    return [h for h in watch.storm.exchange.orders.values() if h.ref == ref]


def _stops(watch: Watch, key: str, position: int) -> int:
    """Units that working stops of ours at the exchange would close."""
    return sum(
        h.remaining
        for h in watch.storm.exchange.orders.values()
        if h.key == key and h.role is Role.STOP and h.is_working and h.side.sign * position < 0
    )


def _told(watch: Watch, key: str, *, but: str = "") -> bool:
    """People know of what cannot be mended; that it is tried still excuses only where the broker refuses."""
    desk = watch.storm.desk
    excuses = (_HELPLESS if watch.storm.weather.refuses else _IN_DOUBT) - {but}
    return desk is not None and any(a.symbol == key and a.code in excuses for a in desk.notices.alerts)


def _told_naked(watch: Watch, key: str) -> bool:
    """As `_told`, but an exit of unknown fate is no excuse: beside that one a stop can stand all the same."""
    desk = watch.storm.desk
    orders = () if desk is None else desk.books.open_orders(key)
    unsure = [o for o in orders if o.state is OrderState.UNKNOWN]
    helpless = any(o.intent.role in (Role.ENTRY, Role.STOP) or o.filled for o in unsure)
    return _told(watch, key, but="" if helpless else UNKNOWN_ALERT)


def _outlived_its_parent(watch: Watch, held: Held) -> bool:
    """A stop as large as its entry was meant, whose entry ended partly filled a moment ago.

    The broker's own doing: an attached stop does not shrink by itself. I9 sees where it lasts.
    """
    parent = watch.storm.exchange.orders.get(held.parent)
    return parent is not None and not parent.is_open and parent.filled < parent.quantity
