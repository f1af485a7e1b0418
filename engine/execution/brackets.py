"""The orders that an entry and a close are made of: the same for the market and for recorded bars.

Pure: whoever sends them gives the references and the time.
"""

from __future__ import annotations

from datetime import datetime

from engine.domain.instrument import Instrument
from engine.domain.order import OrderIntent, OrderType, Proposal, Role, Side, Tif
from engine.domain.position import Position
from engine.domain.preview import EntryTicket, Preview
from engine.domain.quick import maker
from engine.risk.gate import clamp_exit

_make_order = maker(OrderIntent)
"""Its arguments go in the order of its fields: names would take as long again."""
_ENTRY, _STOP, _LIMIT, _AT_STOP = Role.ENTRY, Role.STOP, OrderType.LIMIT, OrderType.STOP
_BUY, _SELL = Side.BUY, Side.SELL


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
    return _make_order(
        ref,
        proposal.strategy,
        instrument.key,
        instrument.con_id,
        _ENTRY,
        proposal.side,
        ticket.quantity,
        order_type,
        now,
        tif,
        ticket.limit_price if order_type is _LIMIT else None,
        None,  # no stop price
        "",  # no parent
        "",  # no group
        False,  # its bytes wait for its stop
        proposal.signal_id,
        proposal.note,
        "",  # no reason of a close
        proposal.plan,
        ticket,
        preview,
    )


def stop_order(
    entry: OrderIntent, ticket: EntryTicket, *, ref: str, tif: Tif, preview: Preview | None = None
) -> OrderIntent:
    """The protective stop attached to an entry."""
    return _make_order(
        ref,
        entry.strategy,
        entry.key,
        entry.con_id,
        _STOP,
        _SELL if entry.side is _BUY else _BUY,
        ticket.quantity,
        _AT_STOP,
        entry.created_at,
        tif,
        None,  # no limit
        ticket.stop_price,
        entry.ref,
        note="stop of the entry",
        preview=preview,
    )


def exit_order(
    position: Position, *, ref: str, now: datetime, role: Role, reason: str, quantity: int | None
) -> OrderIntent:
    """A market order that closes a position, or `quantity` units of it; never more than is held."""
    side = Side.SELL if position.quantity > 0 else Side.BUY
    return _make_order(
        ref,
        position.owner,
        position.key,
        position.con_id,
        role,
        side,
        clamp_exit(position=position.quantity, side=side, wanted=quantity),
        OrderType.MARKET,
        now,
        Tif.DAY,
        # A group of its own: should its fate be unknown, a stop of its size can stand beside it.
        oca_group=ref,
        note=str(reason),
        reason=str(reason),
    )
