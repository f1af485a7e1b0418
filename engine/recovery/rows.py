"""The rows of the recovery screen: a finding, an order or an ended position, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from engine.api_recovery import RecoveryChoice, RecoveryKind, RecoveryRow
from engine.broker.port import BrokerOrder, Execution
from engine.domain.order import Order
from engine.domain.position import Position, Trade
from engine.recovery.compare import Finding

_WORDS = {
    RecoveryKind.RESTORED: "none",
    RecoveryKind.CLOSED_AWAY: "closed while away",
    RecoveryKind.QUANTITY: "other quantity",
    RecoveryKind.ORPHAN: "orphan",
    RecoveryKind.FOREIGN: "foreign",
}

_ORPHAN_CHOICES = (RecoveryChoice.ADOPT, RecoveryChoice.CLOSE, RecoveryChoice.FOREIGN)


class ProposedStop(NamedTuple):
    """The stop that an adoption would place."""

    price: float
    text: str
    """What it is made of: `2 × ATR(14)`, `2.0 %`."""


class Known(NamedTuple):
    """What the engine knows of an instrument beside the finding."""

    last_order: str = ""
    unrealized_usd: float | None = None
    stop: ProposedStop | None = None
    decimals: int = 2
    tick: float | None = None
    """Price increment where the proposed stop lies; None where the instrument is not described."""
    protected: int = 0
    """Units of our position that working stops cover."""
    may_send: bool = True
    """False in a dry run: then a row can only be left alone."""


def position_row_id(con_id: int, kind: RecoveryKind) -> str:
    """The same from one look to the next. One instrument can have a row of each kind."""
    return f"{'position' if kind is RecoveryKind.ORPHAN else kind.value} {con_id}"


def held_text(quantity: Decimal | int) -> str:
    """`50 long`, `30 short`, `flat`."""
    size = abs(Decimal(quantity)).normalize()
    return f"{size:f} {'long' if quantity > 0 else 'short'}" if quantity else "flat"


def finding_row(finding: Finding, known: Known, *, position: Position | None = None) -> RecoveryRow:
    """The row of one instrument; it waits for a decision where the finding does."""
    choices = _choices(finding, known)
    return RecoveryRow(
        row_id=position_row_id(finding.con_id, finding.kind),
        kind=finding.kind,
        symbol=finding.key,
        ours=finding.ours,
        ours_text=held_text(finding.ours) + _left(position) if finding.ours else "nothing",
        broker=float(finding.broker),
        broker_text=held_text(finding.broker),
        difference=_difference(finding, known, position),
        since=_since(finding, position),
        last_order=known.last_order,
        unrealized_usd=known.unrealized_usd,
        choices=choices,
        proposal=_proposal(finding, known, choices),
        stop_price=known.stop.price if known.stop is not None and choices else None,
        stop_text=known.stop.text if known.stop is not None and choices else "",
        excess=_excess(finding),
        decimals=known.decimals,
        tick=known.tick,
        evidence=_evidence(finding),
        stamp=f"{finding.kind} {finding.ours} {finding.broker} {finding.excess} {finding.corporate}",
    )


def _left(position: Position | None) -> str:
    """How much of what was entered is still open, where something was taken: ` ½`, ` 30 %`."""
    if position is None or position.remaining >= 1.0:
        return ""
    return " ½" if position.remaining == 0.5 else f" {position.remaining:.0%}".replace("%", " %")


def _excess(finding: Finding) -> float:
    """What a decision is about: the part nobody knows of; after a corporate action all that is there now."""
    whole = finding.kind is RecoveryKind.CORPORATE
    return float(finding.broker if whole else finding.excess)


def _choices(finding: Finding, known: Known) -> tuple[RecoveryChoice, ...]:
    if not finding.is_orphan:
        return ()
    if not known.may_send:
        return () if finding.ours else (RecoveryChoice.FOREIGN,)
    if finding.kind is RecoveryKind.CORPORATE:
        # Ours under another name or number: it can be taken over as it is now, or closed.
        return (RecoveryChoice.ADOPT, RecoveryChoice.CLOSE)
    return _ORPHAN_CHOICES


def _difference(finding: Finding, known: Known, position: Position | None) -> str:
    if finding.corporate:
        return finding.corporate
    if finding.kind is RecoveryKind.RESTORED:
        full = position is not None and known.protected >= abs(position.quantity)
        return "none · stop alive" if full else "none · no full stop"
    if finding.kind is RecoveryKind.ORPHAN and finding.ours:
        return "orphan · the other side" if finding.ours * finding.excess < 0 else "orphan · beside ours"
    if finding.kind is RecoveryKind.FOREIGN and not int(finding.excess):
        return f"foreign · fraction of {abs(finding.excess).normalize():f}"
    return _WORDS[finding.kind]


def _since(finding: Finding, position: Position | None) -> datetime | None:
    if finding.executions:
        return min(e.fill.at for e in finding.executions)
    return position.opened_at if position is not None and finding.kind is RecoveryKind.RESTORED else None


def _proposal(finding: Finding, known: Known, choices: Sequence[RecoveryChoice]) -> str:
    if choices:
        stop = f" with a stop at {known.stop.price:.{known.decimals}f}" if known.stop else ""
        return f"adopt{stop}" if RecoveryChoice.ADOPT in choices else "leave as foreign"
    if finding.bookings:
        unpriced = any(b.price is None for b in finding.bookings)
        return "booked at an unknown price" if unpriced else "booked from executions"
    return "restored" if finding.kind is RecoveryKind.RESTORED else "left alone"


def _evidence(finding: Finding) -> tuple[str, ...]:
    broker = f"broker: {finding.broker.normalize():f} at an average cost of {finding.average_cost:,.4f}"
    ours = f"books: {finding.ours}"
    booked = tuple(
        f"booked: {b.quantity:+d} at {'an unknown price' if b.price is None else b.price} ({b.reason})"
        for b in finding.bookings
    )
    return (broker, ours, *(execution_text(e) for e in finding.executions), *booked)


def execution_text(execution: Execution) -> str:
    """One execution of somebody else as evidence."""
    fill = execution.fill
    forced = ", forced by the broker" if execution.liquidation else ""
    return (
        f"execution {fill.exec_id}: {fill.side.value} {fill.quantity} @ {fill.price} at "
        f"{fill.at:%Y-%m-%d %H:%M:%S} UTC, permId {fill.perm_id}, client {execution.client_id}{forced}"
    )


def closed_row(before: Position, trade: Trade | None, known: Known) -> RecoveryRow:
    """A position of ours that ended while nobody looked."""
    if trade is None:
        said = "closed; the trade is not known"
    else:
        price = f"{trade.exit_price:.{known.decimals}f}"
        said = f"{trade.reason} {price} booked {trade.net_usd:+,.2f}"
    return RecoveryRow(
        row_id=position_row_id(before.con_id, RecoveryKind.CLOSED_AWAY),
        kind=RecoveryKind.CLOSED_AWAY,
        symbol=before.key,
        ours=before.quantity,
        ours_text=held_text(before.quantity),
        broker=0.0,
        broker_text="flat",
        difference="closed while away",
        since=None if trade is None else trade.closed_at,
        last_order=known.last_order,
        unrealized_usd=None,
        choices=(),
        proposal=said,
        decimals=known.decimals,
        evidence=()
        if trade is None
        else (f"trade closed at {trade.closed_at:%H:%M:%S} UTC: {trade.reason}",),
        stamp=f"closed {before.con_id}",
    )


def filled_row(before: Position | None, now: Position, known: Known) -> RecoveryRow:
    """A position of ours that our own orders changed, or opened, while nobody looked."""
    ours = 0 if before is None else before.quantity
    return RecoveryRow(
        row_id=position_row_id(now.con_id, RecoveryKind.QUANTITY),
        kind=RecoveryKind.QUANTITY,
        symbol=now.key,
        ours=ours,
        ours_text=held_text(ours) if ours else "nothing",
        broker=float(now.quantity),
        broker_text=held_text(now.quantity),
        difference="filled while away",
        since=None,
        last_order=known.last_order,
        unrealized_usd=known.unrealized_usd,
        choices=(),
        proposal="booked from our own fills",
        decimals=known.decimals,
        evidence=(f"books before this start: {ours}, after its fills: {now.quantity}",),
        stamp=f"filled {ours} {now.quantity}",
    )


def strange_row(order: BrokerOrder, *, is_foreign: bool, may_cancel: bool, decimals: int) -> RecoveryRow:
    """A working order at the broker that our books do not know."""
    claim = order.claim
    words = strange_text(order, decimals=decimals)
    cancel = (RecoveryChoice.CANCEL,) if may_cancel else ()
    choices = () if is_foreign else (*cancel, RecoveryChoice.FOREIGN)
    if is_foreign:
        proposal = "left alone"
    else:
        proposal = "cancel it" if may_cancel else "leave as foreign, or cancel it where it was placed"
    return RecoveryRow(
        row_id=f"order {claim.perm_id}",
        kind=RecoveryKind.FOREIGN if is_foreign else RecoveryKind.STRANGE_ORDER,
        symbol=order.key,
        ours=None,
        ours_text="nothing",
        broker=None,
        broker_text=words,
        difference="foreign order" if is_foreign else "strange order",
        since=None,
        last_order=words,
        unrealized_usd=None,
        choices=choices,
        proposal=proposal,
        decimals=decimals,
        evidence=(
            f"permId {claim.perm_id}, order id {claim.order_id}, client {claim.client_id}",
            f"orderRef {claim.order_ref or 'none'}: {claim.status}, filled {claim.filled:f}",
        ),
        stamp=f"{words} {claim.filled} {claim.status} {is_foreign}",
    )


def strange_text(order: BrokerOrder, *, decimals: int) -> str:
    """`SELL 50 LMT 12.30 GTC`."""
    price = order.limit_price if order.limit_price is not None else order.stop_price
    at = "" if price is None else f" {price:.{decimals}f}"
    return f"{order.side} {order.quantity.normalize():f} {order.order_type}{at} {order.tif}".rstrip()


def unknown_row(order: Order, *, asked: int, decimals: int, may_cancel: bool) -> RecoveryRow:
    """An order of ours whose fate nobody can say; `asked` counts how often the broker was."""
    intent = order.intent
    words = order_text(order, decimals=decimals)
    cancel = (RecoveryChoice.CANCEL,) if may_cancel and order.order_id else ()
    return RecoveryRow(
        row_id=f"ref {intent.ref}",
        kind=RecoveryKind.UNKNOWN_ORDER,
        symbol=intent.key,
        ours=None,
        ours_text=words,
        broker=None,
        broker_text="not listed",
        difference="fate unknown",
        since=order.updated_at,
        last_order=words,
        unrealized_usd=None,
        choices=(*cancel, RecoveryChoice.NOT_SENT),
        proposal="counted at its worst case; the broker is asked again",
        decimals=decimals,
        evidence=(
            f"orderRef {intent.ref}, order id {order.order_id}, permId {order.perm_id or 'none'}",
            f"filled {order.filled} of {intent.quantity}; last words: {order.message or 'none'}",
            f"asked the broker {asked} time(s): listed neither as open nor as completed",
        ),
        stamp=f"{order.state} {order.filled} {order.perm_id}",
    )


def order_text(order: Order, *, decimals: int) -> str:
    """`stop SELL 50 STP 445.25 working`."""
    intent = order.intent
    price = intent.limit_price if intent.limit_price is not None else intent.stop_price
    at = "" if price is None else f" {price:.{decimals}f}"
    kind = f"{intent.side.value} {intent.quantity} {intent.order_type.value}{at}"
    return f"{intent.role.value} {kind} {order.state.value}"
