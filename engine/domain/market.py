"""Market values: quotes, prints, bars, depth. Hot path, so NamedTuples."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
"""The zone of day boundaries and of every time on screen."""


class Quote(NamedTuple):
    """Best bid and ask as last seen. Missing sides are NaN with size 0; times are epoch seconds UTC."""

    key: str
    bid: float
    ask: float
    bid_size: int
    ask_size: int
    last: float
    last_size: int
    at: float
    """Exchange time of the last change of bid or ask."""

    @property
    def mid(self) -> float:
        """Middle of bid and ask; NaN unless both sides are there."""
        return (self.bid + self.ask) / 2.0

    @property
    def is_two_sided(self) -> bool:
        """True where both sides are finite, positive in size and not crossed."""
        return math.isfinite(self.bid) and math.isfinite(self.ask) and self.bid <= self.ask

    def mark(self) -> float:
        """The price a position is valued at: the mid, else the last print, else NaN."""
        return self.mid if self.is_two_sided else self.last


class Bar(NamedTuple):
    """One complete bar. `end` is aware UTC and exclusive; bars of one length never overlap."""

    symbol: str
    end: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int
    seconds: int = 5
    wap: float = math.nan
    trades: int = 0

    @property
    def start(self) -> datetime:
        """First instant the bar covers."""
        return self.end - timedelta(seconds=self.seconds)


def bars_by_symbol(bars: Iterable[Bar]) -> dict[str, list[Bar]]:
    """Bars apart by instrument, in the order in which they come."""
    found: dict[str, list[Bar]] = {}
    for bar in bars:
        found.setdefault(bar.symbol, []).append(bar)
    return found


def checked_bar(bar: Bar) -> Bar:
    """The same bar, or ValueError saying what is wrong with it. For borders (broker, files)."""
    _, end, first, high, low, last, volume, *_ = bar
    if end.tzinfo is not UTC and (end.tzinfo is None or end.utcoffset() != timedelta(0)):
        raise ValueError(f"{bar.symbol}: bar end {end} is not aware UTC")
    # The ordinary bar, all at once: a price that is no number is inside no bounds.
    if -math.inf < low <= first <= high < math.inf and low <= last <= high and volume >= 0:
        return bar
    prices = (first, high, low, last)
    if not all(math.isfinite(p) for p in prices):
        raise ValueError(f"{bar.symbol}: bar at {bar.end} has a price that is not finite: {prices}")
    if bar.high < max(prices) or bar.low > min(prices):
        raise ValueError(f"{bar.symbol}: bar at {bar.end} has high/low inside open/close: {prices}")
    raise ValueError(f"{bar.symbol}: bar at {bar.end} has negative volume {bar.volume}")


def utc(epoch_s: float) -> datetime:
    """Aware UTC datetime of epoch seconds."""
    return datetime.fromtimestamp(epoch_s, tz=UTC)


class Print(NamedTuple):
    """One trade of the market, as the tape tells it; `at` is exchange time in epoch seconds."""

    key: str
    price: float
    size: int
    at: float


class Level(NamedTuple):
    """One price level of a book."""

    price: float
    size: int


class Depth(NamedTuple):
    """The visible book, best first, both sides; `at` is exchange time in epoch seconds."""

    key: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at: float
