"""A recorded session as a line of moments: which state belongs to which time. Pure but for its own cursor.

Positions, orders and fills come from the lines of the log, in their order; quotes and account values by
their time. Going back means beginning anew: a session of ten thousand lines takes a fraction of a second.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from engine.api import EventView, Level, WhyNot
from engine.domain.instrument import Instrument
from engine.domain.market import Bar, Quote
from engine.market.recent import SHORT_S
from engine.runtime.replay.books import LEDGER_KINDS, PastBooks
from engine.store.recordings import Line, Recording
from engine.store.session_log import instrument_of, unpacked
from engine.store.values import from_time

KEPT_EVENTS: Final = 200
_HAPPENED: Final = frozenset({"told", "fill", "order"})
"""Kinds of line that a step goes to."""


class Timeline:
    """Stands at one moment of a session; `move_to` goes to another."""

    def __init__(self, recording: Recording) -> None:
        """Raises ValueError for a session without a single line."""
        if not recording.lines:
            raise ValueError("the session left nothing to show")
        self.recording = recording
        self.instruments: dict[str, Instrument] = {}
        self.bars: dict[str, list[Bar]] = defaultdict(list)
        """Short bars of the whole session, by their ends."""
        self._quotes: dict[str, list[Quote]] = defaultdict(list)
        self._times: dict[str, list[float]] = {}
        self._lines, self._moments = _in_order(recording.lines)
        for line in recording.lines:
            self._prepare(line)
        for key, quotes in self._quotes.items():
            quotes.sort(key=lambda quote: quote.at)
            self._times[key] = [quote.at for quote in quotes]
        for bars in self.bars.values():
            bars.sort(key=lambda bar: bar.end)
        pairs = zip(self._moments, self._lines, strict=True)
        self._happened = sorted({moment for moment, line in pairs if line.kind in _HAPPENED})
        self.begin, self.end = self._moments[0], self._moments[-1]
        self.at = self.begin
        self._taken = 0
        self._rewind()
        self.move_to(self.begin)

    def move_to(self, at: float) -> None:
        """Stand at this time (epoch seconds, exchange time); outside of the session at its nearer end."""
        at = min(max(at, self.begin), self.end)
        upto = bisect_right(self._moments, at)
        if upto < self._taken:
            self._rewind()
        for line in self._lines[self._taken : upto]:
            self._take(line)
        self._taken, self.at = upto, at

    def step(self, count: int) -> None:
        """Go to the next moment (or the one before, negative) at which something happened."""
        for _ in range(abs(count)):
            moments = self._happened
            place = bisect_right(moments, self.at) if count > 0 else bisect_left(moments, self.at) - 1
            self.move_to(
                moments[place] if 0 <= place < len(moments) else self.end if count > 0 else self.begin
            )

    def next_of(self, kind: str) -> bool:
        """Go to the next line of a kind; False, and stay, where none follows."""
        for moment, line in zip(self._moments, self._lines, strict=True):
            if moment > self.at and _is_of(line, kind):
                self.move_to(moment)
                return True
        return False

    @property
    def now(self) -> datetime:
        """The time, aware UTC."""
        return datetime.fromtimestamp(self.at, UTC)

    def quote(self, key: str) -> Quote | None:
        """The newest quote of an instrument at this time; None before the first."""
        place = bisect_right(self._times.get(key, []), self.at)
        return self._quotes[key][place - 1] if place else None

    def freshest_age_s(self) -> float | None:
        """Seconds since any quote changed; None before the first."""
        newest = [quote.at for key in self._quotes if (quote := self.quote(key)) is not None]
        return self.at - max(newest) if newest else None

    def _rewind(self) -> None:
        self.books = PastBooks()
        self.events: list[EventView] = []
        self.why_not: dict[str, WhyNot] = {}
        self.state = ""
        """The engine's state as it was told; empty before."""
        self.session: dict[str, Any] = {}
        self.values: dict[str, float] = {}
        """What the account told of itself, by name."""
        self._taken = 0

    def _prepare(self, line: Line) -> None:
        if line.kind == "tape":
            tape = unpacked(line.payload)
            for quote in tape.quotes:
                self._quotes[quote.key].append(quote)
            for bar in tape.bars:
                if bar.seconds == SHORT_S:
                    self.bars[bar.symbol].append(bar)
        elif line.kind == "terms":
            self.instruments[line.symbol] = instrument_of(line.payload)

    def _take(self, line: Line) -> None:
        if line.kind in LEDGER_KINDS:
            self.books.take(line)
        if line.kind == "session":
            self.session = line.payload
        elif line.kind == "told":
            self._tell(line)
        elif line.kind == "account":
            self.values |= line.payload
        elif line.kind == "proposal":
            self._judge(line)

    def _tell(self, line: Line) -> None:
        told = line.payload
        kind, text = told["kind"], told["text"]
        at = from_time(line.at)
        self.events.append(
            EventView(told["seq"], at, Level(told["level"]), kind, line.symbol, text, line.ref)
        )
        del self.events[:-KEPT_EVENTS]
        if kind == "engine":
            self.state = text.split(":")[0]

    def _judge(self, line: Line) -> None:
        verdict = line.payload["verdict"]
        if verdict in {"passed", "exit"}:
            self.why_not.pop(line.symbol, None)
            return
        strategy = line.payload["strategy"]
        self.why_not[line.symbol] = WhyNot(line.symbol, strategy, verdict, verdict, from_time(line.at))


def _in_order(lines: Iterable[Line]) -> tuple[list[Line], list[float]]:
    """Lines with the moments they belong to: those of the ledger never before one that was written earlier.

    What is told on the screen is written a little later than it happened, in batches.
    """
    lines = sorted(lines, key=lambda line: line.kind != "session")
    latest = float("-inf")
    placed: list[tuple[float, int, Line]] = []
    for line in lines:
        moment = from_time(line.at).timestamp()
        if line.kind == "session":
            # What was booked while it started may have been written before it.
            moment = min(from_time(one.at).timestamp() for one in lines)
        elif line.kind in LEDGER_KINDS:
            moment = latest = max(latest, moment)
        placed.append((moment, 0 if line.kind == "session" else line.seq, line))
    placed.sort(key=lambda one: one[:2])
    return [line for _, _, line in placed], [moment for moment, _, _ in placed]


def _is_of(line: Line, kind: str) -> bool:
    return line.kind == kind or (line.kind == "told" and line.payload["kind"] == kind)
