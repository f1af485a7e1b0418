"""Fills the cache from the broker: only what it lacks, within the broker's pacing, kept at each answer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol

import numpy as np

from engine.backtest.data.cache import BarCache, Columns
from engine.backtest.data.problems import DataError
from engine.backtest.data.sessions import SessionTable
from engine.backtest.data.spans import Request, Spans, requests
from engine.backtest.series import NANOSECONDS
from engine.broker.pacing import HistoryPacing
from engine.broker.port import Fetched
from engine.domain.instrument import Instrument
from engine.domain.market import Bar

_DAY_S: Final = 86_400
_YEAR_SESSIONS: Final = 250
_MOST_DAYS: Final = 365
_TRIES: Final = 3
"""How often one question is asked before the fetch ends; what it kept until then stays."""

_SLACK_S: Final = 0.25
"""Waited longer than the rule says: the broker counts by when requests arrive, which jitters."""


class PastBars(Protocol):
    """The part of a broker that tells of the past."""

    async def history_between(
        self, instrument: Instrument, *, start: datetime, end: datetime, seconds: int, span: str
    ) -> Fetched[tuple[Bar, ...]]:
        """The complete bars of a stretch of time, by one request."""
        ...


class Wanted(NamedTuple):
    """One instrument, and the sessions whose bars are wanted."""

    symbol: str
    """As configured; bars are kept under it."""
    instrument: Instrument
    sessions: SessionTable
    """Only sessions that have ended: of a running one nothing is complete."""


class Progress(NamedTuple):
    """How far a fetch is."""

    key: str
    done: int
    """Requests answered, of all instruments."""
    total: int
    bars: int
    """Bars kept so far."""
    wait_s: float
    """How long the broker's pacing makes it wait before the next request; 0 = none."""


Tell = Callable[[Progress], None]


class Fetcher:
    """Asks one broker, keeps in one cache. `clock` is monotonic seconds."""

    def __init__(
        self,
        broker: PastBars,
        cache: BarCache,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        tell: Tell = lambda _progress: None,
    ) -> None:
        self._broker = broker
        self._cache = cache
        self._clock = clock
        self._sleep = sleep
        self._tell = tell
        self._pacing = HistoryPacing()
        self._progress = Progress("", 0, 0, 0, 0.0)

    async def fetch(self, wanted: Sequence[Wanted], seconds: int) -> Progress:
        """Complete the cache. Raises DataError where the broker refuses; what came before that is kept."""
        work = [(one, asked) for one in wanted for asked in self._lacking(one, seconds)]
        self._progress = Progress("", 0, len(work), 0, 0.0)
        for one, asked in work:
            bars = await self._ask(one, asked, seconds)
            kept = columns_of(bars, asked.pieces, seconds)
            await asyncio.to_thread(self._keep, one, seconds, kept, asked)
            done, total = self._progress.done + 1, self._progress.total
            self._say(Progress(one.instrument.key, done, total, self._progress.bars + len(kept.end_ns), 0.0))
        return self._progress

    def _keep(self, one: Wanted, seconds: int, bars: Columns, asked: Request) -> None:
        ends = one.instrument.last_trade_date
        expiry = "" if ends is None else f"{ends:%Y%m%d}"
        self._cache.add(one.symbol, one.instrument.key, seconds, bars, asked.pieces, expiry=expiry)

    def _lacking(self, one: Wanted, seconds: int) -> tuple[Request, ...]:
        held = self._cache.held(one.symbol, one.instrument.key, seconds)
        return requests(one.sessions.spans(), held, seconds=seconds)

    async def _ask(self, one: Wanted, asked: Request, seconds: int) -> tuple[Bar, ...]:
        start, end = stretch(asked, seconds)
        span = duration(asked, seconds)
        error = ""
        for _ in range(_TRIES):
            await self._wait(one.instrument, f"{one.instrument.con_id} {seconds} {span} {end}")
            answer = await self._broker.history_between(
                one.instrument, start=start, end=end, seconds=seconds, span=span
            )
            if answer.value is not None:
                return answer.value
            error = answer.error
        raise DataError(
            f"{one.instrument.key}: no bars came from {start:%Y-%m-%d} to {end:%Y-%m-%d}: {error}. "
            f"{self._progress.done} of {self._progress.total} requests were answered, and kept; the same "
            "command goes on there"
        )

    async def _wait(self, instrument: Instrument, request: str) -> None:
        """The broker counts 60 requests in 10 minutes, and refuses the same one again within 15 s."""
        line = str(instrument.con_id)
        now_s = self._clock()
        wait_s = self._pacing.wait_s(now_s, line=line, request=request)
        if wait_s > 0:
            wait_s += _SLACK_S
        self._pacing.asked(now_s + wait_s, line=line, request=request)
        if wait_s > 0:
            self._say(self._progress._replace(key=instrument.key, wait_s=wait_s))
            await self._sleep(wait_s)

    def _say(self, progress: Progress) -> None:
        self._progress = progress
        self._tell(progress)


def stretch(asked: Request, seconds: int) -> tuple[datetime, datetime]:
    """From when to when to ask. A daily bar is told by its date, so whole days hold it."""
    if seconds < _DAY_S:
        return _time(asked.start_ns), _time(asked.end_ns)
    first, last = (
        _time(close - 1).replace(hour=0, minute=0, second=0)
        for _, close in (asked.pieces[0], asked.pieces[-1])
    )
    return first, last + timedelta(days=1)


def duration(asked: Request, seconds: int) -> str:
    """What to ask for in the broker's units, never less than the stretch; days count sessions."""
    sessions = len(asked.pieces)
    inside_s = (asked.end_ns - asked.start_ns) // NANOSECONDS
    if seconds < _DAY_S and sessions == 1 and inside_s <= _DAY_S:
        return f"{inside_s} S"
    days = sessions + 1
    return f"{days} D" if days <= _MOST_DAYS else f"{math.ceil(days / _YEAR_SESSIONS)} Y"


def columns_of(bars: Iterable[Bar], pieces: Spans, seconds: int) -> Columns:
    """Bars as columns, those inside the pieces only; a daily bar ends at the close of its session."""
    rows = list(bars)
    ends = np.array([round(bar.end.timestamp()) * NANOSECONDS for bar in rows], dtype=np.int64)
    made = Columns(
        ends,
        np.array([bar.open for bar in rows], dtype=np.float64),
        np.array([bar.high for bar in rows], dtype=np.float64),
        np.array([bar.low for bar in rows], dtype=np.float64),
        np.array([bar.close for bar in rows], dtype=np.float64),
        np.array([bar.volume for bar in rows], dtype=np.int64),
    )
    if seconds >= _DAY_S:
        made = _at_closes(made, pieces)
    inside = np.zeros(len(made.end_ns), dtype=np.bool_)
    for start, end in pieces:
        inside |= (made.end_ns > start) & (made.end_ns <= end)
    return made.take(inside)


def _at_closes(made: Columns, pieces: Spans) -> Columns:
    """A daily bar comes with the midnight after its date; its session is the one that closes on that date."""
    closes = np.array([end for _, end in pieces], dtype=np.int64)
    day_ns = _DAY_S * NANOSECONDS
    dates, wanted = made.end_ns // day_ns - 1, (closes - 1) // day_ns
    place = np.minimum(np.searchsorted(wanted, dates), len(wanted) - 1)
    kept = wanted[place] == dates
    return made._replace(end_ns=closes[place]).take(kept)


def _time(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // NANOSECONDS, UTC)
