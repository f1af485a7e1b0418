"""The quote board: the latest quote, book and data type per instrument, and how old they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

from engine.domain.market import Bar, Depth, Quote
from engine.market.quality import BadTick, Flaw, TickGuard, minute_closed
from engine.risk.selection import Objection

LIVE = 1

KINDS = {LIVE: "real time", 2: "frozen", 3: "delayed", 4: "delayed and frozen"}
"""The broker's market data types in words."""

NO_PRICES = {
    10197: "competing session",
    354: "not subscribed",
    10089: "not subscribed",
    10168: "not subscribed",
}
"""Messages about one line which mean that no prices come, until one does."""

NO_LINE_LEFT = 101
"""The account has no line for what the message names."""


class QuoteBoard:
    """Latest values only; history lives in bars. Written by the broker's callbacks on the engine loop."""

    def __init__(self) -> None:
        self._quotes: dict[str, Quote] = {}
        self._depths: dict[str, Depth] = {}
        self._data_type: dict[str, int] = {}
        self._silent: dict[str, str] = {}
        self._minutes: dict[str, float] = {}
        """Instrument key -> epoch seconds at which its latest minute bar closed."""
        self._bar_ends: dict[str, datetime] = {}
        self.traded: dict[str, float] = {}
        """Instrument key -> price times volume of live bars, per unit of the contract, since it was read."""
        self._guard: TickGuard | None = None
        self._bad: dict[str, BadTick] = {}
        self.out_of_lines: set[str] = set()
        """Instruments for which the broker had no line left."""
        self.jumps: dict[str, Objection] = {}
        """Instrument key -> what is wrong with its last mid; the gate reads it."""
        self.on_bad: Callable[[str, BadTick], None] = lambda _key, _bad: None
        """Called for the first of a row of ticks that decide nothing."""
        self.version = 0
        """Rises with every quote, so a publisher sees at once whether anything moved."""

    def on_quote(self, quote: Quote) -> None:
        """Keep the newest quote of its instrument."""
        self._quotes[quote.key] = quote
        if self._guard is not None:
            bad = self._guard.check(quote)
            if bad is not None or self._bad:
                self._judged(quote.key, bad)
        if self._silent:
            self._silent.pop(quote.key, None)
        self.version += 1

    def guard_with(self, guard: TickGuard) -> None:
        """From now on every tick is judged."""
        self._guard = guard

    def _judged(self, key: str, bad: BadTick | None) -> None:
        if bad is None or bad.flaw is not Flaw.JUMP:
            self.jumps.pop(key, None)
        else:
            self.jumps[key] = bad.objection
        if bad is None:
            self._bad.pop(key, None)
            return
        is_first = key not in self._bad
        self._bad[key] = bad
        if is_first:
            self.on_bad(key, bad)

    def is_bad(self, key: str) -> bool:
        """True while the latest tick is one that decides nothing."""
        return key in self._bad

    def on_bar(self, bar: Bar) -> None:
        """A short bar of the live stream: it may complete a minute."""
        key = bar.symbol
        self._bar_ends[key] = bar.end
        self._minutes[key] = minute_closed(bar.end)
        self.traded[key] = self.traded.get(key, 0.0) + bar.close * bar.volume

    def bar_age_s(self, key: str, now: datetime) -> float | None:
        """Exchange seconds since the latest minute bar closed; None before the first."""
        closed = self._minutes.get(key)
        return None if closed is None else max(0.0, now.timestamp() - closed)

    def bar_end(self, key: str) -> datetime | None:
        """End of the newest live bar; None before the first."""
        return self._bar_ends.get(key)

    def forget(self, key: str) -> None:
        """Its line was given up: what is known of it is not the present any more."""
        for known in (self._quotes, self._depths, self._minutes, self._data_type, self._silent, self._bad):
            known.pop(key, None)
        self._bar_ends.pop(key, None)
        self.jumps.pop(key, None)
        self.out_of_lines.discard(key)

    def on_depth(self, depth: Depth) -> None:
        """Keep the newest book of its instrument."""
        self._depths[depth.key] = depth

    def on_data_type(self, key: str, kind: int) -> None:
        """Remember what the broker really delivers for this line."""
        self._data_type[key] = kind

    def on_no_prices(self, key: str, code: int) -> None:
        """The broker said that this line delivers nothing; the next quote proves otherwise."""
        self._silent[key] = NO_PRICES.get(code, f"code {code}")

    def quote(self, key: str) -> Quote | None:
        """The latest quote, or None before the first."""
        return self._quotes.get(key)

    def seen(self, key: str) -> tuple[Quote | None, Depth | None, bool]:
        """Quote, book and whether both are live, as `quote`, `depth` and `is_live` say: for the gate."""
        is_live = self._data_type.get(key, LIVE) == LIVE and key not in self._silent
        return self._quotes.get(key), self._depths.get(key), is_live

    def depth(self, key: str) -> Depth | None:
        """The latest book, or None before the first."""
        return self._depths.get(key)

    def is_live(self, key: str) -> bool:
        """False where the broker said that this line is frozen or delayed, or delivers nothing."""
        return self._data_type.get(key, LIVE) == LIVE and key not in self._silent

    def kind_of(self, key: str) -> str:
        """What this line delivers, in words."""
        kind = self._data_type.get(key, LIVE)
        return self._silent.get(key) or KINDS.get(kind, f"type {kind}")

    def mark(self, key: str) -> float:
        """Price to value a position at; NaN where there is none."""
        quote = self._quotes.get(key)
        return math.nan if quote is None else quote.mark()

    def age_s(self, key: str, now: datetime) -> float | None:
        """Exchange seconds since the touch last changed to one that may decide; None before the first."""
        quote = self._quotes.get(key)
        if quote is None:
            return None
        at = quote.at
        if key in self._bad and self._guard is not None:
            accepted_at = self._guard.accepted_at(key)
            if accepted_at is None:
                return None
            at = accepted_at
        return max(0.0, now.timestamp() - at)

    def freshest_age_s(self, now: datetime) -> float | None:
        """Age of the newest quote of all; None before any."""
        newest = max((q.at for q in self._quotes.values()), default=None)
        return None if newest is None else max(0.0, now.timestamp() - newest)

    def counts(self, now: datetime, *, max_age_s: float) -> tuple[int, int]:
        """How many lines are fresh and how many stale."""
        at = now.timestamp()
        fresh = sum(1 for q in self._quotes.values() if at - q.at <= max_age_s)
        return fresh, len(self._quotes) - fresh
