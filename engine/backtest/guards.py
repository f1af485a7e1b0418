"""What the live engine does to orders and positions as time passes, in a run: gives up, closes, rolls.

* An entry that has not filled in time is cancelled, or its rest goes at market; it has had one bar at least.
* A position that was open too long is closed. Hours count while its market is open.
* A position in a continuous future moves over where the series changes its contract, and pays for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from engine.backtest.book import Book
from engine.backtest.middle import Middle
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.backtest.setting import BacktestConfig
from engine.backtest.slot import NEVER_NS, Resting, Slot
from engine.backtest.venue import Venue
from engine.domain.market import Bar
from engine.domain.order import OrderIntent, OrderType, Role, Side, Tif
from engine.domain.position import Position
from engine.domain.reasons import Reason
from engine.risk.age import clock_began, reaches

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """The end of a bar at which somebody looks."""

    bar: Bar
    end_ns: int


class Guards:
    """Looked at only where something is due; `due_ns` says when that is."""

    def __init__(
        self, config: BacktestConfig, series: Sequence[BarSeries], *, book: Book, venue: Venue, middle: Middle
    ) -> None:
        self._config, self._book, self._venue, self._middle = config, book, venue, middle
        self._rolls = [one.rolls_ns for one in series]
        self._timeout_ns = int(config.unfilled_timeout_s * NANOSECONDS)
        self._max_age: Mapping[str, timedelta] = {
            run.strategy.name: run.max_age_h * _HOUR for run in config.strategies if run.max_age_h > 0
        }
        self._old: dict[int, tuple[datetime, int]] = {}
        """Slot -> when the clock of its position began, and when its time is up."""

    def due_ns(self, slot: Slot) -> int:
        """From when on something of it has to be looked at."""
        due = NEVER_NS
        if self._timeout_ns:
            for order in slot.orders:
                if order.adds_risk:
                    due = min(due, order.at_ns + self._timeout_ns + 1)
        if not slot.quantity or not (self._max_age or self._rolls[slot.index]):
            return due
        return min(due, self._old_ns(slot), self._roll_ns(slot))

    def look(self, slot: Slot, bar: Bar, end_ns: int) -> None:
        """Do what is due at the end of this bar."""
        now = Moment(bar, end_ns)
        rolls = self._rolls[slot.index]
        if slot.quantity and rolls and self._roll_ns(slot) <= end_ns:
            self._roll(slot, now)
        for order in [o for o in slot.orders if o.adds_risk]:
            if self._timeout_ns and end_ns > order.at_ns + self._timeout_ns:
                self._give_up(slot, order, now)
        if slot.quantity and end_ns >= self._old_ns(slot):
            self._middle.close(slot, role=Role.FLATTEN, reason=Reason.MAX_AGE.value, at=bar.end, at_ns=end_ns)

    # --- too old --------------------------------------------------------------------------------

    def _old_ns(self, slot: Slot) -> int:
        position = self._book.position(slot.key)
        limit = None if position is None else self._max_age.get(position.owner)
        if position is None or limit is None:
            return NEVER_NS
        since, known = clock_began(position), self._old.get(slot.index)
        if known is None or known[0] != since:
            # Sessions before it was opened do not count, so that most of them need no look.
            hours = slot.sessions[max(0, slot.session - 1) :]
            at = reaches(hours, since, limit)
            up_ns = NEVER_NS if at is None else int(at.timestamp()) * NANOSECONDS + 1
            known = self._old[slot.index] = (since, up_ns)
        return known[1]

    # --- not filled in time ---------------------------------------------------------------------

    def _give_up(self, slot: Slot, order: Resting, now: Moment) -> None:
        left, intent = order.left, order.intent
        stop = next((o.intent for o in slot.orders if o.intent.parent_ref == intent.ref), None)
        self._venue.cancel(slot, [order], Reason.UNFILLED.value, at_ns=now.end_ns)
        # A market order that does not fill waits for a market: that one is only cancelled.
        if not self._config.converts_unfilled or intent.order_type is not OrderType.LIMIT or stop is None:
            return
        entry = replace(
            intent,
            ref=self._middle.new_ref(slot, Role.ENTRY),
            quantity=left,
            order_type=OrderType.MARKET,
            limit_price=None,
            created_at=now.bar.end,
        )
        cover = replace(stop, ref=self._middle.new_ref(slot, Role.STOP), quantity=left, parent_ref=entry.ref)
        self._middle.place_bracket(slot, entry, cover, at_ns=now.end_ns)

    # --- the contract changes -------------------------------------------------------------------

    def _roll_ns(self, slot: Slot) -> int:
        """The next change of contract that its position has still to come over."""
        rolls = self._rolls[slot.index]
        if not rolls:
            return NEVER_NS
        position = self._book.position(slot.key)
        if position is None:
            return NEVER_NS
        # What was bought in the first bar of a contract is that contract already.
        opened_ns = int(position.opened_at.timestamp()) * NANOSECONDS
        number = bisect_right(rolls, opened_ns + slot.seconds * NANOSECONDS)
        return rolls[number] if number < len(rolls) else NEVER_NS

    def _roll(self, slot: Slot, now: Moment) -> None:
        """Out of the old contract and into the new one, at this bar's close; both legs pay."""
        position = self._book.position(slot.key)
        if position is None:
            return
        stops = [o for o in slot.orders if o.intent.role is Role.STOP]
        self._venue.cancel(slot, stops, Reason.ROLL.value, at_ns=now.end_ns)
        side = Side.BUY if position.quantity > 0 else Side.SELL
        out = self._leg(slot, position, Role.FLATTEN, side.opposite, now)
        into = self._leg(slot, position, Role.ENTRY, side, now)
        self._fill(slot, [self._middle.resting(out, now.end_ns)], now)
        entry = self._middle.resting(into, now.end_ns)
        cover = [self._cover(slot, into, one.intent, now) for one in stops[:1]]
        for one in cover:
            entry.protect = one.intent.stop_price
        self._fill(slot, [entry, *cover], now)
        self._venue.place(slot, *cover)

    def _fill(self, slot: Slot, orders: Sequence[Resting], now: Moment) -> None:
        """The first of these fills at this bar's close; the others begin with it."""
        self._book.register(slot, *orders)
        moments, first = (now.bar.end, now.end_ns, now.end_ns), orders[0]
        self._book.fill(slot, first, first.left, now.bar.close, moments, volume=now.bar.volume)

    def _cover(self, slot: Slot, entry: OrderIntent, stop: OrderIntent, now: Moment) -> Resting:
        intent = replace(
            stop,
            ref=self._middle.new_ref(slot, Role.STOP),
            quantity=entry.quantity,
            parent_ref=entry.ref,
            created_at=now.bar.end,
        )
        return self._middle.resting(intent, now.end_ns)

    def _leg(self, slot: Slot, position: Position, role: Role, side: Side, now: Moment) -> OrderIntent:
        return OrderIntent(
            ref=self._middle.new_ref(slot, role),
            strategy=position.owner,
            key=slot.key,
            con_id=position.con_id,
            role=role,
            side=side,
            quantity=abs(position.quantity),
            order_type=OrderType.MARKET,
            tif=Tif.DAY,
            created_at=now.bar.end,
            note="the contract changes",
            reason=Reason.ROLL.value if role is Role.FLATTEN else "",
            plan=position.plan,
        )
