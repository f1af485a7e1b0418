"""Legs and entry orders as managed positions, and what may be taken of one. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from engine.domain.managed import (
    ContractRef,
    InvalidPositionError,
    ManagedPosition,
    PositionSide,
    PositionState,
)
from engine.domain.order import OrderIntent
from engine.domain.position import Trade
from engine.ledger.changes import Changes, Leg
from engine.ledger.events import Described


class DuplicatePositionError(ValueError):
    """There is a position, or one pending, in this instrument already."""


class PartialRefusedError(ValueError):
    """More would be taken of a position than is left of it, or nothing is held. Nothing changed."""


class Closed(NamedTuple):
    """A position that was closed: its trade record, and the rows that make it durable."""

    trade: Trade
    changes: Changes


def open_position(leg: Leg, terms: Described | None) -> ManagedPosition:
    """What is held. Raises InvalidPositionError for a leg that cannot be right."""
    if not leg.entered:
        raise InvalidPositionError(f"{leg.key}: nothing was ever entered, yet {leg.quantity} are held")
    return ManagedPosition(
        symbol=leg.key,
        side=PositionSide.LONG if leg.quantity > 0 else PositionSide.SHORT,
        entry_price=float(leg.entry_notional / leg.entered),
        entry_time=leg.opened_at,
        shares=leg.entered,
        remaining=abs(leg.quantity) / leg.entered,
        pivot=_level(leg.plan.pivot),
        target1=_level(leg.plan.target1),
        target2=_level(leg.plan.target2),
        stop=leg.stop_price,
        partials=leg.partials,
        contract=contract_ref(leg.key, leg.con_id, leg.multiplier, terms),
        owner=leg.owner,
    )


def pending_position(
    entry: OrderIntent, *, stop: float | None, at: datetime, terms: Described | None
) -> ManagedPosition:
    """What an entry order is to become. Raises InvalidPositionError where it cannot."""
    multiplier = Decimal(1) if terms is None else terms.multiplier
    price = entry.limit_price if entry.limit_price is not None else entry.stop_price
    return ManagedPosition(
        symbol=entry.key,
        side=PositionSide.LONG if entry.side.sign > 0 else PositionSide.SHORT,
        entry_price=0.0 if price is None else price,
        entry_time=at,
        shares=entry.quantity,
        remaining=1.0,
        pivot=_level(entry.plan.pivot),
        target1=_level(entry.plan.target1),
        target2=_level(entry.plan.target2),
        stop=stop,
        partials=(),
        contract=contract_ref(entry.key, entry.con_id, multiplier, terms),
        state=PositionState.PENDING_ENTRY,
        owner=entry.strategy,
    )


def is_plain(intent: OrderIntent, *, at: datetime) -> bool:
    """True where an entry like this surely becomes a position, or its stop the stop of one.

    One look instead of a whole position: an entry is asked on its way to the disk. False says only that it
    has to be tried.
    """
    plan = intent.plan
    for price in (intent.limit_price, intent.stop_price, plan.pivot, plan.target1, plan.target2):
        if price is not None and not (type(price) is float and -math.inf < price < math.inf):
            return False
    return (
        type(intent.quantity) is int
        and intent.quantity > 0
        and type(at) is datetime
        and at.tzinfo is UTC
        and bool(intent.key.strip())
    )


def _level(price: float | None) -> float | None:
    # A strategy may say 445 where it means 445.0.
    return None if price is None else float(price)


def contract_ref(key: str, con_id: int, multiplier: Decimal, terms: Described | None) -> ContractRef:
    """What names `key` to the broker, as far as it is described."""
    if terms is None:
        return ContractRef(con_id, key, "", "", "", float(multiplier))
    return ContractRef(
        con_id=con_id,
        symbol=terms.symbol or key,
        sec_type=terms.sec_type,
        exchange=terms.exchange,
        currency=terms.currency,
        multiplier=float(multiplier),
        expiry=terms.expiry,
    )


def checked_leg(leg: Leg, terms: Described | None) -> Leg:
    """A stored leg that can be right. Raises InvalidPositionError for one that cannot."""
    if not leg.quantity:
        raise InvalidPositionError(f"{leg.key}: a position of 0 is none")
    money = (leg.cost, leg.multiplier, leg.entry_notional, leg.exit_notional, leg.realized_usd, leg.fees_usd)
    if not all(figure.is_finite() for figure in money) or leg.multiplier <= 0:
        raise InvalidPositionError(f"{leg.key}: one of its sums is no number: {', '.join(map(str, money))}")
    open_position(leg, terms)
    return leg


def partial_quantity(*, entered: int, held: int, fraction: float) -> int:
    """Units that a partial of `fraction` of what was entered takes, rounded down; 0: it is skipped.

    Raises PartialRefusedError where the fraction is not in (0, 1] or more than is left is asked for.
    """
    if not 0.0 < fraction <= 1.0:
        raise PartialRefusedError(f"a partial takes a fraction in (0, 1], not {fraction}")
    # A whisker more, so that 0.29 of 100 is 29 and not 28.
    wanted = math.floor(fraction * entered + 1e-9)
    if wanted > held:
        raise PartialRefusedError(f"{wanted} of {entered} entered were asked for, only {held} are left")
    return wanted
