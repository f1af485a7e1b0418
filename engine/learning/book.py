"""Which quotes may be learnt from: two-sided, uncrossed, in order; anything else is counted and left out."""

from __future__ import annotations

import math
from collections import Counter
from enum import StrEnum
from typing import Final, NamedTuple

BACKWARDS_S: Final = 1.0
"""A clock that jumps back further was set anew; less is an event that came late."""
GAP_S: Final = 300.0
"""Silence after which what was before says nothing about now."""

STALE_S: Final = 60.0
"""A book that did not change for so long is not believed to be the market."""


class Flaw(StrEnum):
    """Why an event was left out."""

    NOT_FINITE = "not_finite"
    ONE_SIDED = "one_sided"
    CROSSED = "crossed"
    LATE = "late"


class Top(NamedTuple):
    """A good best bid and ask. Prices per unit, sizes in contracts or shares, `at` in epoch seconds."""

    at: float
    bid: float
    ask: float
    bid_size: float
    ask_size: float

    @property
    def mid(self) -> float:
        """Middle of both."""
        return (self.bid + self.ask) / 2.0

    @property
    def imbalance(self) -> float:
        """(qb - qa) / (qb + qa): above 0 where more want to buy."""
        return (self.bid_size - self.ask_size) / (self.bid_size + self.ask_size)


def flaw_of(top: Top) -> Flaw | None:
    """What is wrong with a quote. A side that is missing is NaN or has no size.

    A locked book is sound: prices of large-tick products move through it.
    """
    if not (math.isfinite(top.bid) and math.isfinite(top.ask)):
        return Flaw.ONE_SIDED
    if not (math.isfinite(top.bid_size) and math.isfinite(top.ask_size)):
        return Flaw.NOT_FINITE
    if top.bid_size <= 0 or top.ask_size <= 0:
        return Flaw.ONE_SIDED
    return Flaw.CROSSED if top.bid > top.ask else None


class Order(StrEnum):
    """How an event's time stands to the one before."""

    NEXT = "next"
    LATE = "late"
    ANEW = "anew"
    """The clock was set back, or there was a long silence: everything before is forgotten."""


class Timeline:
    """Judges the order of events and counts what was left out."""

    def __init__(self) -> None:
        self.last = -math.inf
        self.flaws: Counter[Flaw] = Counter()

    def place(self, at: float) -> Order:
        """Where an event belongs; only one that is not late moves the time."""
        if not math.isfinite(at):
            self.flaws[Flaw.NOT_FINITE] += 1
            return Order.LATE
        back = self.last - at
        if 0.0 < back <= BACKWARDS_S:
            self.flaws[Flaw.LATE] += 1
            return Order.LATE
        is_anew = back > BACKWARDS_S or (math.isfinite(back) and -back > GAP_S)
        self.last = at
        return Order.ANEW if is_anew else Order.NEXT

    def state(self) -> float | None:
        """Time of the last event; None before the first."""
        return None if self.last == -math.inf else self.last

    def restore(self, last: float | None) -> None:
        """Continue after that time. Counts of flaws begin at 0."""
        self.last = -math.inf if last is None else last
