"""Orders of ours whose records were lost: the orderRef says whose they are and what they were for. Pure.

It happens where the store could not write before a crash, or was restored from a backup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from engine.broker.port import BrokerOrder, Execution
from engine.domain.order import OrderIntent, OrderType, Role, Side, Tif
from engine.ledger.ledger import OPERATOR

_NOTE = "its record was lost; known again by its orderRef"


def lost_intents(
    orders: Iterable[BrokerOrder],
    executions: Iterable[Execution],
    *,
    is_lost: Callable[[str], bool],
    owners: Mapping[str, str],
    at: datetime,
) -> tuple[OrderIntent, ...]:
    """Intents as far as the broker can tell them, one per orderRef; `owners` maps keys to who holds them."""
    found: dict[str, OrderIntent] = {}
    for order in orders:
        ref = order.claim.order_ref
        if is_lost(ref) and ref not in found:
            intent = _of_order(order, owner=owners.get(order.key, OPERATOR), at=at)
            if intent is not None:
                found[ref] = intent
    for execution in executions:
        fill = execution.fill
        if is_lost(fill.order_ref) and fill.order_ref not in found:
            quantity = sum(e.fill.quantity for e in executions if e.fill.order_ref == fill.order_ref)
            found[fill.order_ref] = OrderIntent(
                ref=fill.order_ref,
                strategy=owners.get(fill.key, OPERATOR),
                key=fill.key,
                con_id=fill.con_id,
                role=_role(fill.order_ref),
                side=fill.side,
                quantity=quantity,
                order_type=OrderType.MARKET,
                created_at=fill.at,
                note=_NOTE,
            )
    return tuple(found.values())


def _of_order(order: BrokerOrder, *, owner: str, at: datetime) -> OrderIntent | None:
    """None where the broker lists a kind of order that we never send."""
    quantity = int(order.claim.filled + order.claim.remaining) or int(order.quantity)
    try:
        kind, tif, side = OrderType(order.order_type), Tif(order.tif), Side(order.side)
    except ValueError:
        return None
    if quantity <= 0:
        return None
    return OrderIntent(
        ref=order.claim.order_ref,
        strategy=owner,
        key=order.key,
        con_id=order.claim.con_id,
        role=_role(order.claim.order_ref),
        side=side,
        quantity=quantity,
        order_type=kind,
        created_at=at,
        tif=tif,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        note=_NOTE,
    )


def _role(ref: str) -> Role:
    """The last part of the reference; one that cannot be read counts as what adds risk."""
    name = ref.rpartition("-")[2]
    return Role(name) if name in set(Role) else Role.ENTRY
