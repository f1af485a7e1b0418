"""What must hold where the engine hands an order over, and where its bytes leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from engine.api import EngineState, Mode
from engine.domain.order import OrderIntent, OrderState, Role
from tests.storm.braking import i30_no_proposal_after_a_brake, i37_nothing_else_is_closed

if TYPE_CHECKING:
    from tests.storm.invariants import Watch

AtSend = Callable[["Watch", tuple[OrderIntent, ...]], Iterator[str]]


def i2_durable_before_sent(watch: Watch, intents: tuple[OrderIntent, ...]) -> Iterator[str]:
    """No order leaves without its row, marked as about to be sent. With a full disk only what reduces may."""
    disk = watch.storm.disk
    for intent in intents:
        row = disk.conn.execute("SELECT state FROM intent WHERE ref = ?", (intent.ref,)).fetchone()
        # Parked meanwhile, because it waited in our queue: it is durable that it may be out.
        if row is not None and row[0] in (OrderState.SENDING.value, OrderState.UNKNOWN.value):
            continue
        if intent.role is Role.ENTRY or intent.parent_ref or not disk.is_behind:
            yield f"{intent.ref} is sent while its row is {row}"


def i3_never_sent_twice(watch: Watch, intents: tuple[OrderIntent, ...]) -> Iterator[str]:
    """One reference, one send."""
    for intent in intents:
        if intent.ref in watch.sent:
            yield f"{intent.ref} is sent a second time"


def i3b_one_entry_per_signal(watch: Watch, intents: tuple[OrderIntent, ...]) -> Iterator[str]:
    """A signal that entered, or may have, never enters again: not after a restart, not after silence."""
    for intent in intents:
        if intent.role is not Role.ENTRY:
            continue
        for held in watch.storm.exchange.orders.values():
            before = held.intent
            if before is not None and before.role is Role.ENTRY and before.signal_id == intent.signal_id:
                yield f"signal {intent.signal_id} enters again with {intent.ref} after {held.ref}"


def i3c_no_doubled_entry(watch: Watch, intents: tuple[OrderIntent, ...]) -> Iterator[str]:
    """No entry leaves while another one works in its instrument, or a position is held there."""
    exchange = watch.storm.exchange
    for intent in intents:
        if intent.role is not Role.ENTRY or intent.key in exchange.tampered:
            continue
        same = [h for h in exchange.orders.values() if h.key == intent.key and h.role is Role.ENTRY]
        if any(h.came_back for h in same):
            continue  # after its cancel was confirmed: nobody could have known
        if working := [h for h in same if h.is_open]:
            yield f"{intent.ref} is sent while {working[0].ref} is {working[0].status}"
        if exchange.positions[intent.key]:
            yield f"{intent.ref} is sent while {exchange.positions[intent.key]:+d} is held"


def i10_no_entry_under_a_brake(watch: Watch, intents: tuple[OrderIntent, ...]) -> Iterator[str]:
    """Nothing that adds risk leaves while a brake holds it: on the disk, or promised to the operator."""
    storm = watch.storm
    for intent in intents:
        if intent.role is not Role.ENTRY:
            continue
        rows = storm.disk.conn.execute(
            "SELECT kind, scope, name FROM brake WHERE cleared_at IS NULL AND (scope = 'account' "
            "OR (scope = 'symbol' AND name = ?) OR (scope = 'strategy' AND name = ?))",
            (intent.key, intent.strategy),
        ).fetchall()
        if rows or storm.operator.promised:
            yield f"{intent.ref} is sent under {rows} / {sorted(storm.operator.promised)}"


def i18_limits_hold(watch: Watch, intents: tuple[OrderIntent, ...]) -> Iterator[str]:
    """With this entry no more positions than allowed are held, worked or of unknown fate."""
    desk = watch.storm.desk
    entries = [i for i in intents if i.role is Role.ENTRY]
    if desk is None or not entries:
        return
    exchange = watch.storm.exchange
    # What others do to the account, and what comes back after its end, is seen a while later.
    unseen = exchange.tampered.keys() | {h.key for h in exchange.orders.values() if h.came_back}
    busy = {key for key, held in exchange.positions.items() if held and key not in unseen}
    busy |= {
        h.key for h in exchange.orders.values() if h.role is Role.ENTRY and h.is_open and not h.came_back
    }
    busy |= {i.key for i in entries}
    if len(busy) > (1 if desk.mode is Mode.LIVE else desk.config.risk.max_positions):
        yield f"{entries[0].ref} would make {len(busy)} positions"


def i21_entries_only_when_ready(watch: Watch, intents: tuple[OrderIntent, ...]) -> Iterator[str]:
    """An entry leaves only in READY, over a line that is up and was compared since it came up."""
    storm = watch.storm
    desk, broker = storm.desk, storm.broker
    if desk is None or broker is None or not any(i.role is Role.ENTRY for i in intents):
        return
    if desk.state is not EngineState.READY:
        yield f"{intents[0].ref} is sent in {desk.state.value}"
    if not broker.pictures:
        yield f"{intents[0].ref} is sent before the account was compared on this line"


AT_SEND = (i2_durable_before_sent, i3_never_sent_twice)

AT_PLACE = (
    i3b_one_entry_per_signal,
    i3c_no_doubled_entry,
    i10_no_entry_under_a_brake,
    i30_no_proposal_after_a_brake,
    i37_nothing_else_is_closed,
    i18_limits_hold,
    i21_entries_only_when_ready,
)
