"""One configured strategy at work: what it is, what it trades today, and where it was switched off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.domain.market import Bar
from engine.market.bars import BarAggregator
from engine.strategy.base import Strategy


@dataclass(slots=True)
class Running:
    """One configured strategy and the instruments it was given."""

    strategy: Strategy
    """Made anew by `make` when the instruments of this session are known."""
    make: Callable[[Sequence[str]], Strategy]
    kind: str
    timeframe: str
    bar_seconds: int
    allow_short: bool
    holds_overnight: bool
    symbols: tuple[str, ...]
    """As configured."""
    from_scanner: int = 0
    """How many symbols of a scanner's list it trades besides."""
    picked: tuple[str, ...] = ()
    """Those it trades today."""
    from_futures: int = 0
    """How many of the discovered futures it trades besides."""
    discovered: tuple[str, ...] = ()
    """Those it trades, as a configuration would name them."""
    keys: set[str] = field(default_factory=set)
    """Instrument keys it trades in this session."""
    aggregators: dict[str, BarAggregator] = field(default_factory=dict)
    warm: set[str] = field(default_factory=set)
    """Keys whose history was fed; others only collect bars."""
    cold: dict[str, str] = field(default_factory=dict)
    """Instrument key -> why its history did not come yet, for people."""
    unbroken: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    """Instrument key that is cold -> complete live bars in a row, and the end of the last one."""
    last_bars: dict[str, datetime] = field(default_factory=dict)
    """Instrument key -> end of the last bar it decided on, over restarts: no bar acts twice."""
    off: str = ""
    """Why it was switched off; empty while it runs."""
    errors: Counter[str] = field(default_factory=Counter)
    """Instrument key -> how often it failed there in this run."""
    off_at: dict[str, str] = field(default_factory=dict)
    """Instrument key -> why it was switched off there, while it goes on with its others."""

    def hears(self, bar: Bar, *, needed: int) -> bool:
        """A live bar of a cold instrument. True where `needed` came in a row: as good as history."""
        count, end = self.unbroken.get(bar.symbol, (0, bar.start))
        count = count + 1 if bar.start == end else 1
        self.unbroken[bar.symbol] = (count, bar.end)
        if count >= needed:
            self.warmed(bar.symbol)
        return count >= needed

    def warmed(self, key: str) -> None:
        """From now on it may act there."""
        self.warm.add(key)
        self.cold.pop(key, None)
        self.unbroken.pop(key, None)

    def cool(self, key: str) -> None:
        """It may not act there until it was warmed up again."""
        self.warm.discard(key)
        self.unbroken.pop(key, None)

    def waits_for(self, key: str) -> str:
        """What it waits for there while it is cold, for people."""
        why, heard = self.cold.get(key, ""), self.unbroken.get(key, (0, None))[0]
        live = f"; {heard} live bars of its own so far" if heard else ""
        return f"waiting for history{f' ({why})' if why else ''}{live}"


def by_key(readers: Sequence[Running]) -> dict[str, tuple[Running, ...]]:
    """Instrument key -> those of `readers` that trade it."""
    keys = sorted({key for r in readers for key in r.keys})
    return {key: tuple(r for r in readers if key in r.keys) for key in keys}
