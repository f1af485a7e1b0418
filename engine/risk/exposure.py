"""What positions and orders tie up: notional for stocks, initial margin for futures, at worst case."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from engine.domain.instrument import Instrument, SecType
from engine.domain.order import Order, Side

_FUTURE = SecType.FUTURE


class Holding(NamedTuple):
    """A signed quantity of one instrument."""

    key: str
    quantity: int


class Commitments(NamedTuple):
    """What positions and orders that are not done can come to. Made once per change, read per decision."""

    worst: Mapping[str, int]
    """Key -> the largest absolute position that can come about."""
    held: AbstractSet[str] = frozenset()
    """Keys with a position."""
    working: AbstractSet[str] = frozenset()
    """Keys with an order of any role that is not done."""
    busy: AbstractSet[str] = frozenset()
    """Keys that use a slot: held, or with an order that adds risk."""
    pending: Mapping[str, int] = {}
    """Key -> units that orders which add risk can still fill."""


NOTHING_COMMITTED = Commitments({})


class Exposure(NamedTuple):
    """What commitments come to in USD at the prices and margins of one moment; NaN where one is not known."""

    by_key: Mapping[str, float]
    """Of each key that can come to a position, at worst case."""
    total_usd: float
    """All of them: NaN as soon as one is."""
    pending_usd: float
    """What orders that add risk can still fill."""


NO_EXPOSURE = Exposure({}, 0.0, 0.0)


def commitments(holdings: Iterable[Holding], orders: Iterable[Order]) -> Commitments:
    """Sum up what is out. Orders that are done count for nothing, those of unknown fate in full."""
    held_now, out = tuple(holdings), tuple(o for o in orders if not o.state.is_done)
    held = frozenset(h.key for h in held_now if h.quantity)
    entries = [o for o in out if o.intent.role.adds_risk]
    pending: dict[str, int] = {}
    for order in entries:
        if order.remaining:
            pending[order.intent.key] = pending.get(order.intent.key, 0) + order.remaining
    return Commitments(
        worst=worst_case_quantities(held_now, entries),
        held=held,
        working=frozenset(o.intent.key for o in out),
        busy=held.union(o.intent.key for o in entries),
        pending=pending,
    )


def unit_exposure_usd(instrument: Instrument, price: float, margin_usd: float | None) -> float:
    """Exposure of one share or contract; NaN where it is not known, so that the gate fails closed."""
    if instrument.sec_type is _FUTURE:
        return margin_usd if margin_usd is not None else math.nan
    return abs(price) * instrument.multiplier


def worst_case_quantities(holdings: Iterable[Holding], orders: Iterable[Order]) -> dict[str, int]:
    """Per key, the largest absolute position that can come about by fills of what is out.

    Only orders that add risk count, whatever their state short of done: pending, sending, working,
    being cancelled or of unknown fate. Stops and exits only reduce and are never netted in advance.
    """
    long_: dict[str, int] = {}
    short: dict[str, int] = {}
    for holding in holdings:
        long_[holding.key] = long_.get(holding.key, 0) + holding.quantity
        short[holding.key] = short.get(holding.key, 0) + holding.quantity
    for order in orders:
        if order.state.is_done or not order.intent.role.adds_risk:
            continue
        side = long_ if order.intent.side is Side.BUY else short
        side[order.intent.key] = side.get(order.intent.key, 0) + order.intent.side.sign * order.remaining
    both = {key: max(abs(long_.get(key, 0)), abs(short.get(key, 0))) for key in long_.keys() | short.keys()}
    return {key: most for key, most in both.items() if most}


def exposure(out: Commitments, unit_usd: Callable[[str], float]) -> Exposure:
    """What all that is out comes to at the exposure of one unit of each key, NaN where nobody knows that."""
    if not out.worst:
        return NO_EXPOSURE
    by_key = {key: quantity * unit_usd(key) for key, quantity in out.worst.items()}
    pending_usd = sum([units * unit_usd(key) for key, units in out.pending.items()], 0.0)
    return Exposure(by_key, sum(by_key.values(), 0.0), pending_usd)


def group_exposure_usd(group: object, groups: Mapping[str, object], by_key: Mapping[str, float]) -> float:
    """Exposure of the keys that `groups` puts into `group`: a theme, a tier, the expiries of one future."""
    total = 0.0
    for key, out_usd in by_key.items():
        if groups.get(key) == group:
            total += out_usd
    return total
