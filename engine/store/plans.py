"""Plans, partials, tickets and previews as column text: JSON that stays empty where there is none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal

from engine.domain.plan import NO_PLAN, Plan
from engine.domain.position import Partial
from engine.domain.preview import EntryTicket, FigureSource, Preview
from engine.store.values import from_time, to_json, to_time


def to_plan_text(plan: Plan) -> str:
    """Column text of a plan; empty for none."""
    return "" if plan == NO_PLAN else to_json(asdict(plan))


def from_plan_text(text: str) -> Plan:
    """The plan of a column. Raises ValueError for text that is none."""
    return Plan(**json.loads(text)) if text else NO_PLAN


def to_record_text(record: EntryTicket | Preview | None) -> str:
    """Column text of a ticket or a preview; empty for none."""
    if record is None:
        return ""
    return to_json(record._asdict() if isinstance(record, EntryTicket) else asdict(record))


def from_ticket_text(text: str) -> EntryTicket | None:
    """The ticket of a column. Raises ValueError or TypeError for text that is none."""
    return EntryTicket(**json.loads(text)) if text else None


def from_preview_text(text: str) -> Preview | None:
    """The preview of a column. Raises ValueError, TypeError or KeyError for text that is none."""
    if not text:
        return None
    values = json.loads(text)
    return Preview(
        cost_usd=values["cost_usd"],
        fee_usd=values["fee_usd"],
        fee_by=FigureSource(values["fee_by"]),
        margin_usd=values["margin_usd"],
        margin_by=FigureSource(values["margin_by"]),
    )


def to_partials_text(partials: Sequence[Partial]) -> str:
    """Column text of partials; empty for none."""
    if not partials:
        return ""
    rows = [[to_time(p.at), str(p.price), p.quantity, p.reason, p.order_ref] for p in partials]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)


def from_partials_text(text: str) -> tuple[Partial, ...]:
    """The partials of a column. Raises ValueError for text that is none."""
    if not text:
        return ()
    return tuple(
        Partial(from_time(at), Decimal(price), int(quantity), str(reason), str(ref))
        for at, price, quantity, reason, ref in json.loads(text)
    )
