"""Holes in live bars: nothing is decided across them until history filled them, and what stays is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from engine.api import Level
from engine.domain.market import NEW_YORK, Bar
from engine.recovery.checkpoint import holes
from engine.runtime.desk import Desk
from engine.runtime.trading import LIVE_BAR_SECONDS, Trading

LEAST: Final = timedelta(seconds=2 * LIVE_BAR_SECONDS)
"""A bar that is later than this did not come."""

TOLD_S: Final = 30.0
"""Shorter stretches without a bar are not told: at some brokers seconds in which nothing traded have none."""

_log = structlog.get_logger("engine")


class Holes:
    """Where the live bars of this run broke off, until their instrument is warm again."""

    def __init__(self, desk: Desk, trading: Trading) -> None:
        self._desk = desk
        self._trading = trading
        self._since: dict[str, datetime] = {}
        """Instrument key -> end of the last bar before the hole."""
        self._ends: dict[tuple[str, int], datetime] = {}
        """Instrument key and bar length -> end of the last live bar that was decided on."""
        trading.on_whole = self.hear

    def look(self, keys: Iterable[str]) -> None:
        """After bars may have been missed: who misses some waits for history."""
        now = self._desk.now()
        for key in keys:
            end, instrument = self._desk.quotes.bar_end(key), self._desk.instruments.get(key)
            if end is None or instrument is None or now - end < LEAST:
                continue
            session = instrument.liquid_session(now)
            if session is not None and session.open < end:
                self._since[key] = end
                self._trading.cool(key)

    def hear(self, bar: Bar, is_warm: bool) -> None:
        """A whole live bar: what is missing before it, within its session, is told once and never made up."""
        line = (bar.symbol, bar.seconds)
        since, self._ends[line] = self._ends.get(line, bar.end), bar.end
        # What the bar itself covers is none of it.
        missing_s = (bar.end - since).total_seconds() - bar.seconds
        if not is_warm or missing_s < TOLD_S or missing_s < bar.seconds:
            return
        instrument = self._desk.instruments.get(bar.symbol)
        session = None if instrument is None else instrument.liquid_session(bar.start)
        if session is None or session.open > since:
            return
        text = f"{bar.symbol}: no {bar.seconds}-second bars {_clock(since)}-{_clock(bar.start)} ET; skipped"
        self._desk.notices.event(Level.WARNING, "strategy", f"{text}, none is made up", symbol=bar.symbol)

    def fresh(self, key: str) -> None:
        """It was warmed up anew: what came before its live bars is in history, or told already."""
        for line in [line for line in self._ends if line[0] == key]:
            del self._ends[line]

    def filled(self, key: str, bars: Sequence[Bar]) -> None:
        """History came: say what of the hole it filled, and what is missing. Nothing is made up."""
        since = self._since.pop(key, None)
        if since is None:
            return
        after = [bar for bar in bars if bar.end >= since]
        left = [f"{_clock(begin)}-{_clock(end)}" for begin, end in holes(after)]
        if not any(bar.end > since for bar in after):
            left = [f"{_clock(since)}-{_clock(self._desk.now())}"]
        if not left:
            _log.info("bars.hole_filled", symbol=key, since=since.isoformat())
            return
        text = f"{key}: no bars {', '.join(left)} ET, in history neither; they are skipped, none is made up"
        self._desk.notices.event(Level.WARNING, "strategy", text, symbol=key)

    def skipped(self, key: str) -> None:
        """Enough live bars came after the hole before its history did: those of the hole are left out."""
        since = self._since.pop(key, None)
        if since is not None:
            text = f"{key}: live bars from {_clock(since)} ET on were missed and are skipped, none is made up"
            self._desk.notices.event(Level.WARNING, "strategy", text, symbol=key)


def _clock(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%H:%M:%S}"
