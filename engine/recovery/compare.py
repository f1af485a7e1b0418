"""The difference between the broker's account and our books: what it is, and what is booked. Pure.

The broker is right about quantities, we about everything else. What can be explained by executions is
booked at their prices, what cannot at an unknown price; what nobody knows is never taken over by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from engine.api_recovery import RecoveryKind
from engine.broker.port import BrokerOrder, BrokerPosition, Execution
from engine.domain.position import Position
from engine.ledger.events import Adjustment
from engine.recovery.explain import close_out, explain, split_ratio, stays_worth

TOLERANCE = Decimal("0.1")
"""Shares: a fraction up to this is shown and tolerated."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One instrument as books and broker have it."""

    kind: RecoveryKind
    key: str
    con_id: int
    ours: int
    """Signed quantity of our books."""
    broker: Decimal
    """Signed quantity at the broker, a foreign part included."""
    average_cost: float = 0.0
    """As the broker states it: fees and multiplier included."""
    sec_type: str = ""
    excess: Decimal = Decimal(0)
    """Signed part of the broker's quantity that is not ours; what an orphan or a foreign row is about."""
    bookings: tuple[Adjustment, ...] = ()
    """What brings the books to the broker's quantity; booked once the difference has lasted."""
    executions: tuple[Execution, ...] = ()
    """Executions that are not ours and explain the difference."""
    corporate: str = ""
    """What seems to have happened to the instrument itself: `split 2:1`, `forced liquidation` …"""
    moved_from: tuple[str, int] | None = None
    """Key and con_id under which our books hold it, where the instrument's name or number changed."""

    @property
    def fingerprint(self) -> tuple[int, int, Decimal]:
        """Equal for two looks that saw the same."""
        return self.con_id, self.ours, self.broker

    @property
    def is_orphan(self) -> bool:
        """True where a person (or the policy) has to decide."""
        return self.kind is RecoveryKind.ORPHAN or (self.kind is RecoveryKind.CORPORATE and not self.bookings)

    @property
    def text(self) -> str:
        """The difference in one line for people."""
        broker = f"{self.broker.normalize():f}"
        if self.kind is RecoveryKind.ORPHAN and not self.ours:
            return (
                f"{self.key}: the broker holds {broker} at an average cost of {self.average_cost:,.2f}, "
                "our books know nothing of it"
            )
        delta = f"{(self.broker - self.ours).normalize():+f}"
        what = f" ({self.corporate})" if self.corporate else ""
        return f"{self.key}: the broker holds {broker}, our books say {self.ours}, difference {delta}{what}"


@dataclass(frozen=True, slots=True)
class _Both:
    """One instrument from both sides."""

    ours: Position | None
    broker: BrokerPosition | None
    foreign: Decimal
    strangers: tuple[Execution, ...]
    at: datetime

    @property
    def held(self) -> int:
        return 0 if self.ours is None else self.ours.quantity

    @property
    def listed(self) -> Decimal:
        return Decimal(0) if self.broker is None else self.broker.quantity

    def finding(self, kind: RecoveryKind, **more: object) -> Finding:
        some = self.broker or self.ours
        if some is None:
            raise ValueError("a finding needs a position on one side")
        found = Finding(kind, some.key, some.con_id, self.held, self.listed)
        if self.broker is not None:
            cost, sec_type = self.broker.average_cost, self.broker.sec_type
            found = replace(found, average_cost=cost, sec_type=sec_type)
        return replace(found, **more)  # type: ignore[arg-type]  # fields of Finding by name


def compare_positions(
    ours: Iterable[Position],
    broker: Iterable[BrokerPosition],
    *,
    at: datetime,
    foreign: Mapping[int, Decimal] | None = None,
    strangers: Sequence[Execution] = (),
) -> tuple[Finding, ...]:
    """One finding per instrument on either side, also where both agree, sorted by key.

    `foreign` maps con_id to the quantity a person left alone; `strangers` are executions that are neither
    ours nor used to explain something before.
    """
    left = dict(foreign or {})
    mine = {p.con_id: p for p in ours}
    theirs = {p.con_id: p for p in broker}
    found = [
        finding
        for con_id in mine.keys() | theirs.keys()
        for finding in _judge(
            _Both(
                mine.get(con_id),
                theirs.get(con_id),
                left.get(con_id, Decimal(0)),
                tuple(e for e in strangers if e.fill.con_id == con_id),
                at,
            )
        )
    ]
    return tuple(sorted(_with_moves(found, mine), key=lambda f: (f.key, f.con_id, f.kind)))


def _judge(both: _Both) -> tuple[Finding, ...]:
    gap = both.listed - both.foreign - both.held
    if abs(gap) <= TOLERANCE:
        return _agreeing(both)
    if both.ours is None:
        return (_unknown(both, both.listed),)
    if both.foreign and abs(both.listed - both.foreign) <= TOLERANCE:
        # What was left alone is there as it was; ours is what ended.
        explained = explain(-both.held, both.strangers)
        closed = _changed(both, both.ours, 0, explained, RecoveryKind.CLOSED_AWAY)
        return closed, both.finding(RecoveryKind.FOREIGN, excess=both.foreign)
    beyond = both.listed - both.held
    if both.foreign and beyond * both.held >= 0:
        # What a person left alone has changed; the whole part that is ours stays ours.
        return (_unknown(both, beyond),) if int(beyond) else _agreeing(replace(both, foreign=beyond))
    return _ours_changed(both, both.ours)


def _agreeing(both: _Both) -> tuple[Finding, ...]:
    if both.ours is None:
        return (both.finding(RecoveryKind.FOREIGN, excess=both.foreign),) if both.foreign else ()
    if both.broker is not None and both.broker.key != both.ours.key:
        moved = (both.ours.key, both.ours.con_id)
        renamed = f"{both.ours.key} is called {both.broker.key} now"
        return (
            both.finding(
                RecoveryKind.CORPORATE, corporate=renamed, moved_from=moved, excess=Decimal(both.held)
            ),
        )
    restored = both.finding(RecoveryKind.RESTORED)
    if not both.foreign:
        return (restored,)
    return restored, both.finding(RecoveryKind.FOREIGN, excess=both.foreign)


def _unknown(both: _Both, excess: Decimal) -> Finding:
    """A position nobody knows; a fraction of a share can be owned by nobody and is left alone."""
    whole = int(excess)
    if not whole:
        return both.finding(RecoveryKind.FOREIGN, excess=excess)
    explained = explain(whole, both.strangers) or ()
    return both.finding(RecoveryKind.ORPHAN, excess=Decimal(whole), executions=explained)


def _ours_changed(both: _Both, ours: Position) -> tuple[Finding, ...]:
    """We held something and the broker holds less, more, nothing, or the other side."""
    whole = int(both.listed)
    if whole == ours.quantity:
        fraction = both.listed - whole
        return both.finding(RecoveryKind.RESTORED), both.finding(RecoveryKind.FOREIGN, excess=fraction)
    explained = explain(whole - ours.quantity, both.strangers)
    if whole * ours.quantity > 0:
        ratio = None if explained or both.broker is None else split_ratio(ours, both.broker)
        if ratio is not None:
            excess = Decimal(whole - ours.quantity)
            return (both.finding(RecoveryKind.CORPORATE, corporate=f"split {ratio}", excess=excess),)
        return (_changed(both, ours, whole, explained, RecoveryKind.QUANTITY),)
    closed = _changed(both, ours, 0, explained, RecoveryKind.CLOSED_AWAY)
    if not whole:
        return (closed,)
    # The other side is never taken over: ours ended, and what is there now is an orphan.
    return closed, both.finding(
        RecoveryKind.ORPHAN, excess=Decimal(whole), executions=explained or (), ours=ours.quantity
    )


def _changed(
    both: _Both, ours: Position, target: int, explained: tuple[Execution, ...] | None, kind: RecoveryKind
) -> Finding:
    bookings = close_out(ours, target, explained or (), at=both.at)
    liquidated = any(e.liquidation for e in explained or ())
    return both.finding(
        RecoveryKind.CORPORATE if liquidated else kind,
        bookings=bookings,
        executions=explained or (),
        corporate="forced liquidation by the broker" if liquidated else "",
        key=ours.key,
    )


def _with_moves(found: list[Finding], mine: Mapping[int, Position]) -> list[Finding]:
    """A position that vanished and one of the same quantity and cost that appeared: one that was renamed."""
    gone = [f for f in found if f.kind is RecoveryKind.CLOSED_AWAY and not f.executions and not f.broker]
    for orphan in [f for f in found if f.kind is RecoveryKind.ORPHAN and not f.ours and not f.executions]:
        same = next(
            (
                f
                for f in gone
                if f.ours == orphan.excess and stays_worth(mine[f.con_id], orphan.broker, orphan.average_cost)
            ),
            None,
        )
        if same is not None:
            gone.remove(same)
            found.remove(same)
            found[found.index(orphan)] = replace(
                orphan,
                kind=RecoveryKind.CORPORATE,
                corporate=f"{same.key} became {orphan.key}",
                moved_from=(same.key, same.con_id),
            )
    return found


def unknown_orders(broker: Iterable[BrokerOrder], known_refs: frozenset[str]) -> tuple[BrokerOrder, ...]:
    """Open orders at the broker that our books do not know."""
    return tuple(o for o in broker if o.claim.order_ref not in known_refs)


def vanished(
    open_refs: Iterable[str], broker_open: Iterable[BrokerOrder], broker_done: Iterable[BrokerOrder]
) -> tuple[str, ...]:
    """Orders we believe are out and that the broker lists neither as open nor as completed.

    Absence is not rejection: they are of unknown fate, never "not sent".
    """
    listed = {o.claim.order_ref for o in broker_open} | {o.claim.order_ref for o in broker_done}
    return tuple(ref for ref in open_refs if ref not in listed)
