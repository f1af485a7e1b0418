"""Behind `cockpit audit order`: the record of one order as lines for people, or as JSON for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from engine.domain.market import NEW_YORK
from engine.domain.order import Order
from engine.domain.position import Trade
from engine.domain.preview import FigureSource
from engine.runtime.alerts.notices import clean
from engine.runtime.process.errors import FailedError, UsageError
from engine.runtime.shell.state_tools import the_database
from engine.store.errors import StoreError
from engine.store.order_audit import AuditedFill, OrderAudit, OrderNotFoundError, audit_order

_WIDTH = 80
_LABEL = 10
_SAID_BY = {FigureSource.BROKER: "broker's what-if", FigureSource.ESTIMATED: "estimated"}


class _Moment(NamedTuple):
    """One line of the story: who said what, when."""

    at: datetime
    source: str
    text: str


def show_order(state_dir: Path, account: str, ref: str, *, as_json: bool, say: Callable[[str], None]) -> int:
    """Say the record of the order whose reference has `ref` in it. Reads only.

    Raises UsageError where no order, or more than one, is meant; FailedError where it cannot be read.
    """
    try:
        found = audit_order(the_database(state_dir, account), ref)
    except OrderNotFoundError as err:
        raise UsageError(f"{clean_lines(str(err))}.") from err
    except (StoreError, ValueError, TypeError, KeyError, ArithmeticError) as err:
        raise FailedError(f"the record of {clean(ref)} could not be read: {clean(str(err))}.") from err
    if as_json:
        say(json.dumps(document(found), indent=2))
        return 0
    for line in lines(found):
        say(line)
    return 0


def clean_lines(text: str) -> str:
    """Text of several lines without any other control character."""
    return "\n".join(clean(line) for line in text.split("\n"))


def lines(audit: OrderAudit) -> Iterator[str]:
    """The whole story for people, at most 80 columns. Pure."""
    yield clean(audit.order.intent.ref)
    for label, text in _head(audit):
        yield from _wrapped(f"  {label:<{_LABEL}}", text)
    yield ""
    day = ""
    for moment in story(audit):
        at = moment.at.astimezone(NEW_YORK)
        if f"{at:%Y-%m-%d}" != day:
            day = f"{at:%Y-%m-%d}"
            yield f"{day} (New York time)"
        clock = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
        yield from _wrapped(f"  {clock}  {clean(moment.source):<8}", moment.text)
    for label, text in _outcome(audit):
        yield from _wrapped(f"  {label:<{_LABEL}}", text)


def _head(audit: OrderAudit) -> Iterator[tuple[str, str]]:
    order, intent = audit.order, audit.order.intent
    yield "order", f"{_wish(order)}, {intent.role.value} of {intent.strategy or 'nobody'}"
    reason = intent.reason or intent.note
    if reason:
        yield "why", reason
    yield "state", order.state.value + (f": {order.message}" if order.message else "")
    yield "ids", _ids(audit)
    for relative in audit.relatives:
        yield "beside", f"{relative.ref} ({relative.role}, {relative.state})"
    yield "preview", _preview(audit)
    yield "verdict", _verdict(audit)


def _wish(order: Order) -> str:
    intent = order.intent
    named = ((intent.limit_price, "limit"), (intent.stop_price, "stop"))
    prices = "".join(f" {word} {_price(price)}" for price, word in named if price is not None)
    what = f"{intent.side.value} {intent.quantity} {intent.key}"
    return f"{what} {intent.order_type.value}{prices} {intent.tif.value}"


def _price(price: float) -> str:
    return f"{price:.12g}"  # the plain form, without the dust of a double


def _ids(audit: OrderAudit) -> str:
    intent = audit.order.intent
    perm_ids = dict.fromkeys(
        (audit.order.perm_id, *(b.perm_id for b in audit.at_broker), *(f.perm_id for f in audit.fills))
    )
    permanent = ", ".join(str(perm_id) for perm_id in perm_ids if perm_id) or "none yet"
    signal = f", signal {intent.signal_id}" if intent.signal_id else ""
    return f"order id {audit.order.order_id or 'none yet'}, permId {permanent}{signal}"


def _preview(audit: OrderAudit) -> str:
    preview = audit.preview
    if preview is None:
        return "none kept"
    figures = (
        ("cost", preview.cost_usd, ""),
        ("fee", preview.fee_usd, f" ({_SAID_BY[preview.fee_by]})"),
        ("initial margin", preview.margin_usd, f" ({_SAID_BY[preview.margin_by]})"),
    )
    return ", ".join(
        f"{name} not known" if usd is None else f"{name} {usd:,.2f} USD{by}" for name, usd, by in figures
    )


def _verdict(audit: OrderAudit) -> str:
    ticket = audit.ticket
    if ticket is None:
        adds = audit.order.intent.role.adds_risk
        return "none kept" if adds else "only reduces: never more than the position"
    return (
        f"passed: {ticket.quantity} at {_price(ticket.limit_price)}, stop {_price(ticket.stop_price)}, "
        f"exposure {ticket.exposure_usd:,.2f} USD, risk {ticket.risk_usd:,.2f} USD, "
        f"both fees {ticket.fees_usd:,.2f} USD"
    )


def story(audit: OrderAudit) -> tuple[_Moment, ...]:
    """Everything that happened to the order, in order of time. Pure."""
    booked = {fill.exec_id for fill in audit.fills}
    moments = [
        _Moment(step.at, step.source, _step(step.status, step.filled, step.message))
        for step in audit.steps
        if step.message not in booked  # the fill itself tells it, with its price
    ]
    for fill in audit.fills:
        moments.append(_Moment(fill.at, "broker", _fill(fill)))
        if fill.commission_usd is not None:
            text = f"fee {fill.commission_usd:,.2f} USD of {fill.exec_id}"
            moments.append(_Moment(fill.commission_at or fill.at, "broker", text))
    return tuple(sorted(moments, key=lambda moment: moment.at))


def _step(status: str, filled: int, message: str) -> str:
    said = status + (f", {filled} filled" if filled else "")
    return f"{said}: {message}" if message else said


def _fill(fill: AuditedFill) -> str:
    what = "correction" if fill.is_correction else "fill"
    gone = f", replaced by {fill.replaced_by}" if fill.replaced_by else ""
    return f"{what}: {fill.side} {fill.quantity} at {fill.price} ({fill.exec_id}{gone})"


def _outcome(audit: OrderAudit) -> Iterator[tuple[str, str]]:
    order, in_force = audit.order, [fill for fill in audit.fills if not fill.replaced_by]
    if in_force:
        at = f" at {_price(order.avg_fill_price)}"
        yield "filled", f"{order.filled} of {order.intent.quantity}{at}; {_fees(in_force)}"
    for trade in audit.trades:
        yield "closed", _trade(trade)


def _fees(fills: list[AuditedFill]) -> str:
    known = sum((f.commission_usd for f in fills if f.commission_usd is not None), Decimal(0))
    missing = sum(1 for f in fills if f.commission_usd is None)
    return f"fees {known:,.2f} USD" + (f", {missing} not reported yet" if missing else "")


def _trade(trade: Trade) -> str:
    return (
        f"{trade.quantity:+d} {trade.key} from {trade.entry_price:f} to {trade.exit_price:f}: gross "
        f"{trade.gross_usd:,.2f} - fees {trade.fees_usd:,.2f} = {trade.net_usd:,.2f} USD ({trade.reason})"
    )


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        clean(text), _WIDTH, initial_indent=label, subsequent_indent=" " * len(label), break_on_hyphens=False
    )


def document(audit: OrderAudit) -> dict[str, Any]:
    """The record with stable names. Times are UTC, prices per unit, money in USD. Pure."""
    order, intent, preview, ticket = audit.order, audit.order.intent, audit.preview, audit.ticket
    return {
        "ref": intent.ref,
        "strategy": intent.strategy,
        "key": intent.key,
        "role": intent.role.value,
        "side": intent.side.value,
        "quantity": intent.quantity,
        "type": intent.order_type.value,
        "tif": intent.tif.value,
        "limit_price": intent.limit_price,
        "stop_price": intent.stop_price,
        "reason": intent.reason,
        "note": intent.note,
        "state": order.state.value,
        "filled": order.filled,
        "message": order.message,
        "created_at": _utc(intent.created_at),
        "ids": {
            "order_id": order.order_id,
            "perm_ids": [b.perm_id for b in audit.at_broker],
            "con_id": intent.con_id,
            "signal": intent.signal_id,
            "parent": intent.parent_ref,
        },
        "preview": None if preview is None else asdict(preview),
        "verdict": None if ticket is None else ticket._asdict(),
        "beside": [relative._asdict() for relative in audit.relatives],
        "steps": [step._asdict() | {"at": _utc(step.at)} for step in audit.steps],
        "fills": [_fill_document(fill) for fill in audit.fills],
        "trades": [_trade_document(trade) for trade in audit.trades],
    }


def _fill_document(fill: AuditedFill) -> dict[str, Any]:
    fee, fee_at = fill.commission_usd, fill.commission_at
    return fill._asdict() | {
        "at": _utc(fill.at),
        "price": float(fill.price),
        "commission_usd": None if fee is None else float(fee),
        "commission_at": None if fee_at is None else _utc(fee_at),
    }


def _trade_document(trade: Trade) -> dict[str, Any]:
    return {
        "quantity": trade.quantity,
        "entry_price": float(trade.entry_price),
        "exit_price": float(trade.exit_price),
        "closed_at": _utc(trade.closed_at),
        "gross_usd": float(trade.gross_usd),
        "fees_usd": float(trade.fees_usd),
        "net_usd": float(trade.net_usd),
        "reason": trade.reason,
    }


def _utc(at: datetime) -> str:
    return at.isoformat()
