"""One market as a front end sees it: touch, book, tape and bars. Only of what somebody looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

BAR_LENGTHS_S: Final = (5, 20, 60, 300)
"""Lengths of the bars that can be asked for."""
LOOK_LEASE_S: Final = 15.0
"""Real seconds for which one `watch` counts: a screen says it again, and a dead one holds no line."""


class BookLevel(NamedTuple):
    """One price of the book and how much stands there."""

    price: float
    size: int


class TapePrint(NamedTuple):
    """One trade of the market."""

    at: float
    """Exchange time, epoch seconds."""
    price: float
    size: int
    side: int
    """1: at the ask or above (bought), -1: at the bid or below (sold), 0: in between, or no touch known."""


class BarPoint(NamedTuple):
    """One bar of the chart. The newest may still be in the making."""

    end: float
    """Exchange time, epoch seconds; exclusive."""
    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True, slots=True)
class MarketView:
    """One market, as a screen asked for it. Prices per unit; None where nobody knows."""

    symbol: str
    decimals: int
    bar_s: int
    """Length of its bars."""
    tick: float | None = None
    """Price step where the market is now."""
    bid: float | None = None
    ask: float | None = None
    bid_size: int = 0
    ask_size: int = 0
    last: float | None = None
    last_size: int = 0
    quote_age_s: float | None = None
    """Since the touch changed, exchange seconds; None before the first quote."""
    data_text: str = ""
    """What is wrong with its prices (`delayed`, no data line …); empty where they are live."""
    bids: tuple[BookLevel, ...] = ()
    """Best first."""
    asks: tuple[BookLevel, ...] = ()
    book_age_s: float | None = None
    """Since the book changed; None where there is none."""
    book_text: str = ""
    """Why there is no book; empty where there is one."""
    prints: tuple[TapePrint, ...] = ()
    """Newest first, since somebody looks."""
    tape_text: str = ""
    """Why there is no tape; empty where there is one."""
    bars: tuple[BarPoint, ...] = ()
    """Oldest first."""
    targets: tuple[float, ...] = ()
    """Where what is held shall be taken, as its plan says."""
