"""An order that a person asks for, and what the gate would make of it: figures and words, both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class OrderWish:
    """What is asked for. Prices per unit; where one is None the engine takes what strategies take."""

    side: str
    """`BUY` or `SELL`."""
    quantity: int | None = None
    """Exactly so many units, or a refusal; None: sized by risk."""
    risk_pct: float | None = None
    """What it may lose at its stop, in percent of equity, where it is sized by risk; None: as configured."""
    limit: float | None = None
    """None: a few ticks through the touch."""
    at_market: bool = False
    stop: float | None = None
    """Protective stop; None: at the configured distance from the entry."""
    target: float | None = None
    """Where it is closed with its profit; None: nowhere."""
    most: int | None = None
    """Where it is sized by risk: no more than so many units, those that the asker saw."""


@dataclass(frozen=True, slots=True)
class GateCheck:
    """What one check of the gate says."""

    name: str
    passes: bool | None
    """None where it could not be asked, because a check before it refuses."""
    text: str
    """What was compared with what, or why it refuses."""
    code: str = ""
    """Reason code of a refusal."""


@dataclass(frozen=True, slots=True)
class OrderPreview:
    """What would be sent this moment, what it risks, and every check. Nothing of it was sent."""

    symbol: str
    side: str
    quantity: int
    """Units that the gate would let through; 0 where it refuses."""
    limit: float | None
    """Where it would stand, or the price that an order at market was judged at; None without a price."""
    stop: float | None
    target: float | None
    what: str
    """The order in one line."""
    risk: str
    """Loss at the stop in USD, in percent of equity and in R, with fees; empty where it is refused."""
    then: tuple[str, ...] = ()
    """What becomes of it and of the position."""
    checks: tuple[GateCheck, ...] = ()
    """In the order of the gate."""
    code: str = ""
    """Reason code of the gate's refusal; empty where it would be let through."""
    text: str = ""
    """The refusal in words."""


def as_shown(wish: OrderWish, preview: OrderPreview) -> OrderWish:
    """The wish as its preview had it: at no worse price, with that stop, and never for more units."""
    return replace(
        wish,
        limit=None if wish.at_market else preview.limit,
        stop=preview.stop,
        most=preview.quantity if wish.quantity is None else None,
    )
