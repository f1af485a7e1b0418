"""Turns the rows of one tape file into market events, in time order.

A bar becomes prints at its open, then its low and high (the one nearer to the open first), then its close,
spread over its length. Prints without any recorded quote get a quote one tick to either side of them.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat

import numpy as np

from engine.gateway.model import Contract, DepthTick, MarketEvent, QuoteTick, TradeTick
from engine.gateway.tape_depth import told
from engine.gateway.tape_files import TapeError
from engine.gateway.tape_layout import LEVELS, Kind, TapeFile
from engine.gateway.tape_rows import Rows, read_rows

_SIDES = {"B": 1, "A": -1}
_VISIBLE_EXECUTION, _HIDDEN_EXECUTION = 4, 5
_BAR_MOMENTS = (0.0, 1 / 3, 2 / 3, 0.999)
"""Where in a bar its open, first extreme, second extreme and close are placed."""


@dataclass(slots=True)
class Source:
    """One file and what of it counts: another file may be the better source of the same instrument."""

    file: TapeFile
    prints: frozenset[int]
    quotes: frozenset[int]
    quote_prints: frozenset[int]
    """Contracts without any recorded quote."""
    dropped: Counter[str]
    shown: dict[int, QuoteTick] = field(default_factory=dict)
    sides: dict[int, tuple[float, int, float, int]] = field(default_factory=dict)
    """Both sides as last recorded, shown or not."""

    def events(self, messages: TapeFile | None = None) -> Iterator[MarketEvent]:
        """The file's events. `messages` is the message file whose rows the book's rows answer."""
        rows = read_rows(self.file, self.dropped)
        match self.file.kind:
            case Kind.TRADES:
                return chain.from_iterable(map(self._trades, rows))
            case Kind.MESSAGES:
                return chain.from_iterable(map(self._messages, rows))
            case Kind.QUOTES:
                return chain.from_iterable(map(self._quotes, rows))
            case Kind.BOOK if messages is not None:
                return self._book_and_messages(rows, messages)
            case Kind.DEPTH:
                return self._changes(rows)
            case Kind.BOOK:
                return chain.from_iterable(map(self._book, rows))
            case Kind.TRADE_BARS | Kind.QUOTE_BARS:
                return self._bars(rows)

    # --- prints -----------------------------------------------------------------------------------

    def _trades(self, rows: Rows) -> Iterator[MarketEvent]:
        sides = rows.texts.get("aggressor") or repeat("")
        sizes = rows.numbers["size"].tolist()
        for ts, key, price, size, side in zip(
            rows.ts, rows.keys, rows.numbers["price"].tolist(), sizes, sides, strict=False
        ):
            yield from self._print(ts, self.file.contracts[key], price, int(size), _SIDES.get(side, 0))

    def _messages(self, rows: Rows) -> Iterator[MarketEvent]:
        for execution in self._executions(rows):
            yield from execution

    def _executions(self, rows: Rows) -> Iterator[list[MarketEvent]]:
        """The prints of each message; most messages have none."""
        contract = self.file.contracts[""]
        columns = (rows.numbers[name].tolist() for name in ("type", "price", "size", "direction"))
        for ts, kind, price, size, direction in zip(rows.ts, *columns, strict=True):
            if kind in (_VISIBLE_EXECUTION, _HIDDEN_EXECUTION) and price > 0 and size >= 1:
                # The direction is the resting order's: who executed against a sell order bought.
                yield list(self._print(ts, contract, price, int(size), -int(direction)))
            else:
                yield []

    def _print(
        self, ts: float, contract: Contract, price: float, size: int, aggressor: int
    ) -> Iterator[MarketEvent]:
        con_id = contract.con_id
        if con_id not in self.prints:
            return
        if con_id in self.quote_prints:
            bid, ask = round(price - contract.min_tick, 10), round(price + contract.min_tick, 10)
            yield from self._quote(QuoteTick(ts, con_id, max(bid, 0.0), size if bid > 0 else 0, ask, size))
        yield TradeTick(ts, con_id, price, size, aggressor)

    # --- quotes -----------------------------------------------------------------------------------

    def _quote(self, quote: QuoteTick) -> Iterator[QuoteTick]:
        """The quote, unless it is crossed or says nothing new."""
        if 0.0 < quote.ask < quote.bid:
            self.dropped["crossed"] += 1
            return
        before = self.shown.get(quote.con_id)
        if before is None or before[2:] != quote[2:]:
            self.shown[quote.con_id] = quote
            yield quote

    def _quotes(self, rows: Rows) -> Iterator[MarketEvent]:
        """Two-sided rows, or rows that carry one side: the other stays as it was."""
        columns = (rows.numbers[name].tolist() for name in ("bid", "bid_size", "ask", "ask_size"))
        trades = _traded(rows)
        for ts, key, trade, bid, bid_size, ask, ask_size in zip(
            rows.ts, rows.keys, trades, *columns, strict=False
        ):
            contract = self.file.contracts[key]
            if trade is not None:
                yield from self._print(ts, contract, *trade)
            if contract.con_id in self.quotes:
                known = self.sides.get(contract.con_id, (0.0, 0, 0.0, 0))
                left = _side(bid, bid_size) if bid > 0 else known[:2]
                right = _side(ask, ask_size) if ask > 0 else known[2:]
                self.sides[contract.con_id] = (*left, *right)
                yield from self._quote(QuoteTick(ts, contract.con_id, *left, *right))

    # --- books ------------------------------------------------------------------------------------

    def _book(self, rows: Rows) -> Iterator[MarketEvent]:
        for ts, key, trade, book in zip(rows.ts, rows.keys, _traded(rows), _books(rows), strict=False):
            contract = self.file.contracts[key]
            if trade is not None:
                yield from self._print(ts, contract, *trade)
            yield from self._depth(ts, contract.con_id, *book)

    def _changes(self, rows: Iterator[Rows]) -> Iterator[MarketEvent]:
        for ts, key, bids, asks in told(rows, self.dropped, levels=LEVELS):
            yield from self._depth(ts, self.file.contracts[key].con_id, bids, asks)

    def _depth(
        self, ts: float, con_id: int, bids: tuple[tuple[float, int], ...], asks: tuple[tuple[float, int], ...]
    ) -> Iterator[MarketEvent]:
        if con_id not in self.quotes:
            return
        bid, bid_size = bids[0] if bids else (0.0, 0)
        ask, ask_size = asks[0] if asks else (0.0, 0)
        if 0.0 < ask < bid:
            self.dropped["crossed"] += 1
            return
        yield from self._quote(QuoteTick(ts, con_id, bid, bid_size, ask, ask_size))
        yield DepthTick(ts, con_id, bids, asks)

    def _book_and_messages(self, rows: Iterator[Rows], messages: TapeFile) -> Iterator[MarketEvent]:
        """Row by row: what the message printed, then the book after it."""
        con_id = self.file.contracts[""].con_id
        books = ((ts, book) for batch in rows for ts, book in zip(batch.ts, _books(batch), strict=True))
        prints = (row for batch in read_rows(messages, self.dropped) for row in self._executions(batch))
        for executions, (ts, book) in zip(prints, books, strict=True):
            yield from executions
            yield from self._depth(ts, con_id, *book)

    # --- bars -------------------------------------------------------------------------------------

    def _bars(self, rows: Iterator[Rows]) -> Iterator[MarketEvent]:
        """Bars spread over their length; bars of several contracts overlap and are brought in order."""
        waiting: list[tuple[float, int, MarketEvent]] = []
        made = 0
        expand = self._print_bar if self.file.kind is Kind.TRADE_BARS else self._quote_bar
        for batch in rows:
            for index, (ts, key) in enumerate(zip(batch.ts, batch.keys, strict=True)):
                while waiting and waiting[0][0] < ts:
                    yield heapq.heappop(waiting)[2]
                for event in expand(ts, self.file.contracts[key], batch, index):
                    heapq.heappush(waiting, (event.ts, made, event))
                    made += 1
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _print_bar(self, ts: float, contract: Contract, rows: Rows, index: int) -> Iterator[MarketEvent]:
        first, high, low, last = (
            float(rows.numbers[name][index]) for name in ("open", "high", "low", "close")
        )
        volume = int(rows.numbers["volume"][index])
        path = _bar_path(first, high, low, last)
        moments = (
            _BAR_MOMENTS
            if len(path) == len(_BAR_MOMENTS)
            else _BAR_MOMENTS[: len(path) - 1] + _BAR_MOMENTS[-1:]
        )
        share = volume // len(path)
        for place, (moment, price) in enumerate(zip(moments, path, strict=True)):
            size = share if place < len(path) - 1 else volume - share * (len(path) - 1)
            # A bar of fewer lots than prices still has to show its high and low.
            yield from self._print(ts + moment * self.file.bar_s, contract, price, max(1, size), 0)

    def _quote_bar(self, ts: float, contract: Contract, rows: Rows, index: int) -> Iterator[MarketEvent]:
        if contract.con_id not in self.quotes:
            return
        row = {name: float(values[index]) for name, values in rows.numbers.items()}
        low_first = row["bid_open"] - row["bid_low"] <= row["bid_high"] - row["bid_open"]
        names = ("open", "low", "high", "close") if low_first else ("open", "high", "low", "close")
        for moment, name in zip(_BAR_MOMENTS, names, strict=True):
            bid, bid_size = _side(row[f"bid_{name}"], row["bid_size"])
            ask, ask_size = _side(row[f"ask_{name}"], row["ask_size"])
            at = ts + moment * self.file.bar_s
            yield from self._quote(QuoteTick(at, contract.con_id, bid, bid_size, ask, ask_size))


def _side(price: float, size: float) -> tuple[float, int]:
    """A side as the model writes it: at least one lot where there is a price, zeros where there is none."""
    return (price, max(1, int(size))) if price > 0 else (0.0, 0)


def _traded(rows: Rows) -> Iterator[tuple[float, int, int] | None]:
    """Per row the print it reports (price, size, aggressor): rows of action T in quote and book files."""
    if "action" not in rows.texts or not {"price", "size"} <= set(rows.numbers):
        return repeat(None)
    sides = rows.texts.get("side") or repeat("")
    prices, sizes = rows.numbers["price"].tolist(), rows.numbers["size"].tolist()
    return (
        (price, int(size), _SIDES.get(side, 0)) if action == "T" and price > 0 and size >= 1 else None
        for action, price, size, side in zip(rows.texts["action"], prices, sizes, sides, strict=False)
    )


_Levels = tuple[tuple[float, int], ...]


def _books(rows: Rows) -> Iterator[tuple[_Levels, _Levels]]:
    """Per row both sides, best first, without the levels that do not exist."""
    sides = []
    for side in ("bid", "ask"):
        levels = [level for level in range(LEVELS) if f"{side}_px_{level}" in rows.numbers]
        prices = np.stack([rows.numbers[f"{side}_px_{level}"] for level in levels], axis=1).tolist()
        sizes = np.nan_to_num(np.stack([rows.numbers[f"{side}_sz_{level}"] for level in levels], axis=1))
        sides.append((prices, sizes.astype(np.int64).tolist()))
    (bid_prices, bid_sizes), (ask_prices, ask_sizes) = sides
    for row in range(len(rows.ts)):
        yield _levels(bid_prices[row], bid_sizes[row]), _levels(ask_prices[row], ask_sizes[row])


def _levels(prices: list[float], sizes: list[int]) -> _Levels:
    return tuple((price, size) for price, size in zip(prices, sizes, strict=True) if price > 0 and size > 0)


def _bar_path(first: float, high: float, low: float, last: float) -> list[float]:
    """The prices a bar is played as: open, the extremes (the one nearer to the open first), close."""
    extremes = [low, high] if first - low <= high - first else [high, low]
    path = [first]
    for price in (*extremes, last):
        if price != path[-1]:
            path.append(price)
    return path


def check_pair(book: int, messages: int, *, name: str) -> None:
    """TapeError unless a book file has one row per message."""
    if book != messages:
        raise TapeError(
            f"{name}: has {book} rows but its message file has {messages}; they belong row to row"
        )
