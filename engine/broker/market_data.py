"""Live market data of one connection: quotes, 5-second bars and depth, told once per network packet.

Telling at the end of a packet, not per tick, keeps half an update (new bid, old ask) from ever looking
like a crossed market.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from engine.broker import codes
from engine.broker.convert import clean, contract_of
from engine.broker.depth import DepthBook
from engine.broker.pacing import HistoryPacing, Priority
from engine.broker.port import DataType, LineRefused, LinkState, Notice, ProductHalt
from engine.broker.wire import Wire
from engine.domain.instrument import Instrument, SecType
from engine.domain.market import Bar, Quote, checked_bar, utc
from engine.domain.quick import maker

_make_quote, _make_bar = maker(Quote), maker(Bar)
_BID, _ASK, _LAST = {1, 66}, {2, 67}, {4, 68}
_BID_SIZE, _ASK_SIZE, _LAST_SIZE = {0, 69}, {3, 70}, {5, 71}
_LAST_TIME = {45, 88}
_HALTED = {49, 90}
_HALT_FLAGS: Final = (-1.0, 0.0, 1.0, 2.0)
_DELAYED = frozenset({*range(66, 77), 88})
_REAL_TIME, _DELAYED_TYPE = 1, 3
_BAR_S: Final = 5
_RESYNC_S: Final = 5.0
_INSANE_S: Final = 2.0
ASK_AGAIN_S: Final = 10.0
"""Real seconds before a line that was refused for asking too much is asked for again."""


class _Kind(Enum):
    QUOTE = auto()
    BARS = auto()
    DEPTH = auto()


@dataclass(slots=True)
class _Line:
    """Everything subscribed for one instrument."""

    instrument: Instrument
    quote: Quote
    requests: dict[_Kind, int] = field(default_factory=dict)
    waiting: dict[_Kind, asyncio.Future[None]] = field(default_factory=dict)
    data_type: int = 0
    halt: int = 0
    last_print_s: float = 0.0
    book: DepthBook | None = None
    rows: int = 0
    no_book: bool = False
    """The broker refused its book: a cancel would only be answered with another error."""
    bars_due: asyncio.TimerHandle | None = None
    """While its live bars wait for the broker's pacing."""
    insane_since_s: float | None = None
    resynced_s: float = -math.inf


class MarketData:
    """Subscriptions of one connection and what they deliver."""

    def __init__(self, wire: Wire, pacing: HistoryPacing) -> None:
        self._wire = wire
        self._pacing = pacing
        self._lines: dict[str, _Line] = {}
        self._by_id: dict[int, tuple[_Kind, _Line]] = {}
        self._changed: dict[str, _Line] = {}
        self._changed_books: dict[str, _Line] = {}
        self._arrived_s: float | None = None
        """Exchange time of the packet whose ticks are being read; None before its first."""
        wire.callbacks.on(
            priceSizeTick=self._on_price,
            tickSize=self._on_size,
            tickString=self._on_text,
            tickGeneric=self._on_generic,
            marketDataType=self._on_type,
            realtimeBar=self._on_bar,
            updateMktDepth=self._on_depth,
            updateMktDepthL2=self._on_depth_l2,
            tcpDataProcessed=wire.guarded(self.flush),
        )

    def subscribe(self, instrument: Instrument) -> None:
        """Ask for level 1 and 5-second bars, unless they are on; bars as soon as the pacing allows."""
        line = self._line(instrument)
        contract, client = contract_of(instrument), self._wire.client
        self._start(
            line, _Kind.QUOTE, lambda number: client.reqMktData(number, contract, "", False, False, [])
        )
        if _Kind.BARS not in line.requests and line.bars_due is None:
            self._ask_bars(line)

    def _ask_bars(self, line: _Line) -> None:
        line.bars_due, now_s, key = None, self._wire.clock(), line.instrument.key
        if self._lines.get(key) is not line or _Kind.QUOTE not in line.requests:
            return  # ended while it waited
        wait_s = self._pacing.live_wait_s(now_s)
        if wait_s > 0:
            line.bars_due = asyncio.get_running_loop().call_later(wait_s, self._bars_are_due, line)
            text = f"live bars wait {wait_s:.0f} s for the broker's pacing; its prices come meanwhile"
            self._wire.emit(Notice(codes.PACED, text, key))
            return
        self._pacing.asked_live(now_s, line=str(line.instrument.con_id))
        contract, client = contract_of(line.instrument), self._wire.client
        regular_only = line.instrument.sec_type is SecType.STOCK
        self._start(
            line,
            _Kind.BARS,
            lambda number: client.reqRealTimeBars(number, contract, _BAR_S, "TRADES", regular_only, []),
        )

    def _bars_are_due(self, line: _Line) -> None:
        if self._wire.link is not LinkState.DOWN:  # a new connection asks for everything
            self._ask_bars(line)

    def subscribe_depth(self, instrument: Instrument, rows: int) -> None:
        """Ask for `rows` levels a side, unless they are on already."""
        line = self._line(instrument)
        if line.no_book and _Kind.DEPTH in line.requests:
            self._stop(line, _Kind.DEPTH)
        if _Kind.DEPTH in line.requests:
            return
        line.book, line.rows = DepthBook(instrument.key, rows=rows), rows
        self._ask_depth(line)

    def unsubscribe_depth(self, instrument: Instrument) -> None:
        """End the book of this instrument; its other lines stay."""
        line = self._lines.get(instrument.key)
        if line is not None and _Kind.DEPTH in line.requests:
            self._stop(line, _Kind.DEPTH)
            line.book = None
            self._changed_books.pop(instrument.key, None)

    def unsubscribe(self, instrument: Instrument) -> None:
        """End every line of this instrument."""
        line = self._lines.pop(instrument.key, None)
        if line is not None:
            if line.bars_due is not None:
                line.bars_due.cancel()
            for kind in tuple(line.requests):
                self._stop(line, kind)
            self._changed.pop(instrument.key, None)
            self._changed_books.pop(instrument.key, None)

    def ask_again(self) -> None:
        """Ask anew for every line after the broker lost them (1101): the old request ids mean nothing now."""
        for line in self._lines.values():
            kinds = set(line.requests)
            for number in line.requests.values():
                self._by_id.pop(number, None)
            for waiting in line.waiting.values():
                self._wire.sender.withdraw(waiting)
            line.requests.clear()
            line.waiting.clear()
            if _Kind.QUOTE in kinds:
                self.subscribe(line.instrument)
            if _Kind.DEPTH in kinds and line.book is not None:
                line.book.clear()
                self._ask_depth(line)

    def on_error(self, request_id: int, code: int, text: str) -> bool:
        """An error naming a line; False where it is none of ours."""
        kind, line = self._by_id.get(request_id, (None, None))
        if line is None:
            return False
        if code == codes.DEPTH_RESET and kind is _Kind.DEPTH and line.book is not None:
            line.book.clear()
            self._changed_books[line.instrument.key] = line
        elif kind is _Kind.DEPTH and codes.is_refusal(code, text):
            line.no_book = True
            self._wire.emit(LineRefused(line.instrument.key, "book", code, text))
            return True
        if codes.is_passing(code, text):
            asyncio.get_running_loop().call_later(ASK_AGAIN_S, self._ask_line_again, request_id)
        self._wire.emit(Notice(code, text, line.instrument.key))
        return True

    def _ask_line_again(self, request_id: int) -> None:
        """A line that was refused for the moment would stay silent for ever: it is asked for anew."""
        if request_id not in self._by_id or self._wire.link is LinkState.DOWN:
            return  # ended or asked anew meanwhile; a new connection asks for everything
        kind, line = self._by_id[request_id]
        del self._by_id[request_id], line.requests[kind], line.waiting[kind]
        if kind is _Kind.DEPTH:
            self._ask_depth(line)
        else:
            self.subscribe(line.instrument)

    def flush(self) -> None:
        """Tell what the last packet changed."""
        self._arrived_s = None
        if self._changed:
            lines, self._changed = self._changed, {}
            for line in lines.values():
                self._wire.listener.on_quote(line.quote)
        if self._changed_books:
            lines, self._changed_books = self._changed_books, {}
            for line in lines.values():
                self._tell_book(line)

    # --- subscriptions ----------------------------------------------------------------------------

    def _line(self, instrument: Instrument) -> _Line:
        empty = Quote(instrument.key, math.nan, math.nan, 0, 0, math.nan, 0, 0.0)
        return self._lines.setdefault(instrument.key, _Line(instrument, empty))

    def _start(self, line: _Line, kind: _Kind, write: Callable[[int], None]) -> None:
        if kind in line.requests:
            return
        number = line.requests[kind] = self._wire.requests.new_id()
        self._by_id[number] = (kind, line)
        what = f"{kind.name.lower()} of {line.instrument.key}"
        line.waiting[kind] = self._wire.sender.post(lambda: write(number), priority=Priority.DATA, what=what)

    def _stop(self, line: _Line, kind: _Kind) -> None:
        number = line.requests.pop(kind)
        self._by_id.pop(number, None)
        if self._wire.sender.withdraw(line.waiting.pop(kind)) or (kind is _Kind.DEPTH and line.no_book):
            return  # it still waited in our queue, or was refused: the broker holds no line
        client = self._wire.client
        writes: dict[_Kind, Callable[[], None]] = {
            _Kind.QUOTE: lambda: client.cancelMktData(number),
            _Kind.BARS: lambda: client.cancelRealTimeBars(number),
            _Kind.DEPTH: lambda: client.cancelMktDepth(number, _is_smart(line.instrument)),
        }
        self._wire.post(writes[kind], priority=Priority.DATA, what=f"end of {line.instrument.key}")

    def _ask_depth(self, line: _Line) -> None:
        contract, client = contract_of(line.instrument), self._wire.client
        smart, line.no_book = _is_smart(line.instrument), False
        self._start(
            line, _Kind.DEPTH, lambda number: client.reqMktDepth(number, contract, line.rows, smart, [])
        )

    # --- level 1 ----------------------------------------------------------------------------------

    def _on_price(self, request_id: int, tick: int, price: float, size: float) -> None:
        line = self._quote_line(request_id, tick)
        if line is None:
            return
        # Made whole: naming only what changes (`_replace`) takes twice as long, thousands of times a second.
        key, bid, ask, bid_size, ask_size, last, last_size, at = line.quote
        missing = size == 0 and price in (-1.0, 0.0)
        value, amount = (math.nan, 0) if missing else (price, int(size))
        if tick in _BID:
            bid, bid_size, at = value, amount, self._now_s(line)
        elif tick in _ASK:
            ask, ask_size, at = value, amount, self._now_s(line)
        elif tick in _LAST and not missing:
            last, last_size = price, amount
        else:
            return
        self._keep(line, _make_quote(key, bid, ask, bid_size, ask_size, last, last_size, at))

    def _on_size(self, request_id: int, tick: int, size: float) -> None:
        line = self._quote_line(request_id, tick)
        if line is None:
            return
        quote, amount = line.quote, int(size)
        if tick in _BID_SIZE and amount != quote.bid_size and not math.isnan(quote.bid):
            quote = quote._replace(bid_size=amount, at=self._now_s(line))
        elif tick in _ASK_SIZE and amount != quote.ask_size and not math.isnan(quote.ask):
            quote = quote._replace(ask_size=amount, at=self._now_s(line))
        elif tick in _LAST_SIZE:
            quote = quote._replace(last_size=amount)
        self._keep(line, quote)

    def _on_text(self, request_id: int, tick: int, text: str) -> None:
        line = self._quote_line(request_id, tick)
        if line is not None and tick in _LAST_TIME and text.isdigit():
            line.last_print_s = float(text)

    def _on_generic(self, request_id: int, tick: int, value: float) -> None:
        line = self._quote_line(request_id, tick)
        if line is not None and tick in _HALTED and value in _HALT_FLAGS and line.halt != int(value):
            line.halt = int(value)
            self._wire.emit(ProductHalt(line.instrument.key, line.halt))

    def _on_type(self, request_id: int, kind: int) -> None:
        _, line = self._by_id.get(request_id, (None, None))
        if line is not None:
            self._set_type(line, kind)

    def _quote_line(self, request_id: int, tick: int) -> _Line | None:
        found = self._by_id.get(request_id)
        if found is None:
            return None
        line = found[1]
        if tick in _DELAYED and line.data_type in (0, _REAL_TIME):
            # Delayed ticks without the announcement: the tick types themselves are the proof.
            self._set_type(line, _DELAYED_TYPE)
        return line

    def _set_type(self, line: _Line, kind: int) -> None:
        if kind != line.data_type:
            line.data_type = kind
            self._wire.emit(DataType(line.instrument.key, kind))

    def _keep(self, line: _Line, quote: Quote) -> None:
        if quote is not line.quote:
            line.quote = quote
            self._changed[quote.key] = line

    def _now_s(self, line: _Line) -> float:
        # Level 1 carries no time of its own; a print stamped later than our clock corrects a slow clock.
        now_s = self._arrived_s
        if now_s is None:
            now_s = self._arrived_s = self._wire.exchange_now()
        return now_s if now_s > line.last_print_s else line.last_print_s

    # --- bars -------------------------------------------------------------------------------------

    def _on_bar(
        self,
        request_id: int,
        start_s: int,
        open_: float,
        high: float,
        low: float,
        close: float,
        volume: float,
        wap: float,
        count: int,
    ) -> None:
        found = self._by_id.get(request_id)
        if found is None:
            return
        key = found[1].instrument.key
        end = utc(start_s) + timedelta(seconds=_BAR_S)
        bar = _make_bar(key, end, open_, high, low, close, int(volume), _BAR_S, wap, count)
        try:
            self._wire.listener.on_bar(checked_bar(bar))
        except ValueError as error:
            self._wire.emit(Notice(codes.UNREADABLE, clean(f"bar dropped: {error}"), key))

    # --- depth ------------------------------------------------------------------------------------

    def _on_depth_l2(
        self,
        request_id: int,
        row: int,
        _maker: str,
        operation: int,
        side: int,
        price: float,
        size: float,
        _smart: bool = False,
    ) -> None:
        self._on_depth(request_id, row, operation, side, price, size)

    def _on_depth(
        self, request_id: int, row: int, operation: int, side: int, price: float, size: float
    ) -> None:
        found = self._by_id.get(request_id)
        if found is None or found[1].book is None:
            return
        line = found[1]
        if found[1].book.apply(row=row, operation=operation, side=side, price=price, size=int(size)):
            self._changed_books[line.instrument.key] = line
        else:
            self._resync(line, f"row {row} of operation {operation} is not in the book")

    def _tell_book(self, line: _Line) -> None:
        now_s = self._wire.clock()
        if line.book is None:
            return
        if line.book.is_sane:
            line.insane_since_s = None
            self._wire.listener.on_depth(line.book.snapshot(self._wire.exchange_now()))
        elif line.insane_since_s is None:
            line.insane_since_s = now_s
        elif now_s - line.insane_since_s >= _INSANE_S:
            self._resync(line, "the book is crossed or unsorted")

    def _resync(self, line: _Line, why: str) -> None:
        now_s = self._wire.clock()
        if line.book is None or now_s - line.resynced_s < _RESYNC_S:
            return
        line.resynced_s, line.insane_since_s = now_s, None
        line.book.clear()
        self._changed_books.pop(line.instrument.key, None)
        self._stop(line, _Kind.DEPTH)
        self._ask_depth(line)
        self._wire.emit(Notice(codes.DEPTH_RESET, f"depth asked anew: {why}", line.instrument.key))


def _is_smart(instrument: Instrument) -> bool:
    return instrument.exchange == "SMART"
