"""What orders can fill together: those of one one-cancels-all group count once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from engine.domain.order import Order


class Out(NamedTuple):
    """One order at work, wherever it was seen."""

    remaining: int
    oca_group: str


def at_most(orders: Iterable[Out]) -> int:
    """The most that could fill of these orders: of a group only its largest."""
    alone, groups = 0, dict[str, int]()
    for order in orders:
        if order.oca_group:
            groups[order.oca_group] = max(groups.get(order.oca_group, 0), order.remaining)
        else:
            alone += order.remaining
    return alone + sum(groups.values())


def together(orders: Iterable[Order]) -> int:
    """`at_most` of orders of the books."""
    return at_most(Out(o.remaining, o.intent.oca_group) for o in orders)
