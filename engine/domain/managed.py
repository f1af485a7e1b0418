"""A managed position as people and files know it: one schema, checked whenever one is made or restored.

Pending until its entry fills, open from then on. What is remaining is a share of whole units.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from engine.domain.position import Partial
from engine.domain.quick import quick


class PositionSide(StrEnum):
    """Which way a position goes."""

    LONG = "LONG"
    SHORT = "SHORT"

    @property
    def sign(self) -> int:
        """+1 for LONG, -1 for SHORT."""
        return 1 if self is PositionSide.LONG else -1


class PositionState(StrEnum):
    """Where a managed position stands."""

    PENDING_ENTRY = "pending_entry"
    """Its entry is out and nothing of it filled: it holds nothing yet and is compared with nothing."""
    OPEN = "open"


class InvalidPositionError(ValueError):
    """A position that cannot be right; the text names the field, what it is and what it should be."""


@quick
@dataclass(frozen=True, slots=True)
class ContractRef:
    """What names the instrument to the broker. Empty text where the broker has not described it yet."""

    con_id: int
    symbol: str
    sec_type: str
    exchange: str
    currency: str
    multiplier: float
    expiry: str = ""
    """Last trading day as ISO text; empty for stocks."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPosition:
    """One position with its metadata. Prices per unit; raises InvalidPositionError when made wrong."""

    symbol: str
    side: PositionSide
    entry_price: float
    """Average of all entries; of a pending one its limit."""
    entry_time: datetime
    """First fill, or creation while pending. Any offset is taken and kept as UTC."""
    shares: int
    """Units ever entered (wanted, while pending)."""
    remaining: float
    """Share of them still open, 0.0 to 1.0."""
    pivot: float | None
    """None for strategies without pivots."""
    stop: float | None
    """Where the protective stop is meant to be; None where nobody has said."""
    partials: tuple[Partial, ...]
    contract: ContractRef
    target1: float | None = None
    target2: float | None = None
    state: PositionState = PositionState.OPEN
    owner: str = ""

    def __post_init__(self) -> None:
        """Check every field; normalise the time."""
        if not _is_plain(self):
            self._look_at_each_field()
        if self.entry_time.tzinfo is not UTC:
            object.__setattr__(self, "entry_time", self.entry_time.astimezone(UTC))

    def _look_at_each_field(self) -> None:
        for name, is_right, expected in _RULES:
            value = getattr(self, name)
            if not is_right(value):
                said = f"{self.symbol or 'a position'}: {name} is {value!r}; expected {expected}"
                raise InvalidPositionError(said)


def _is_plain(made: ManagedPosition) -> bool:
    """True for what the rules below let through for certain: one is made on the way of every entry."""
    for price in (made.entry_price, made.pivot, made.stop, made.target1, made.target2):
        if price is not None and not (type(price) is float and math.isfinite(price)):
            return False
    return (
        made.entry_price is not None
        and type(made.entry_time) is datetime
        and made.entry_time.tzinfo is UTC
        and type(made.shares) is int
        and made.shares > 0
        and type(made.remaining) is float
        and 0.0 <= made.remaining <= 1.0
        and made.partials == ()
        and type(made.contract) is ContractRef
        and type(made.side) is PositionSide
        and type(made.state) is PositionState
        and type(made.symbol) is str
        and bool(made.symbol.strip())
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_aware(value: object) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is not None


def _is_price(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _is_price_or_none(value: object) -> bool:
    return value is None or _is_price(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_share(value: object) -> bool:
    return isinstance(value, float) and 0.0 <= value <= 1.0


def _are_partials(value: object) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(p, Partial)
        and _is_aware(p.at)
        and _is_whole(p.quantity)
        and p.price.is_finite()
        and isinstance(p.reason, str)
        for p in value
    )


_LEVEL = (_is_price_or_none, "a finite price, or None")
_RULES: tuple[tuple[str, Callable[[object], bool], str], ...] = (
    ("symbol", _is_text, "a name"),
    ("side", lambda v: isinstance(v, PositionSide), "LONG or SHORT"),
    ("entry_price", _is_price, "a finite price"),
    ("entry_time", _is_aware, "a time with its zone"),
    ("shares", _is_whole, "a whole number above 0"),
    ("remaining", _is_share, "a share from 0.0 to 1.0"),
    ("pivot", *_LEVEL),
    ("stop", *_LEVEL),
    ("target1", *_LEVEL),
    ("target2", *_LEVEL),
    ("partials", _are_partials, "partials with time, price, shares and reason"),
    ("contract", lambda v: isinstance(v, ContractRef), "a contract"),
    ("state", lambda v: isinstance(v, PositionState), "a state"),
)
