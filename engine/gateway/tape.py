"""The recorded market: a folder of Parquet files played back as if it happened now.

Every file is read through once before the first event, so that a damaged one stops the start and not the day.
After that it streams: memory holds a batch per file and the five-second bars made so far, which are all the
history there is.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from operator import itemgetter
from pathlib import Path

import numpy as np

from engine.gateway import history
from engine.gateway.calendar import ExchangeCalendar, Session
from engine.gateway.history import Columns
from engine.gateway.instruments import Instruments
from engine.gateway.model import Contract, DepthTick, HistoryBar, MarketEvent, QuoteTick, TradeTick
from engine.gateway.tape_events import Source, check_pair
from engine.gateway.tape_files import TapeError
from engine.gateway.tape_layout import Kind, TapeFile, read_folder
from engine.gateway.tape_rows import read_rows

SLOT_S = 5.0
_TIME = itemgetter(0)


class TapeMarket:
    """A `Market` that plays a folder. `notes` says what was dropped or passed over, in sentences."""

    def __init__(self, folder: Path, instruments: Instruments, *, start: float) -> None:
        """Read the folder and play it up to `start`. TapeError where it cannot be played."""
        files = read_folder(folder, instruments)
        self._dropped: dict[str, Counter[str]] = {file.path.name: Counter() for file in files}
        self._passed_over: list[str] = []
        self._contracts = {
            contract.con_id: contract for file in files for contract in file.contracts.values()
        }
        self._calendar = ExchangeCalendar()
        self._first = _check_all(files)
        self._quotes: dict[int, QuoteTick] = {}
        self._depths: dict[int, DepthTick] = {}
        self._trades: dict[int, TradeTick] = {}
        self._closes: dict[int, float] = {}
        self._regular: dict[int, tuple[Session, float]] = {}
        self._bars: defaultdict[tuple[int, str], _FiveSeconds] = defaultdict(_FiveSeconds)
        self._now = self._first
        self._stream = self._merged(files)
        self._next = next(self._stream, None)
        self.seek(start)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the operator should know: rows dropped so far by file and reason, files passed over."""
        rows = [
            f"{name}: {count} rows dropped: {reason}"
            for name, dropped in self._dropped.items()
            for reason, count in dropped.items()
        ]
        return (*self._passed_over, *rows)

    # --- the clock --------------------------------------------------------------------------------

    def seek(self, at: float) -> None:
        """Play up to an instant without returning events. Going back is not possible and does nothing."""
        for _ in self._until(at):
            pass

    def advance(self, until: float) -> list[MarketEvent]:
        """All events with `ts <= until` not yet returned, in time order."""
        return list(self._until(until))

    def prepare(self) -> bool:
        """Nothing: what a tape plays next is read as it plays."""
        return False

    def next_time(self) -> float | None:
        """When the next event is due; None at the end of the tape."""
        return None if self._next is None else self._next.ts

    def _until(self, until: float) -> Iterator[MarketEvent]:
        while self._next is not None and self._next.ts <= until:
            event = self._next
            self._next = next(self._stream, None)
            self._apply(event)
            yield event
        self._now = max(self._now, until)

    def _apply(self, event: MarketEvent) -> None:
        con_id = event.con_id
        if isinstance(event, QuoteTick):
            self._quotes[con_id] = event
            if event.bid > 0:
                self._bars[con_id, "BID"].add(event.ts, event.bid, 0)
            if event.ask > 0:
                self._bars[con_id, "ASK"].add(event.ts, event.ask, 0)
            if event.bid > 0 and event.ask > 0:
                self._bars[con_id, "MIDPOINT"].add(event.ts, 0.5 * (event.bid + event.ask), 0)
        elif isinstance(event, DepthTick):
            self._depths[con_id] = event
        else:
            self._note_close(event)
            self._trades[con_id] = event
            self._bars[con_id, "TRADES"].add(event.ts, event.price, event.size)

    def _note_close(self, trade: TradeTick) -> None:
        """Keep the last regular price of the session before the print's."""
        con_id = trade.con_id
        session, price = self._regular.get(con_id, (None, trade.price))
        if session is None or trade.ts >= session.close:
            self._closes[con_id] = price
            session = self._calendar.session(self._contracts[con_id], trade.ts)
        if session is not None:
            within = session.regular_open <= trade.ts < session.regular_close
            self._regular[con_id] = (session, trade.price if within else price)

    # --- the files --------------------------------------------------------------------------------

    def _merged(self, files: list[TapeFile]) -> Iterator[MarketEvent]:
        """One stream in time order; at the same instant quotes come before prints."""
        sources = self._sources(files)
        messages = {
            source.file.contracts[""].con_id: source.file
            for source in sources
            if source.file.kind is Kind.MESSAGES and source.prints
        }
        streams = []
        for source in sorted(sources, key=lambda source: not source.file.has_quotes):
            if source.file.kind is Kind.BOOK and source.quotes & messages.keys():
                # Row i of the book is the state after message i: played together or out of step.
                source.prints |= source.quotes
                streams.append(source.events(messages.pop(next(iter(source.quotes)))))
            elif source.file.kind is not Kind.MESSAGES or source.prints & messages.keys():
                streams.append(source.events())
        return heapq.merge(*streams, key=_TIME)

    def _sources(self, files: list[TapeFile]) -> list[Source]:
        """Each instrument's prints and quotes come from the finest files that carry them."""
        prints = {con_id: _finest(files, con_id, prints=True) for con_id in self._contracts}
        quotes = {con_id: _finest(files, con_id, prints=False) for con_id in self._contracts}
        sources = []
        for file in files:
            ids = {contract.con_id for contract in file.contracts.values()}
            source = Source(
                file,
                prints=frozenset(con_id for con_id in ids if file in prints[con_id]),
                quotes=frozenset(con_id for con_id in ids if file in quotes[con_id]),
                quote_prints=frozenset(con_id for con_id in ids if not quotes[con_id]),
                dropped=self._dropped[file.path.name],
            )
            if source.prints or source.quotes:
                sources.append(source)
            else:
                self._passed_over.append(f"{file.path.name}: not played, finer files carry the same")
        return sources

    # --- the state --------------------------------------------------------------------------------

    @property
    def contracts(self) -> Mapping[int, Contract]:
        """Every contract of the tape by con_id."""
        return self._contracts

    def quote(self, con_id: int) -> QuoteTick | None:
        """The current best bid and ask; None before the first."""
        return self._quotes.get(con_id)

    def depth(self, con_id: int) -> DepthTick | None:
        """The recorded book; where none was recorded, the best bid and ask as a book of one level."""
        depth, quote = self._depths.get(con_id), self._quotes.get(con_id)
        if depth is not None or quote is None:
            return depth
        bids = ((quote.bid, quote.bid_size),) if quote.bid > 0 else ()
        asks = ((quote.ask, quote.ask_size),) if quote.ask > 0 else ()
        return DepthTick(quote.ts, con_id, bids, asks)

    def last_trade(self, con_id: int) -> TradeTick | None:
        """The latest print; None before the first."""
        return self._trades.get(con_id)

    def previous_close(self, con_id: int) -> float:
        """Last regular price of the tape's session before; the tape's first print in its first session."""
        return self._closes.get(con_id, 0.0)

    # --- the past ---------------------------------------------------------------------------------

    def bars(
        self, con_id: int, *, end: float, count: int, seconds: int, what: str, rth: bool
    ) -> list[HistoryBar]:
        """The last `count` complete bars of the tape so far. KeyError for an unlisted con_id."""
        return history.at_once(
            self.bars_gradually(con_id, end=end, count=count, seconds=seconds, what=what, rth=rth)
        )

    def bars_gradually(
        self, con_id: int, *, end: float, count: int, seconds: int, what: str, rth: bool
    ) -> history.Gradually[list[HistoryBar]]:
        """The same bars, made in portions."""
        contract = self._contracts[con_id]
        return history.bars(
            self,
            contract,
            oldest=self.head_time(con_id),
            end=min(end, self._now),
            count=count,
            seconds=seconds,
            what=what,
            rth=rth,
        )

    def head_time(self, con_id: int) -> float:
        """Start of the five-second window of the tape's first row. KeyError for an unlisted con_id."""
        return (
            self._first // SLOT_S * SLOT_S if con_id in self._contracts else self._contracts[con_id].min_tick
        )

    def columns(self, contract: Contract, *, start: float, end: float, what: str) -> Columns:
        """Five-second bars that begin in `[start, end)` (see `history.BarSource`)."""
        return self._bars[contract.con_id, what].columns(start, end)


def _finest(files: list[TapeFile], con_id: int, *, prints: bool) -> list[TapeFile]:
    """The files of the best kind (and shortest bars) that carry a contract's prints or quotes."""
    able = [
        file
        for file in files
        if (file.has_prints if prints else file.has_quotes)
        and any(contract.con_id == con_id for contract in file.contracts.values())
    ]

    def rank(file: TapeFile) -> tuple[bool, int, float]:
        # Trades and messages report prints alone; quote and book files only beside their quotes.
        return (prints and file.kind in (Kind.BOOK, Kind.QUOTES), int(file.kind), file.bar_s)

    best = min((rank(file) for file in able), default=None)
    return [file for file in able if rank(file) == best]


def _check_all(files: list[TapeFile]) -> float:
    """Read every file to its end and return the first instant. TapeError where one is damaged."""
    counts: dict[tuple[int, Kind], tuple[int, str]] = {}
    first = []
    for file in files:
        ignored: Counter[str] = Counter()
        rows = 0
        for batch in read_rows(file, ignored):
            if not rows and batch.ts:
                first.append(batch.ts[0])
            rows += len(batch.ts)
        if not rows:
            reasons = ", ".join(f"{count} {reason}" for reason, count in ignored.items())
            raise TapeError(f"{file.path.name}: no usable row ({reasons or 'the file is empty'})")
        if file.kind in (Kind.BOOK, Kind.MESSAGES) and "" in file.contracts:
            counts[file.contracts[""].con_id, file.kind] = (rows, file.path.name)
    for (con_id, kind), (rows, name) in counts.items():
        if kind is Kind.BOOK and (con_id, Kind.MESSAGES) in counts:
            check_pair(rows, counts[con_id, Kind.MESSAGES][0], name=name)
    return min(first)


class _FiveSeconds:
    """Five-second bars of one price series, folded as its values arrive."""

    def __init__(self) -> None:
        self._columns = tuple(array("d") for _ in range(8))

    def add(self, ts: float, price: float, size: int) -> None:
        """Count one value. Values come in time order."""
        start = ts // SLOT_S * SLOT_S
        starts, _, highs, lows, closes, volumes, values, counts = self._columns
        if not starts or start > starts[-1]:
            for column, value in zip(
                self._columns, (start, price, price, price, price, size, price * size, 1.0), strict=True
            ):
                column.append(value)
            return
        highs[-1] = max(highs[-1], price)
        lows[-1] = min(lows[-1], price)
        closes[-1] = price
        volumes[-1] += size
        values[-1] += price * size
        counts[-1] += 1.0

    def columns(self, start: float, end: float) -> Columns:
        """The bars that begin in `[start, end)`."""
        first, last = bisect_left(self._columns[0], start), bisect_left(self._columns[0], end)
        starts, opens, highs, lows, closes, volumes, values, counts = (
            np.array(column[first:last]) for column in self._columns
        )
        averages = np.where(volumes > 0, values / np.maximum(volumes, 1.0), closes)
        return Columns(
            starts, opens, highs, lows, closes, volumes.astype(np.int64), averages, counts.astype(np.int64)
        )
