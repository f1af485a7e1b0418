"""What this run found at the broker and what was decided about it, and how both become recovery rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.api import Mode
from engine.api_recovery import RecoveryKind, RecoveryRow, RecoveryView
from engine.broker.port import BrokerOrder
from engine.domain.order import Order, OrderState
from engine.domain.position import Position
from engine.domain.price import Rounding, decimals, round_to_tick, tick_at
from engine.execution.kill import Spared
from engine.ledger.pnl import unrealized_usd
from engine.ledger.protection import protection
from engine.recovery.compare import Finding
from engine.recovery.decisions import Decision, Standing, standing
from engine.recovery.rows import (
    Known,
    ProposedStop,
    closed_row,
    filled_row,
    finding_row,
    order_text,
    position_row_id,
    strange_row,
    unknown_row,
)
from engine.runtime.desk import Desk

VIEW_S = 1.0
"""Real seconds after which the shown rows follow the prices."""


@dataclass(slots=True)
class RecoveryState:
    """One run's recovery. Written by the comparison and by whoever settles, on the engine's loop."""

    desk: Desk
    decisions: list[Decision]
    restored: tuple[Position, ...]
    """Positions as the store had them at this start."""
    state_at: datetime | None = None
    crashed: bool = False
    findings: tuple[Finding, ...] = ()
    """Of the last comparison."""
    done: dict[str, RecoveryRow] = field(default_factory=dict)
    """Rows of this run that need nobody any more: what was booked."""
    report: tuple[str, ...] = ()
    settling: bool = False
    asked: dict[str, int] = field(default_factory=dict)
    """orderRef of unknown fate -> how often the broker was asked about it."""
    ranges: dict[str, float] = field(default_factory=dict)
    """Instrument key -> average true range, where history was there."""

    _confirmed: frozenset[tuple[int, datetime]] | None = None
    """con_id and opening time of what the first comparison of this run found as we knew it."""
    _seen: tuple[RecoveryRow, ...] | None = None
    _next_view_s: float = 0.0

    @property
    def standing(self) -> Standing:
        """The decisions that hold."""
        return standing(self.decisions)

    def spared(self) -> Spared:
        """What every flatten and kill leaves alone."""
        foreign = {f.key: f.excess for f in self.desk.foreign if f.excess}
        return Spared(foreign, self.standing.foreign_orders)

    @property
    def agrees(self) -> bool:
        """True where the last complete comparison found nothing different at the broker."""
        same = all(f.kind is RecoveryKind.RESTORED for f in self.findings)
        return self.desk.verified and same and not self.desk.strange_orders

    def take(self, findings: tuple[Finding, ...]) -> None:
        """A complete comparison ended with these; what the first one confirms is what this start restored."""
        self.findings = findings
        if self._confirmed is None:
            alike = {f.con_id for f in findings if f.kind is RecoveryKind.RESTORED}
            held = (p for p in self.desk.books.positions() if p.con_id in alike)
            self._confirmed = frozenset((p.con_id, p.opened_at) for p in held)

    # --- rows -----------------------------------------------------------------------------------

    def view(self) -> RecoveryView:
        """As the snapshot carries it; its rows are at most `VIEW_S` old, and never older than a change."""
        now_s = self.desk.clock.monotonic()
        if self._seen is None or now_s >= self._next_view_s:
            self._seen, self._next_view_s = self.rows(), now_s + VIEW_S
        return RecoveryView(self._seen, self.report, self.state_at, self.crashed, self.settling)

    def touch(self) -> None:
        """Something changed that the rows show."""
        self._seen = None

    def rows(self) -> tuple[RecoveryRow, ...]:
        """Every row: those that wait for a decision first."""
        found = [*self._position_rows(), *self._strange_rows(), *self._unknown_rows()]
        current = {row.row_id for row in found}
        found += [row for row_id, row in self.done.items() if row_id not in current]
        return tuple(sorted(found, key=lambda row: (not row.choices, row.symbol, row.row_id)))

    def blocking(self) -> tuple[RecoveryRow, ...]:
        """Rows that keep the engine from entering anything: an unknown order blocks its symbol only."""
        return tuple(r for r in self.rows() if r.choices and r.kind is not RecoveryKind.UNKNOWN_ORDER)

    def remember(self, finding: Finding) -> None:
        """Keep the row of something that was booked."""
        row = finding_row(finding, self._known(finding.key, finding))
        self.done[row.row_id] = row

    def remember_settled(self, row: RecoveryRow, said: str) -> None:
        """Keep a row that somebody settled, with what came of it; one that still stands shows itself."""
        came = said.removeprefix(f"{row.symbol}: ")
        self.done[row.row_id] = replace(row, choices=(), proposal=came, stop_price=None, stop_text="")

    def remember_away(self) -> None:
        """Rows of what our own orders did to positions while nobody looked."""
        books = self.desk.books
        earlier = {before.key: before for before in self.restored}
        for before in self.restored:
            if books.position(before.key) is None:
                trades = [t for t in books.ledger.positions.trades() if t.key == before.key]
                row = closed_row(before, trades[-1] if trades else None, self._known(before.key))
                self.done[row.row_id] = row
        for now in books.positions():
            was = earlier.get(now.key)
            if (0 if was is None else was.quantity) != now.quantity:
                row = filled_row(was, now, self._known(now.key))
                self.done.setdefault(row.row_id, row)

    def _position_rows(self) -> Iterable[RecoveryRow]:
        for finding in self.findings:
            if finding.bookings:
                continue
            position = self.desk.books.position(finding.key)
            if finding.kind is RecoveryKind.RESTORED and not self._was_restored(position):
                continue
            yield finding_row(finding, self._known(finding.key, finding), position=position)

    def _was_restored(self, position: Position | None) -> bool:
        """False for what ended, was opened since the start, or has a row that says how it was changed."""
        if position is None or (position.con_id, position.opened_at) not in (self._confirmed or ()):
            return False
        changed = (RecoveryKind.QUANTITY, RecoveryKind.CORPORATE)
        return not any(position_row_id(position.con_id, kind) in self.done for kind in changed)

    def _strange_rows(self) -> Iterable[RecoveryRow]:
        left_alone = self.standing.foreign_orders
        may_send = self.desk.mode is not Mode.DRY_RUN
        for order in self.desk.strange_orders:
            perm_id = order.claim.perm_id
            yield strange_row(
                order,
                is_foreign=perm_id in left_alone,
                may_cancel=may_send and is_cancellable(order),
                decimals=self._decimals(order.key),
            )

    def _unknown_rows(self) -> Iterable[RecoveryRow]:
        for order in self.desk.books.open_orders():
            if order.state is OrderState.UNKNOWN:
                yield unknown_row(
                    order,
                    asked=self.asked.get(order.intent.ref, 0),
                    decimals=self._decimals(order.intent.key),
                    may_cancel=self.desk.mode is not Mode.DRY_RUN,
                )

    # --- what is known beside it ----------------------------------------------------------------

    def _decimals(self, key: str) -> int:
        instrument = self.desk.instruments.get(key)
        return 2 if instrument is None else decimals(instrument)

    def _known(self, key: str, finding: Finding | None = None) -> Known:
        position = self.desk.books.position(key)
        orders = self.desk.books.open_orders(key)
        places = self._decimals(key)
        stop = None if finding is None or not finding.is_orphan else self.proposed_stop(finding)
        instrument = self.desk.instruments.get(key)
        last = max(self._orders_of(key), key=lambda o: o.updated_at or o.intent.created_at, default=None)
        return Known(
            last_order="" if last is None else order_text(last, decimals=places),
            unrealized_usd=self._unrealized(key, finding),
            stop=stop,
            decimals=places,
            tick=None if instrument is None or stop is None else tick_at(instrument, stop.price),
            protected=0 if position is None else protection(position, orders).protected,
            may_send=self.desk.mode is not Mode.DRY_RUN,
        )

    def _orders_of(self, key: str) -> list[Order]:
        return [o for o in self.desk.books.orders() if o.intent.key == key]

    def _unrealized(self, key: str, finding: Finding | None) -> float | None:
        mark = self.desk.quotes.mark(key)
        if math.isnan(mark):
            return None
        if finding is not None and finding.kind is RecoveryKind.ORPHAN:
            price = self.unit_cost(finding)
            return (mark - price) * float(finding.excess) * self._multiplier(key)
        position = self.desk.books.position(key)
        return None if position is None else unrealized_usd((position,), {key: mark})

    def _multiplier(self, key: str) -> float:
        instrument = self.desk.instruments.get(key)
        return 1.0 if instrument is None else instrument.multiplier

    def unit_cost(self, finding: Finding) -> float:
        """Price per unit, as far as the broker's average tells it: the multiplier is taken out of it."""
        return finding.average_cost / self._multiplier(finding.key)

    def proposed_stop(self, finding: Finding) -> ProposedStop | None:
        """Where the stop of an adoption would go: by the range of the days before, else by percent."""
        settings = self.desk.config.orphans
        quantity = finding.excess if finding.kind is RecoveryKind.ORPHAN else finding.broker
        side = 1 if quantity > 0 else -1
        mark = self.desk.quotes.mark(finding.key)
        price = self.unit_cost(finding) if math.isnan(mark) else mark
        spread = self.ranges.get(finding.key)
        if spread is None:
            pct = self.desk.config.position.default_stop_pct
            distance, text = price * pct / 100, f"{pct:g} %"
        else:
            distance, text = spread * settings.stop_atr, f"{settings.stop_atr:g} × ATR(14)"
        stop = price - side * distance
        instrument = self.desk.instruments.get(finding.key)
        if not math.isfinite(stop) or stop <= 0:
            return None
        if instrument is None:
            return ProposedStop(round(stop, 2), text)
        return ProposedStop(round_to_tick(instrument, stop, Rounding.DOWN if side > 0 else Rounding.UP), text)


def is_cancellable(order: BrokerOrder) -> bool:
    """True where the broker takes a cancel of it from us: it was placed under our client id."""
    return order.is_ours and order.claim.order_id > 0
