"""One instrument's bookings of the day in exchange-time order, and the position after each of them.

Derived, never set: a late or corrected booking re-derives everything that followed it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from operator import itemgetter

from engine.domain.position import Position
from engine.domain.reasons import Reason
from engine.ledger.booking import ZERO, Booking, Step, book
from engine.ledger.changes import BookedFill, Changes, Leg, Note, StopMove, TradeRecord

GAP = "gap-"
"""Begins the id of what was booked at an unknown price because the broker's quantity was another."""
TOLD = "told-"
"""Begins the id of what is taken back from a gap: an execution came that explains it."""

_Entry = tuple[tuple[float, int], Booking | StopMove]
_order = itemgetter(0)
_STOP = Reason.STOP.value


class Track:
    """What was booked of one key since the day's anchor."""

    def __init__(self, key: str, anchor: Leg | None, multiplier: Decimal) -> None:
        self.key = key
        self.anchor = anchor
        self.multiplier = multiplier
        self.entries: list[_Entry] = []
        self.steps: list[Step] = []
        self._known: tuple[Leg, Position] | None = None
        self.has_gaps = False
        """Something was booked here because the broker's quantity was another."""
        self._stop_outs: list[datetime | None] = []
        """As of each step, when a stop had last closed a position: asked at every booking of a long day."""
        # Trades that deriving brought and took away since `changes` was last asked.
        self._made: dict[str, TradeRecord] = {}
        self._undone: dict[str, TradeRecord] = {}

    @property
    def leg(self) -> Leg | None:
        """The position as it stands."""
        return self.steps[-1].leg if self.steps else self.anchor

    @property
    def position(self) -> Position | None:
        """The same as the rest of the engine sees it; made once per change."""
        leg = self.leg
        if leg is None:
            return None
        known = self._known
        if known is None or known[0] is not leg:
            known = self._known = leg, leg.position
        return known[1]

    @property
    def latest_at(self) -> datetime | None:
        """Exchange time of the last booking; None before any."""
        return self.entries[-1][1].at if self.entries else None

    def bookings_newest_first(self) -> Iterator[Booking]:
        """Bookings by exchange time, the newest first."""
        return (entry for _, entry in reversed(self.entries) if isinstance(entry, Booking))

    @property
    def last_fill_at(self) -> datetime | None:
        """Of the latest execution of an order of ours; None where there is none."""
        for _, entry in reversed(self.entries):
            if isinstance(entry, Booking) and entry.order_ref:
                return entry.at
        return None

    @property
    def last_stop_out_at(self) -> datetime | None:
        """When a protective stop last closed a position; None where none did."""
        return self._stop_outs[-1] if self._stop_outs else None

    def put(self, entry: Booking | StopMove, seq: int) -> None:
        """Insert by exchange time; `seq` keeps the order of arrival among equal times."""
        # An execution of an order of ours is neither, and nearly all are that.
        if isinstance(entry, Booking) and not entry.order_ref:
            if entry.booking_id.startswith(TOLD):
                self._take_back(entry.quantity)
                return
            if entry.booking_id.startswith(GAP):
                self.has_gaps = True
        place, entries = (entry.at.timestamp(), seq), self.entries
        if not entries or entries[-1][0] <= place:
            # As good as always: nothing follows it that would have to be derived again.
            entries.append((place, entry))
            self._follow(entry)
            return
        index = bisect_right(entries, place, key=_order)
        entries.insert(index, (place, entry))
        self.derive(index)

    def _take_back(self, quantity: int) -> None:
        """Make gaps smaller by so much (of the other sign), the newest first, as if never booked."""
        for index in range(len(self.entries) - 1, -1, -1):
            place, entry = self.entries[index]
            if not isinstance(entry, Booking) or not entry.booking_id.startswith(GAP):
                continue
            if entry.quantity * quantity >= 0:
                continue
            left = entry.quantity + quantity
            quantity = left if left * quantity > 0 else 0
            if left * entry.quantity > 0:
                self.entries[index] = (place, entry._replace(quantity=left))
            else:
                del self.entries[index]
            self.derive(index)

    def take(self, booking_id: str) -> tuple[int, Booking]:
        """Remove a booking and return it with its place in the order of arrival."""
        # From the newest on: what is corrected or charged is as a rule what was booked last.
        for index in range(len(self.entries) - 1, -1, -1):
            (_, seq), entry = self.entries[index]
            if isinstance(entry, Booking) and entry.booking_id == booking_id:
                del self.entries[index]
                self.derive(index)
                return seq, entry
        raise LookupError(f"{self.key}: nothing is booked as {booking_id}")

    def derive(self, start: int) -> None:
        """Recompute the position from entry `start` on."""
        for step in self.steps[start:]:
            if step.closed is not None and self._made.pop(step.closed.closed_by, None) is None:
                self._undone[step.closed.closed_by] = step.closed
        del self.steps[start:], self._stop_outs[start:]
        for _, entry in self.entries[start:]:
            self._follow(entry)

    def _follow(self, entry: Booking | StopMove) -> None:
        """One more step, from the position as it stands."""
        step, outs = self._step(entry), self._stop_outs
        closed, out = step.closed, None
        if closed is not None:
            self._made[closed.closed_by] = closed
            out = _stop_out(closed)
        outs.append(out or (outs[-1] if outs else None))
        self.steps.append(step)

    def _step(self, entry: Booking | StopMove) -> Step:
        if isinstance(entry, Booking):
            return book(self.leg, entry, key=self.key, multiplier=self.multiplier)
        leg = self.leg
        if leg is not None and leg.quantity * entry.sign > 0:
            leg = replace(leg, stop_price=entry.price)
        return Step(leg, None, ZERO, ZERO)

    def new_trades(self) -> tuple[TradeRecord, ...]:
        """The trades that were not there, or were others, at the last time of asking."""
        made, undone = self._made, self._undone
        if not (made or undone):
            return ()
        self._made, self._undone = {}, {}
        return tuple([r for name, r in made.items() if undone.get(name) != r])

    def changes(
        self,
        before: Leg | None,
        *,
        tell: Callable[[TradeRecord], Note],
        fills: tuple[BookedFill, ...] = (),
        replaced_fills: tuple[str, ...] = (),
        notes: tuple[Note, ...] = (),
    ) -> Changes:
        """What is different from `before` and from the trades at the last time of asking.

        With the executions that made the difference, what they replace, and what was remarked on them.
        """
        leg, made, undone = self.leg, self._made, self._undone
        new_trades = self.new_trades()
        told = [tell(r) for r in new_trades if r.closed_by not in undone]
        return Changes(
            fills=fills,
            replaced_fills=replaced_fills,
            legs=() if leg is None or leg == before else (leg,),
            flat_keys=(self.key,) if leg is None and before is not None else (),
            trades=new_trades,
            withdrawn_trades=tuple(name for name in undone if name not in made),
            notes=(*notes, *told),
        )


def _stop_out(closed: TradeRecord) -> datetime | None:
    trade = closed.trade
    return trade.closed_at if trade.reason == _STOP else None
