"""What the ledger remarks on bookings, in words for people."""

from __future__ import annotations

from decimal import Decimal

from engine.domain.fill import Fill
from engine.domain.order import Order, OrderState
from engine.ledger.changes import Leg, Note, NoteCode, NoteLevel, StopMove, TradeRecord
from engine.ledger.events import StatusClaimed

_LEVELS = {
    OrderState.REJECTED: NoteLevel.WARNING,
    OrderState.UNKNOWN: NoteLevel.CRITICAL,
}


def words(fill: Fill) -> str:
    """An execution in short: `BUY 100 @ 5.25`."""
    return f"{fill.side.value} {fill.quantity} @ {fill.price}"


def fill_note(code: NoteCode, fill: Fill, text: str, level: NoteLevel) -> Note:
    """A remark about an execution."""
    return Note(code, level, fill.key, fill.order_ref, text)


def booking_notes(fill: Fill, old: Fill | None, *, is_guessed: bool) -> tuple[Note, ...]:
    """Remarks about a booked execution: under a guessed multiplier, in the place of the `old` one."""
    notes: tuple[Note, ...] = ()
    if is_guessed:
        text = f"{fill.key}: multiplier not known yet, execution {fill.exec_id} booked with 1"
        notes = (fill_note(NoteCode.UNKNOWN_MULTIPLIER, fill, text, NoteLevel.ERROR),)
    if old is not None:
        text = f"{fill.key}: {fill.exec_id} corrects {old.exec_id}: {words(old)} → {words(fill)}"
        notes = (*notes, fill_note(NoteCode.CORRECTION, fill, text, NoteLevel.WARNING))
    return notes


def stop_note(move: StopMove, before: Leg | None) -> Note:
    """A stop is meant to be somewhere else than before."""
    was = "none" if before is None or before.stop_price is None else f"{before.stop_price:g}"
    text = f"{move.key}: stop {was} → {move.price:g} ({move.why})"
    return Note(NoteCode.STOP_MOVED, NoteLevel.INFO, move.key, "", text)


def state_note(order: Order, before: OrderState) -> Note:
    """A step of an order, from the state `before`."""
    intent = order.intent
    words = f" ({order.message})" if order.message else ""
    text = f"{intent.key}: {intent.role} {intent.side} {intent.quantity} {before} → {order.state}{words}"
    return Note(NoteCode.ORDER_STATE, _LEVELS.get(order.state, NoteLevel.INFO), intent.key, intent.ref, text)


def contradiction_note(order: Order, claim: StatusClaimed) -> Note:
    """The broker calls an order working that was done."""
    intent = order.intent
    # One that was proven never sent and works all the same can open a position nobody counts.
    level = NoteLevel.CRITICAL if order.state is OrderState.ABANDONED else NoteLevel.WARNING
    text = (
        f"{intent.key}: the broker says {claim.status} for {intent.ref} (permId {claim.perm_id}), "
        f"which was {order.state}; ask again and cancel it if it works"
    )
    return Note(NoteCode.CONTRADICTION, level, intent.key, intent.ref, text)


def order_fill_notes(order: Order, fill: Fill, filled: int) -> tuple[Note, ...]:
    """Remarks about an execution of an order of ours; `filled` is what has filled of it with this one."""
    intent = order.intent
    text = f"{fill.key}: {intent.role} {fill.side} {fill.quantity} @ {fill.price}"
    notes = [Note(NoteCode.FILL, NoteLevel.INFO, fill.key, intent.ref, text)]
    if order.state.is_done and order.state is not OrderState.FILLED:
        text = f"{fill.key}: {intent.ref} was {order.state} and filled all the same ({fill.exec_id})"
        notes.append(Note(NoteCode.FILL_AFTER_DONE, NoteLevel.ERROR, fill.key, intent.ref, text))
    if filled > intent.quantity:
        text = f"{fill.key}: {intent.ref} filled {filled} of {intent.quantity}"
        notes.append(Note(NoteCode.OVERFILL, NoteLevel.CRITICAL, fill.key, intent.ref, text))
    return tuple(notes)


def closed_note(record: TradeRecord) -> Note:
    """What a closed round trip made."""
    trade = record.trade
    side = "long" if trade.quantity > 0 else "short"
    text = (
        f"{trade.key}: {side} {abs(trade.quantity)} closed ({trade.reason}), {_plain(trade.entry_price)} → "
        f"{_plain(trade.exit_price)}, net {trade.net_usd:+.2f} USD"
    )
    return Note(NoteCode.TRADE_CLOSED, NoteLevel.INFO, trade.key, "", text)


def _plain(price: Decimal) -> str:
    """A price for people: no more decimals than it has, six at most (an average may have any number)."""
    return f"{round(price, 6).normalize():f}"
