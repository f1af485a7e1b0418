"""The only holder of positions: every execution booked exactly once, in exchange-time order.

A position is derived, never set: anchor of the trading day + bookings since. A late, corrected or
re-priced booking re-derives what followed it, so that the order of arrival does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import islice

from engine.domain.fill import Fill, execution_base
from engine.domain.managed import InvalidPositionError, ManagedPosition, PositionState
from engine.domain.position import Position, Trade
from engine.ledger.booking import ZERO, Booking, booking_of
from engine.ledger.changes import BookedFill, Changes, Leg, Note, NoteCode, NoteLevel, StopMove, TradeRecord
from engine.ledger.events import Adjustment, Described, StopMoved
from engine.ledger.gaps import adjustment_booking, told_late
from engine.ledger.managed import (
    Closed,
    DuplicatePositionError,
    PartialRefusedError,
    checked_leg,
    open_position,
    partial_quantity,
)
from engine.ledger.notes import booking_notes, closed_note, fill_note, stop_note
from engine.ledger.past import DayPast
from engine.ledger.summary import DailySummary, daily_summary
from engine.ledger.track import Track


class PositionManager:
    """Positions, the day's trades and realised P&L. Single writer: the ledger."""

    def __init__(
        self,
        *,
        anchors: Iterable[Leg] = (),
        described: Iterable[Described] = (),
        known_exec_ids: Iterable[str] = (),
    ) -> None:
        """Start from the positions at the beginning of the trading day.

        `known_exec_ids` are executions booked before it, which a re-query may repeat.
        """
        self._terms: dict[str, Described] = {d.key: d for d in described}
        self.rejected: tuple[Note, ...] = ()
        """Stored positions that cannot be right: left out, so that the others count."""
        self._tracks = {leg.key: self._anchored(leg) for leg in anchors if self._is_sound(leg)}
        self._pending: dict[str, tuple[str, ManagedPosition]] = {}
        """Per instrument, the entry order that nothing of has filled, and what it is to become."""
        self._fills: dict[str, BookedFill] = {}
        self._earlier: dict[str, int] = {}
        self._early_commissions: dict[str, Decimal] = {}
        self._uncharged: set[str] = set()
        """Executions of today whose commission nobody has reported."""
        self._adjustments: set[str] = set()
        self.past = DayPast()
        self._seq = 0
        for exec_id in known_exec_ids:
            base, revision = execution_base(exec_id)
            self._earlier[base] = max(revision, self._earlier.get(base, -1))

    # --- reading -----------------------------------------------------------------------------

    def position(self, key: str) -> Position | None:
        """What is held of `key`; None when flat or never heard of."""
        track = self._tracks.get(key)
        return None if track is None else track.position

    def positions(self) -> tuple[Position, ...]:
        """Everything held, sorted by key."""
        return tuple(leg.position for leg in self.legs())

    def legs(self) -> tuple[Leg, ...]:
        """Everything held, with the totals behind it, sorted by key."""
        return tuple(t.leg for _, t in sorted(self._tracks.items()) if t.leg is not None)

    def fills(self) -> tuple[Fill, ...]:
        """The day's executions in order of arrival, corrections in the place of what they correct."""
        return tuple(booked.fill for booked in self._fills.values())

    def latest_fills(self, count: int) -> tuple[Fill, ...]:
        """The newest of them, newest first; looks no further back than it must."""
        return tuple(booked.fill for booked in islice(reversed(self._fills.values()), count))

    def trades(self) -> tuple[Trade, ...]:
        """The day's closed round trips by time of closing."""
        steps = [step for track in self._tracks.values() for step in track.steps]
        closed = [step.closed.trade for step in steps if step.closed is not None]
        return tuple(sorted(closed, key=lambda trade: (trade.closed_at, trade.key)))

    def realized_usd(self) -> Decimal:
        """Realised today by closes and partial closes, before fees."""
        return sum((s.realized_usd for t in self._tracks.values() for s in t.steps), ZERO)

    def fees_usd(self) -> Decimal:
        """Fees of today's executions as far as reported."""
        return sum((s.fee_usd for t in self._tracks.values() for s in t.steps), ZERO)

    def booked_usd(self) -> dict[str, Decimal]:
        """Per instrument, what was realised today less the fees reported."""
        sums = {key: (s.realized_usd - s.fee_usd for s in t.steps) for key, t in self._tracks.items()}
        return {key: sum(parts, ZERO) for key, parts in sums.items()}

    def uncharged_fills(self) -> tuple[Fill, ...]:
        """Executions of today whose commission is not reported yet, in order of their ids."""
        return tuple(self._fills[base].fill for base in sorted(self._uncharged))

    def get_daily_summary(self) -> DailySummary:
        """The day in figures, with its trades; complete also on a day without any."""
        return daily_summary(self.trades(), realized_usd=self.realized_usd(), fees_usd=self.fees_usd())

    def terms(self, key: str) -> Described | None:
        """The terms `key` is booked in."""
        return self._terms.get(key)

    def described(self) -> Mapping[str, Described]:
        """All terms known."""
        return self._terms

    def knows(self, exec_id: str) -> bool:
        """True where this very execution (or a later revision of it) is booked."""
        base, revision = execution_base(exec_id)
        return revision <= self._booked_revision(base)

    def knows_adjustment(self, adjustment_id: str) -> bool:
        """True where this change without an execution of ours is booked."""
        return adjustment_id in self._adjustments

    # --- managed positions ------------------------------------------------------------------

    def get_position(self, key: str) -> ManagedPosition | None:
        """What is held of `key`, or pending; None when neither. Never raises."""
        leg = self._leg(key)
        if leg is not None:
            return open_position(leg, self._terms.get(key))
        pending = self._pending.get(key)
        return None if pending is None else pending[1]

    def managed_positions(self) -> tuple[ManagedPosition, ...]:
        """Everything held and everything pending, sorted by key."""
        keys = {leg.key for leg in self.legs()} | self._pending.keys()
        found = (self.get_position(key) for key in sorted(keys))
        return tuple(position for position in found if position is not None)

    def create_position(self, position: ManagedPosition, *, order_ref: str) -> ManagedPosition:
        """Take in what the entry order `order_ref` is to become; it opens with the first fill.

        Raises DuplicatePositionError where something is held or pending in the instrument already.
        """
        if self.get_position(position.symbol) is not None:
            raise DuplicatePositionError(f"{position.symbol}: there is a position already; not created twice")
        if position.state is not PositionState.PENDING_ENTRY:
            raise InvalidPositionError(f"{position.symbol}: only executions open a position")
        self._pending[position.symbol] = (order_ref, position)
        return position

    def pending_refs(self) -> tuple[tuple[str, str], ...]:
        """(instrument, entry order) of everything pending."""
        return tuple((key, ref) for key, (ref, _) in self._pending.items())

    def drop_pending(self, key: str) -> None:
        """Its entry filled, or ended without a fill: nothing is pending in `key` any more."""
        self._pending.pop(key, None)

    def take_partial(self, key: str, fraction: float) -> int:
        """How many units a partial of `fraction` of what was entered may take now; 0: it is skipped.

        Nothing is booked: that is done by the executions of the order. Raises PartialRefusedError where
        more is asked for than is left.
        """
        leg = self._leg(key)
        if leg is None:
            raise PartialRefusedError(f"{key}: nothing is held to take a partial of")
        return partial_quantity(entered=leg.entered, held=abs(leg.quantity), fraction=fraction)

    def close_position(self, closing: Adjustment) -> Closed | None:
        """Book the end of a position that no execution of ours told of; None where nothing is held.

        Whatever quantity `closing` says, all that is left is closed, at its price (None: unknown).
        """
        leg = self._leg(closing.key)
        if leg is None:
            return None
        # It ends what is held now, so nothing that was booked may come after it.
        at = max(closing.at, self._tracks[closing.key].latest_at or closing.at)
        changes = self.adjust(replace(closing, quantity=-leg.quantity, at=at))
        return Closed(changes.trades[-1].trade, changes) if changes.trades else None

    # --- booking -----------------------------------------------------------------------------

    def apply_fill(self, booked: BookedFill, *, at: datetime | None = None) -> Changes:
        """Book an execution once, owned by its strategy. A higher revision of it takes its place.

        One that was told (`at`) after its change of the position had been booked without it takes that back.
        """
        fill = booked.fill
        base, revision = execution_base(fill.exec_id)
        if revision <= self._booked_revision(base):
            return Changes()
        if base in self._earlier and base not in self._fills:
            self._earlier[base] = revision
            text = f"execution {fill.exec_id} corrects one of an earlier day; reconcile {fill.key}"
            return Changes(notes=(fill_note(NoteCode.LATE_CORRECTION, fill, text, NoteLevel.ERROR),))
        known = self._fills.get(base)
        old = None if known is None else known.fill
        if old is not None and old.key != fill.key:
            text = f"execution {fill.exec_id} says {fill.key}, it was booked for {old.key}; not applied"
            return Changes(notes=(fill_note(NoteCode.LATE_CORRECTION, fill, text, NoteLevel.ERROR),))
        if fill.commission is None or self._early_commissions:
            fill = self._with_commission(fill, old)
        before = self._leg(fill.key)
        booking = booking_of(base, fill, booked)
        late = None
        if old is None:
            self._put(fill.key, booking)
            track = self._tracks[fill.key]
            late = told_late(track, fill, at=at or fill.at) if track.has_gaps else None
            if late is not None:
                self._book_adjustment(late)
        else:
            seq, _ = self._tracks[fill.key].take(base)
            self._put(fill.key, booking, seq)
        self._keep(base, booked if booked.fill is fill else booked._replace(fill=fill))
        self.past.on_fill(self._fills[base])
        changes = self._fill_changes(base, old, before)
        return changes if late is None else Changes(adjustments=(late,)) + changes

    def settle(self, booked: BookedFill) -> tuple[TradeRecord, ...]:
        """Book an execution where nobody stores what changed or reads what is remarked: the trades it closed.

        The same booking as `apply_fill`, which also takes over wherever there is more to it than a new
        execution with its commission.
        """
        fill = booked.fill
        base, track = fill.exec_id, self._tracks.get(fill.key)
        is_new = not ("." in base or base in self._fills or base in self._earlier)
        if track is None or track.has_gaps or not is_new or fill.commission is None:
            return self.apply_fill(booked).trades
        self._seq += 1
        track.put(booking_of(base, fill, booked), self._seq)
        self._fills[base] = booked
        self.past.on_fill(booked)
        self.past.on_bookings(track)
        return track.new_trades()

    def apply_commission(self, exec_id: str, amount: Decimal) -> Changes:
        """Book the commission of an execution; one that comes before its execution waits for it."""
        base, _ = execution_base(exec_id)
        booked = self._fills.get(base)
        if booked is None:
            if base not in self._earlier:
                self._early_commissions[base] = amount
            return Changes()
        fill = booked.fill
        if fill.commission == amount:
            return Changes()
        before = self._leg(fill.key)
        track = self._tracks[fill.key]
        seq, booking = track.take(base)
        track.put(booking._replace(fee_usd=amount), seq)
        self._keep(base, booked._replace(fill=replace(fill, commission=amount)))
        return Changes(fills=(self._fills[base],)) + self._changes(fill.key, before)

    def adjust(self, adjustment: Adjustment) -> Changes:
        """Book a change without an execution: a position taken over, or closed outside. Once per id."""
        if adjustment.adjustment_id in self._adjustments or adjustment.quantity == 0:
            return Changes()
        before = self._leg(adjustment.key)
        self._book_adjustment(adjustment)
        return Changes(adjustments=(adjustment,)) + self._changes(adjustment.key, before)

    def _book_adjustment(self, adjustment: Adjustment) -> None:
        self._adjustments.add(adjustment.adjustment_id)
        self._put(adjustment.key, adjustment_booking(adjustment))

    def move_stop(self, moved: StopMoved) -> Changes:
        """Say where the stop of an open position is meant to be. Nothing changes where it is meant there.

        Raises ValueError for a price that cannot be one: it would come back at every restart.
        """
        if not (math.isfinite(moved.price) and moved.price > 0):
            raise ValueError(f"{moved.key}: a stop cannot be moved to {moved.price}")
        leg = self._leg(moved.key)
        if leg is None or leg.stop_price == moved.price:
            return Changes()
        # Executions carry the broker's time, this our own: it must not slip in before what it is about.
        at = max(moved.at, self._tracks[moved.key].latest_at or moved.at)
        return self.put_stop(StopMove(moved.key, moved.price, moved.why, at, 1 if leg.quantity > 0 else -1))

    def put_stop(self, move: StopMove) -> Changes:
        """Book a move of a stop, also one that was stored."""
        before = self._leg(move.key)
        self._put(move.key, move)
        told = (stop_note(move, before),)
        return Changes(stop_moves=(move,), notes=told) + self._changes(move.key, before)

    def describe(self, terms: Described) -> Changes:
        """Learn an instrument's terms; what was booked today under a wrong multiplier is re-derived."""
        if self._terms.get(terms.key) == terms:
            return Changes()
        self._terms[terms.key] = terms
        track = self._tracks.get(terms.key)
        if track is None or track.multiplier == terms.multiplier:
            return Changes(described=(terms,))
        before = self._leg(terms.key)
        track.multiplier = terms.multiplier
        if track.anchor is not None:
            track.anchor = replace(track.anchor, multiplier=terms.multiplier)
        track.derive(0)
        return Changes(described=(terms,)) + self._changes(terms.key, before)

    def start_day(self) -> tuple[Leg, ...]:
        """Begin a trading day: what is held becomes the anchor, trades and P&L start at nothing."""
        for base, booked in self._fills.items():
            self._earlier[base] = execution_base(booked.fill.exec_id)[1]
        self._fills, self._uncharged = {}, set()
        self.past = DayPast()
        legs = self.legs()
        self._tracks = {leg.key: Track(leg.key, leg, leg.multiplier) for leg in legs}
        return legs

    # --- inside ------------------------------------------------------------------------------

    def _keep(self, base: str, booked: BookedFill) -> None:
        self._fills[base] = booked
        (self._uncharged.add if booked.fill.commission is None else self._uncharged.discard)(base)

    def _booked_revision(self, base: str) -> int:
        booked = self._fills.get(base)
        if booked is not None:
            return execution_base(booked.fill.exec_id)[1]
        return self._earlier.get(base, -1)

    def _with_commission(self, fill: Fill, old: Fill | None) -> Fill:
        early = self._early_commissions.pop(execution_base(fill.exec_id)[0], None)
        if fill.commission is not None:
            return fill
        # A correction keeps the fee of what it corrects until its own is reported.
        return replace(fill, commission=early if early is not None or old is None else old.commission)

    def _put(self, key: str, booking: Booking | StopMove, seq: int | None = None) -> None:
        track = self._tracks.get(key)
        if track is None:
            terms = self._terms.get(key)
            track = Track(key, None, Decimal(1) if terms is None else terms.multiplier)
            self._tracks[key] = track
        if seq is None:
            self._seq += 1
            seq = self._seq
        track.put(booking, seq)

    def _is_sound(self, leg: Leg) -> bool:
        try:
            checked_leg(leg, self._terms.get(leg.key))
        except InvalidPositionError as err:
            text = f"stored position left out, the broker's will be compared: {err}"
            note = Note(NoteCode.BAD_RECORD, NoteLevel.ERROR, leg.key, "", text)
            self.rejected = (*self.rejected, note)
            return False
        return True

    def _anchored(self, leg: Leg) -> Track:
        terms = self._terms.get(leg.key)
        multiplier = leg.multiplier if terms is None else terms.multiplier
        return Track(leg.key, replace(leg, multiplier=multiplier), multiplier)

    def _leg(self, key: str) -> Leg | None:
        track = self._tracks.get(key)
        return None if track is None else track.leg

    def _changes(self, key: str, before: Leg | None) -> Changes:
        track = self._tracks[key]
        self.past.on_bookings(track)
        return track.changes(before, tell=closed_note)

    def _fill_changes(self, base: str, old: Fill | None, before: Leg | None) -> Changes:
        booked = self._fills[base]
        track = self._tracks[booked.fill.key]
        self.past.on_bookings(track)
        is_guessed = booked.fill.key not in self._terms and track.anchor is None
        return track.changes(
            before,
            tell=closed_note,
            fills=(booked,),
            replaced_fills=() if old is None else (old.exec_id,),
            notes=booking_notes(booked.fill, old, is_guessed=is_guessed),
        )
