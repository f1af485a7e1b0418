"""Where the stop of a position belongs, and what a partial of it is called. Pure."""

from __future__ import annotations

import math
from typing import Final

from engine.domain.instrument import Instrument
from engine.domain.position import Position
from engine.domain.price import Rounding, round_to_tick

_PARTIAL: Final = "PARTIAL_"


def partial_reason(fraction: float) -> str:
    """The reason a partial is recorded with: half of what was entered is `PARTIAL_50`."""
    return f"{_PARTIAL}{fraction * 100:.0f}"


def meant_stop(position: Position, instrument: Instrument, *, default_pct: float) -> float:
    """Where its stop belongs, on the grid and rounded away from the market: never tighter than meant.

    After the first partial of a plan that moves to break-even this is the entry price, unless the stop
    stands closer already. A position that never had a stop gets one `default_pct` percent away.
    """
    price = _wanted(position, default_pct)
    return round_to_tick(instrument, price, Rounding.DOWN if position.quantity > 0 else Rounding.UP)


def is_tighter(position: Position, price: float, *, default_pct: float) -> bool:
    """True where a stop at `price` would lose less than one where the stop of the position belongs."""
    return (price - _wanted(position, default_pct)) * position.quantity > 0


def _wanted(position: Position, default_pct: float) -> float:
    is_long = position.quantity > 0
    entry = float(position.avg_price)
    price = position.stop_price
    if price is None or not math.isfinite(price):
        price = entry * (1 - default_pct / 100 * (1 if is_long else -1))
    if goes_to_breakeven(position):
        price = max(price, entry) if is_long else min(price, entry)
    return price


def goes_to_breakeven(position: Position) -> bool:
    """True after the first partial of a plan that moves the stop to the entry price."""
    return position.plan.moves_to_breakeven and any(p.reason.startswith(_PARTIAL) for p in position.partials)
