"""The part that trend followers share: act once when the lean turns, leave when it turns against.

A strategy of this kind reduces its bars to a *lean*: up, down, or none yet. A bar that turns the lean is
the signal; the order it causes works in the bar after. Holding against the lean is left at every bar until
it is flat, so a close that was refused is asked for again.

Bars on both sides of a hole are not neighbours: what was known before it is forgotten, and nothing is decided
until as many bars have come in a row as a fresh start needs. A position keeps its protective stop meanwhile.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.domain.market import Bar, bars_by_symbol
from engine.domain.order import Intention, Proposal, Side
from engine.domain.reasons import Reason
from engine.strategy.base import Strategy, StrategyView, Waiting
from engine.strategy.continuity import hole_in, missing_s, told
from engine.strategy.indicators import Atr, day_range

SIGNAL_BARS = 3
"""How many bars a signal waits for an earlier position or entry to end before it is void."""


class Lean(Protocol):
    """Direction of one instrument, as one strategy sees it."""

    def update(self, bar: Bar) -> int:
        """Take the next bar: +1 up, -1 down, 0 while not known. Once known it stays known."""
        ...

    def text(self) -> str:
        """What it sees, in one phrase with numbers."""
        ...


@dataclass(frozen=True, slots=True)
class StopRule:
    """Where the protective stop of an entry lies."""

    atr: int
    """Bars of the average true range."""
    multiple: float
    """Distance in average true ranges."""
    min_pct: float
    """Never nearer than this, in percent of price: noise of quiet minutes would hit it."""

    def price(self, close: float, atr: float, side: Side) -> float:
        """Stop price, not rounded; NaN where the range is not known. On the losing side of `close`."""
        distance = max(self.multiple * atr, abs(close) * self.min_pct / 100.0)
        return close - side.sign * distance


@dataclass(slots=True)
class _Track:
    """What is remembered of one instrument."""

    lean: Lean
    atr: Atr
    recent: deque[Bar]
    """The last bars, for history that comes after live bars have begun; also those before a hole."""
    bars: int = 0
    """How many came in a row."""
    direction: int = 0
    turned_at: datetime | None = None
    """End of the bar that turned the lean; None once acted on, or void."""
    bars_since_turn: int = 0
    allow_short: bool = False

    def is_new(self, bar: Bar) -> bool:
        """False for one that was seen already."""
        return not self.recent or bar.end > self.recent[-1].end

    def take(self, bar: Bar) -> None:
        """Take a newer bar."""
        before, self.direction = self.direction, self.lean.update(bar)
        self.atr.update(bar)
        self.recent.append(bar)
        self.bars += 1
        self.bars_since_turn += 1
        if before and self.direction != before:
            self.turned_at, self.bars_since_turn = bar.end, 0
        elif self.bars_since_turn >= SIGNAL_BARS:
            self.turned_at = None


class TrendStrategy(Strategy):
    """A strategy that follows the lean of each of its instruments."""

    def __init__(self, name: str, *, keys: Sequence[str], stop: StopRule, allow_gaps: bool = False) -> None:
        """With `allow_gaps` bars that are missing within a day do not matter."""
        super().__init__(name, keys=keys)
        self._stop = stop
        self._allow_gaps = allow_gaps
        self._tracks = {key: self._new_track() for key in self.keys}

    @abstractmethod
    def new_lean(self) -> Lean:
        """A fresh view of one instrument."""

    @abstractmethod
    def lean_bars(self) -> int:
        """Bars until the lean is known."""

    def warm_up_bars(self) -> int:
        """One bar more than the slowest indicator, so that the first live bar can already turn the lean."""
        return max(self.lean_bars(), self._stop.atr) + 1

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """Take history; what is known of its instruments is made anew from it and the bars seen so far."""
        for key, past in bars_by_symbol(bar for bar in bars if bar.symbol in self._tracks).items():
            # Where both have a bar, the live one is what decisions were made on.
            merged = {bar.end: bar for bar in (*past, *self._tracks[key].recent)}
            self._tracks[key] = self._new_track()
            for end in sorted(merged):
                self._take(key, merged[end])
            self._tracks[key].turned_at = None

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """Leave what the lean is against; enter once where it has turned."""
        if bar.symbol not in self._tracks or not self._tracks[bar.symbol].is_new(bar):
            return ()
        track = self._take(bar.symbol, bar)
        track.allow_short = view.allow_short and not self.long_only
        if view.quantity * track.direction < 0:
            return () if view.exit_working else (self._exit(bar, view, track),)
        if track.turned_at is None or view.quantity or view.entry_working:
            return ()
        if track.direction < 0 and not track.allow_short:
            return ()
        entry = self._entry(bar, track)
        if entry is None:
            return ()
        track.turned_at = None
        return (entry,)

    def why_not(self, key: str) -> Waiting:
        """What it waits for."""
        track = self._tracks[key]
        needed = self.warm_up_bars()
        if track.bars < needed:
            hole = None if self._allow_gaps else hole_in(track.recent)
            why = "" if hole is None else f"; {told(hole)}"
            return Waiting(Reason.WARMING_UP, f"warming up: {track.bars} of {needed} bars{why}")
        seen = track.lean.text()
        if track.direction < 0 and not track.allow_short:
            return Waiting(Reason.NO_SIGNAL, f"{seen}; long only here, waits for a turn up")
        turn = "down" if track.direction > 0 else "up"
        return Waiting(Reason.NO_SIGNAL, f"{seen}; waits for a turn {turn}")

    def _new_track(self) -> _Track:
        return _Track(self.new_lean(), Atr(self._stop.atr), deque(maxlen=self.warm_up_bars()))

    def _take(self, key: str, bar: Bar) -> _Track:
        """The track with a newer bar; begun anew where a hole lies before it."""
        track = self._tracks[key]
        if track.recent and not self._allow_gaps and missing_s(track.recent[-1].end, bar):
            fresh = self._tracks[key] = self._new_track()
            fresh.recent.extend(track.recent)
            fresh.allow_short = track.allow_short
            track = fresh
        track.take(bar)
        return track

    def _exit(self, bar: Bar, view: StrategyView, track: _Track) -> Proposal:
        return Proposal(
            strategy=self.name,
            key=bar.symbol,
            intention=Intention.EXIT,
            side=Side.SELL if view.quantity > 0 else Side.BUY,
            signal_id=self._signal_id(bar.symbol, bar.end, "exit"),
            at=bar.end,
            note=track.lean.text(),
        )

    def _entry(self, bar: Bar, track: _Track) -> Proposal | None:
        """The entry of the turn, or None where no stop can be placed: without one nothing is entered."""
        side = Side.BUY if track.direction > 0 else Side.SELL
        stop = self._stop.price(bar.close, track.atr.value, side)
        if track.turned_at is None or not math.isfinite(stop) or stop == bar.close:
            return None
        direction = "long" if side is Side.BUY else "short"
        return Proposal(
            strategy=self.name,
            key=bar.symbol,
            intention=Intention.ENTER,
            side=side,
            signal_id=self._signal_id(bar.symbol, track.turned_at, direction),
            at=bar.end,
            stop_price=stop,
            day_range=day_range(track.atr.value, bar.seconds),
            note=track.lean.text(),
        )

    def _signal_id(self, key: str, end: datetime, what: str) -> str:
        return f"{self.name}:{key}:{end:%Y%m%dT%H%M%SZ}:{what}"
