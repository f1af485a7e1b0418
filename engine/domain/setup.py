"""A setup: the levels of one instrument for one day, which the pivot trader watches.

A scanner makes setups before the session, by itself from history or as a file from elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from engine.domain.order import Side


class SetupError(ValueError):
    """A setup that cannot be right. `field` names what is wrong, the text says what was expected."""

    def __init__(self, field: str, expected: str) -> None:
        self.field = field
        super().__init__(f"{field}: expected {expected}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One row of the watch list. Prices per unit; raises SetupError when made wrong."""

    key: str
    """Name of the instrument."""
    day: date
    """Session date the levels are meant for."""
    resistance: float
    """A break above it is a reason to go long."""
    support: float
    """A break below it is a reason to go short."""
    long_targets: tuple[float, ...] = ()
    """Where profit is taken above, nearest first; at most two are used."""
    short_targets: tuple[float, ...] = ()
    """The same below."""
    score: float = 0.0
    """How promising the scanner finds it, 0 to 100."""
    source: str = ""
    """Who made it: `scan`, or the name of a file."""

    def __post_init__(self) -> None:
        """Check every level against the others."""
        if not self.key.strip():
            raise SetupError("symbol", "a name")
        for name, value in (("resistance", self.resistance), ("support", self.support)):
            if not (math.isfinite(value) and value > 0):
                raise SetupError(name, f"a price above 0, not {value!r}")
        if not self.support < self.resistance:
            raise SetupError("support", f"below resistance {self.resistance:g}, not {self.support:g}")
        if not 0.0 <= self.score <= 100.0:
            raise SetupError("score", f"0 to 100, not {self.score!r}")
        _check_targets("long_targets", self.long_targets, from_price=self.resistance, sign=1)
        _check_targets("short_targets", self.short_targets, from_price=self.support, sign=-1)

    def pivot(self, side: Side) -> float:
        """The level whose break is the reason to enter on that side."""
        return self.resistance if side is Side.BUY else self.support

    def targets(self, side: Side) -> tuple[float, ...]:
        """Where profit is taken on that side, nearest first."""
        return self.long_targets if side is Side.BUY else self.short_targets


def _check_targets(name: str, targets: tuple[float, ...], *, from_price: float, sign: int) -> None:
    where = "above resistance" if sign > 0 else "below support"
    last = from_price
    for target in targets:
        if not (math.isfinite(target) and target > 0 and sign * (target - last) > 0):
            raise SetupError(name, f"prices {where} {from_price:g}, each beyond the last, not {targets!r}")
        last = target
