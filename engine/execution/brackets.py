"""The orders that an entry and a close are made of: the same for the market and for recorded bars.

Pure: whoever sends them gives the references and the time.
"""

from __future__ import annotations

from datetime import datetime

from engine.domain.instrument import Instrument
from engine.domain.order import OrderIntent, OrderType, Proposal, Role, Side, Tif
from engine.domain.position import Position
from engine.domain.preview import EntryTicket, Preview
from engine.risk.gate import clamp_exit


def entry_order(
    proposal: Proposal,
    ticket: EntryTicket,
    instrument: Instrument,
    *,
    ref: str,
    now: datetime,
    tif: Tif,
    order_type: OrderType = OrderType.LIMIT,
    preview: Preview | None = None,
) -> OrderIntent:
    """An entry that holds back its bytes until its stop follows; a market order has no limit."""
    return OrderIntent(
        ref=ref,
        strategy=proposal.strategy,
        key=instrument.key,
        con_id=instrument.con_id,
        role=Role.ENTRY,
        side=proposal.side,
        quantity=ticket.quantity,
        order_type=order_type,
        tif=tif,
        created_at=now,
        limit_price=ticket.limit_price if order_type is OrderType.LIMIT else None,
        transmit=False,
        signal_id=proposal.signal_id,
        note=proposal.note,
        plan=proposal.plan,
        ticket=ticket,
        preview=preview,
    )


def stop_order(
    entry: OrderIntent, ticket: EntryTicket, *, ref: str, tif: Tif, preview: Preview | None = None
) -> OrderIntent:
    """The protective stop attached to an entry."""
    return OrderIntent(
        ref=ref,
        strategy=entry.strategy,
        key=entry.key,
        con_id=entry.con_id,
        role=Role.STOP,
        side=entry.side.opposite,
        quantity=ticket.quantity,
        order_type=OrderType.STOP,
        tif=tif,
        created_at=entry.created_at,
        stop_price=ticket.stop_price,
        parent_ref=entry.ref,
        note="stop of the entry",
        preview=preview,
    )


def exit_order(
    position: Position, *, ref: str, now: datetime, role: Role, reason: str, quantity: int | None
) -> OrderIntent:
    """A market order that closes a position, or `quantity` units of it; never more than is held."""
    side = Side.SELL if position.quantity > 0 else Side.BUY
    return OrderIntent(
        ref=ref,
        strategy=position.owner,
        key=position.key,
        con_id=position.con_id,
        role=role,
        side=side,
        quantity=clamp_exit(position=position.quantity, side=side, wanted=quantity),
        order_type=OrderType.MARKET,
        tif=Tif.DAY,
        created_at=now,
        # A group of its own: should its fate be unknown, a stop of its size can stand beside it.
        oca_group=ref,
        note=str(reason),
        reason=str(reason),
    )
