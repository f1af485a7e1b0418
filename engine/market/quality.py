"""Which data may decide: how old is too old, and which ticks are no price. Times and limits are arguments."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from engine.domain.market import Quote
from engine.risk.selection import Objection

SAMPLE_S: Final = 1.0
"""Mids are sampled this often: sigma is of their changes."""

LEAST_SAMPLES: Final = 20
"""Changes without which nobody can say what a jump is."""

RECENTRE_TICKS: Final = 3
RECENTRE_S: Final = 1.0
"""A new level is believed once so many ticks over so much time stay there."""

# --- age -----------------------------------------------------------------------------------------


class Staleness(StrEnum):
    """How bad old data is; both block entries of the symbol."""

    STALE = "stale"
    LONG = "long"


class AgeLimits(NamedTuple):
    """Exchange seconds."""

    quote_s: float = 5.0
    bar_s: float = 90.0
    """Since the close of the latest one-minute bar."""
    alarm_s: float = 30.0
    """A quote older than this is an ERROR."""


class Stale(NamedTuple):
    """What is too old."""

    staleness: Staleness
    what: str
    """In words that stay the same while the age grows."""
    objection: Objection


def judge_age(quote_s: float | None, bar_s: float | None, limits: AgeLimits) -> Stale | None:
    """What of an instrument's data is too old for an entry; None where nothing is, or nothing came yet."""
    if quote_s is not None and not quote_s <= limits.quote_s:
        longer = not quote_s <= max(limits.alarm_s, limits.quote_s)
        what = f"no accepted quote for more than {limits.alarm_s if longer else limits.quote_s:g} s"
        objection = Objection(f"no accepted quote for {quote_s:.1f} s", limits.quote_s, quote_s)
        return Stale(Staleness.LONG if longer else Staleness.STALE, what, objection)
    if bar_s is not None and not bar_s <= limits.bar_s:
        what = f"its latest minute bar closed more than {limits.bar_s:g} s ago"
        objection = Objection(f"the latest minute bar closed {bar_s:.0f} s ago", limits.bar_s, bar_s)
        return Stale(Staleness.STALE, what, objection)
    return None


def minute_closed(bar_end: datetime) -> float:
    """Epoch seconds of the last whole minute that a short bar's end completes."""
    return bar_end.timestamp() // 60.0 * 60.0


# --- outliers ------------------------------------------------------------------------------------


class TickLimits(NamedTuple):
    """What a tick may be."""

    sigma: float = 6.0
    window_s: float = 60.0
    """Exchange seconds over which sigma is measured."""
    max_spread_bps: float = 30.0


class Flaw(StrEnum):
    """Why a tick decides nothing."""

    NOT_TWO_SIDED = "not_two_sided"
    WIDE = "wide"
    JUMP = "jump"


class BadTick(NamedTuple):
    """A tick that is no price: for nobody's entry, nobody's stop, and no proof that data is fresh."""

    flaw: Flaw
    objection: Objection


class _Line:
    """What is known of one instrument's accepted mids."""

    __slots__ = (
        *("at", "band", "level", "level_at", "level_ticks", "mid"),
        *("sampled", "sampled_at", "samples", "spread", "squares"),
    )

    def __init__(self, mid: float, at: float) -> None:
        self.mid, self.at = mid, at
        self.band = math.inf
        """Farthest the next mid may be away; infinite while nobody can say."""
        self.spread = 0.0
        """Widest spread that needs no second look."""
        self.sampled, self.sampled_at = mid, at
        self.samples: deque[tuple[float, float]] = deque()
        """(time, squared relative change since the sample before)."""
        self.squares = 0.0
        self.level, self.level_at, self.level_ticks = math.nan, 0.0, 0
        """Where rejected ticks stay: the new level, once enough of them do."""


class TickGuard:
    """Judges every tick against those accepted before it. One tick costs well under a microsecond."""

    def __init__(self, limits: Callable[[], TickLimits], *, min_tick: Callable[[str], float]) -> None:
        """`min_tick`: one price step of an instrument; 0.0 where it is not known."""
        self._limits = limits
        self._min_tick = min_tick
        self._lines: dict[str, _Line] = {}

    def check(self, quote: Quote) -> BadTick | None:
        """None where the tick may decide; else why not."""
        _, bid, ask, _, _, _, _, at = quote
        line = self._lines.get(quote[0])
        mid = (bid + ask) / 2.0
        if line is None or not (
            0.0 < bid <= ask <= bid + line.spread and -line.band <= mid - line.mid <= line.band
        ):
            return self._look(quote, mid)
        line.mid, line.at, line.level_ticks = mid, at, 0
        if at - line.sampled_at >= SAMPLE_S:
            self._sample(line, mid, quote)
        return None

    def _look(self, quote: Quote, mid: float) -> BadTick | None:
        """The long way: the first tick of an instrument, or one with something about it."""
        if not (0.0 < quote.bid <= quote.ask and mid < math.inf):
            objection = Objection(f"no two-sided quote: {quote.bid:g} / {quote.ask:g}")
            return BadTick(Flaw.NOT_TWO_SIDED, objection)
        limits, line = self._limits(), self._lines.get(quote.key)
        wide = self._wide(quote, mid, limits)
        if wide is not None:
            return wide
        if line is None:
            line = self._lines[quote.key] = _Line(mid, quote.at)
            self._begin_anew(line, quote, mid)
        elif not -line.band <= mid - line.mid <= line.band:
            jump = self._jump(line, quote, mid, limits)
            if jump is not None:
                return jump
        line.mid, line.at, line.level_ticks = mid, quote.at, 0
        return None

    def accepted_at(self, key: str) -> float | None:
        """Exchange time, epoch seconds, of the last tick that was accepted; None before the first."""
        line = self._lines.get(key)
        return None if line is None else line.at

    def _wide(self, quote: Quote, mid: float, limits: TickLimits) -> BadTick | None:
        spread = quote.ask - quote.bid
        # One step of the price is as narrow as a market can be, whatever share of the price it is.
        if spread <= max(limits.max_spread_bps * mid / 10_000.0, self._min_tick(quote.key) * 1.000001):
            return None
        bps = 10_000.0 * spread / mid
        return BadTick(Flaw.WIDE, Objection(f"the spread is {bps:.1f} bps", limits.max_spread_bps, bps))

    def _jump(self, line: _Line, quote: Quote, mid: float, limits: TickLimits) -> BadTick | None:
        """A jump, unless its level has been confirmed by ticks that stayed there: then all begins anew."""
        at = quote.at
        if line.level_ticks and abs(mid - line.level) <= line.band:
            line.level_ticks += 1
        else:
            line.level, line.level_at, line.level_ticks = mid, at, 1
        is_confirmed = line.level_ticks >= RECENTRE_TICKS and at - line.level_at >= RECENTRE_S
        # What was known may also have grown too old to say anything.
        if is_confirmed or at - line.at > limits.window_s:
            self._begin_anew(line, quote, mid)
            return None
        sigmas = abs(mid - line.mid) / line.band * limits.sigma
        text = f"the mid jumped {sigmas:.1f} sigma, from {line.mid:g} to {mid:g}"
        return BadTick(Flaw.JUMP, Objection(text, limits.sigma, sigmas))

    def _begin_anew(self, line: _Line, quote: Quote, mid: float) -> None:
        line.samples.clear()
        line.squares, line.band = 0.0, math.inf
        line.sampled, line.sampled_at = mid, quote.at
        line.spread = self._widest(quote.key, mid)

    def _widest(self, key: str, mid: float) -> float:
        """The spread up to which a tick needs no second look."""
        return max(self._limits().max_spread_bps * mid / 10_000.0, self._min_tick(key))

    def _sample(self, line: _Line, mid: float, quote: Quote) -> None:
        limits, samples = self._limits(), line.samples
        change = (mid / line.sampled - 1.0) ** 2
        samples.append((quote.at, change))
        line.squares += change
        line.sampled, line.sampled_at = mid, quote.at
        line.spread = self._widest(quote.key, mid)
        while quote.at - samples[0][0] > limits.window_s:
            line.squares -= samples.popleft()[1]
        if len(samples) < LEAST_SAMPLES:
            line.band = math.inf
            return
        sigma = math.sqrt(max(0.0, line.squares) / len(samples))
        # One side that blinks moves the mid by half a spread: that is no jump.
        line.band = max(limits.sigma * sigma * mid, quote.ask - quote.bid, self._min_tick(quote.key))
