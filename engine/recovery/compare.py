"""The difference between the broker's account and our books. Pure; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from engine.broker.port import BrokerOrder, BrokerPosition

TOLERANCE = Decimal("0.1")
"""Shares: a fraction up to this is shown and tolerated."""


class PositionDifference(NamedTuple):
    """One instrument on which the broker and our books disagree."""

    key: str
    con_id: int
    ours: int
    broker: Decimal
    average_cost: float
    symbol: str
    sec_type: str

    @property
    def text(self) -> str:
        """The difference in one line for people."""
        if self.ours == 0:
            return f"{self.key}: the broker holds {self.broker.normalize():f}, our books know nothing of it"
        return f"{self.key}: the broker holds {self.broker.normalize():f}, our books say {self.ours}"


def compare_positions(
    broker: Iterable[BrokerPosition], ours: Mapping[int, tuple[str, int]]
) -> tuple[PositionDifference, ...]:
    """Every instrument that differs by more than the tolerance; `ours` maps con_id to (key, quantity)."""
    seen: dict[int, BrokerPosition] = {p.con_id: p for p in broker}
    found = [
        PositionDifference(
            p.key,
            p.con_id,
            ours.get(p.con_id, (p.key, 0))[1],
            p.quantity,
            p.average_cost,
            p.symbol,
            p.sec_type,
        )
        for p in seen.values()
    ]
    found += [
        PositionDifference(key, con_id, quantity, Decimal(0), 0.0, key, "")
        for con_id, (key, quantity) in ours.items()
        if con_id not in seen
    ]
    return tuple(d for d in found if abs(d.broker - d.ours) > TOLERANCE)


def unknown_orders(broker: Iterable[BrokerOrder], known_refs: frozenset[str]) -> tuple[BrokerOrder, ...]:
    """Open orders at the broker that our books do not know: foreign ones, and ours from an unstored past."""
    return tuple(o for o in broker if o.claim.order_ref not in known_refs)


def vanished(
    open_refs: Iterable[str], broker_open: Iterable[BrokerOrder], broker_done: Iterable[BrokerOrder]
) -> tuple[str, ...]:
    """Orders we believe are out and that the broker lists neither as open nor as completed.

    Absence is not rejection: they are of unknown fate, never "not sent".
    """
    listed = {o.claim.order_ref for o in broker_open} | {o.claim.order_ref for o in broker_done}
    return tuple(ref for ref in open_refs if ref not in listed)
