"""Market data messages: level 1, depth, tick by tick, bars and historical data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

from engine.gateway.codec import Field, message
from engine.gateway.model import HistoryBar, QuoteTick, TradeTick
from engine.gateway.wire_text import date_text, time_text

DAY_S: Final = 86_400
_NO_SIDE_PRICE: Final = -1
_AUTO_EXECUTE: Final = 1
_EPOCH_FORMAT: Final = 2


class Tick(IntEnum):
    """Level-1 tick types."""

    BID_SIZE = 0
    BID = 1
    ASK = 2
    ASK_SIZE = 3
    LAST = 4
    LAST_SIZE = 5
    HIGH = 6
    LOW = 7
    VOLUME = 8
    CLOSE = 9
    OPEN = 14
    LAST_TIMESTAMP = 45
    RT_VOLUME = 48
    HALTED = 49


_DELAYED: Final = {
    Tick.BID: 66,
    Tick.ASK: 67,
    Tick.LAST: 68,
    Tick.BID_SIZE: 69,
    Tick.ASK_SIZE: 70,
    Tick.LAST_SIZE: 71,
    Tick.HIGH: 72,
    Tick.LOW: 73,
    Tick.VOLUME: 74,
    Tick.CLOSE: 75,
    Tick.OPEN: 76,
    Tick.LAST_TIMESTAMP: 88,
}


def _kind(tick: Tick, *, delayed: bool) -> int:
    return _DELAYED.get(tick, int(tick)) if delayed else int(tick)


def tick_price(request_id: int, tick: Tick, price: float, size: int, *, delayed: bool) -> bytes:
    """tickPrice (1); a missing side is price -1 and size 0."""
    shown = price if price > 0 else _NO_SIDE_PRICE
    return message(1, 6, request_id, _kind(tick, delayed=delayed), shown, size, _AUTO_EXECUTE)


def tick_size(request_id: int, tick: Tick, size: int, *, delayed: bool) -> bytes:
    """tickSize (2)."""
    return message(2, 6, request_id, _kind(tick, delayed=delayed), size)


def tick_generic(request_id: int, tick: Tick, value: float) -> bytes:
    """tickGeneric (45)."""
    return message(45, 6, request_id, int(tick), value)


def tick_string(request_id: int, tick: Tick, text: str, *, delayed: bool) -> bytes:
    """tickString (46)."""
    return message(46, 6, request_id, _kind(tick, delayed=delayed), text)


def real_time_volume(request_id: int, trade: TradeTick, *, volume: int, vwap: float) -> bytes:
    """The RTVolume string (48): price;size;time ms;total volume;VWAP;single."""
    text = f"{trade.price};{trade.size};{int(trade.ts * 1000)};{volume};{vwap:.8f};true"
    return message(46, 6, request_id, int(Tick.RT_VOLUME), text)


def depth_row(request_id: int, row: int, operation: int, *, is_bid: bool, price: float, size: int) -> bytes:
    """updateMktDepth (12): operation 0 insert, 1 update, 2 delete."""
    return message(12, 1, request_id, row, operation, is_bid, price, size)


def depth_row_with_maker(
    request_id: int,
    row: int,
    operation: int,
    *,
    maker: str,
    smart: bool,
    is_bid: bool,
    price: float,
    size: int,
) -> bytes:
    """updateMktDepthL2 (13): the same with the exchange or market maker that quotes."""
    return message(13, 1, request_id, row, maker, operation, is_bid, price, size, smart)


def tick_by_tick_trade(request_id: int, trade: TradeTick, *, kind: int, exchange: str) -> bytes:
    """tickByTick (99) of kind 1 (Last) or 2 (AllLast)."""
    return message(99, request_id, kind, int(trade.ts), trade.price, trade.size, 0, exchange, "")


def tick_by_tick_quote(request_id: int, quote: QuoteTick) -> bytes:
    """tickByTick (99) of kind 3 (BidAsk)."""
    return message(99, request_id, 3, int(quote.ts), quote.bid, quote.ask, quote.bid_size, quote.ask_size, 0)


def tick_by_tick_midpoint(request_id: int, quote: QuoteTick) -> bytes:
    """tickByTick (99) of kind 4 (MidPoint)."""
    return message(99, request_id, 4, int(quote.ts), (quote.bid + quote.ask) / 2)


def real_time_bar(request_id: int, bar: HistoryBar) -> bytes:
    """realtimeBar (50)."""
    return message(
        50,
        3,
        request_id,
        int(bar.start),
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        bar.wap,
        bar.count,
    )


def bar_time(ts: float, *, seconds: int, date_format: int, version: int) -> str:
    """When a bar starts: a date for days and longer, else by the format asked for (2 = epoch)."""
    if seconds >= DAY_S:
        return date_text(ts)
    return str(int(ts)) if date_format == _EPOCH_FORMAT else time_text(ts, version=version)


def historical_data(
    bars: Sequence[HistoryBar],
    *,
    request_id: int,
    end: float,
    seconds: int,
    date_format: int,
    version: int,
) -> bytes:
    """historicalData (17), oldest bar first."""
    start = bars[0].start if bars else end
    fields: list[Field] = [
        17,
        request_id,
        time_text(start, version=version),
        time_text(end, version=version),
        len(bars),
    ]
    for bar in bars:
        stamp = bar_time(bar.start, seconds=seconds, date_format=date_format, version=version)
        fields += [stamp, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.wap, bar.count]
    return message(*fields)


def historical_update(request_id: int, bar: HistoryBar, *, stamp: str) -> bytes:
    """historicalDataUpdate (90): note the order open, close, high, low."""
    return message(
        90, request_id, bar.count, stamp, bar.open, bar.close, bar.high, bar.low, bar.wap, bar.volume
    )


def head_timestamp(request_id: int, ts: float, *, date_format: int) -> bytes:
    """headTimestamp (88): UTC in the API's own spelling, or epoch seconds."""
    text = (
        str(int(ts)) if date_format == _EPOCH_FORMAT else f"{datetime.fromtimestamp(ts, UTC):%Y%m%d-%H:%M:%S}"
    )
    return message(88, request_id, text)


def historical_ticks_mid(request_id: int, quotes: Iterable[QuoteTick]) -> bytes:
    """historicalTicks (96): midpoints."""
    rows = [(int(tick.ts), 0, (tick.bid + tick.ask) / 2, 0) for tick in quotes]
    return message(96, request_id, len(rows), *(value for row in rows for value in row), True)


def historical_ticks_quote(request_id: int, quotes: Iterable[QuoteTick]) -> bytes:
    """historicalTicksBidAsk (97)."""
    rows = [(int(tick.ts), 0, tick.bid, tick.ask, tick.bid_size, tick.ask_size) for tick in quotes]
    return message(97, request_id, len(rows), *(value for row in rows for value in row), True)


def historical_ticks_trade(request_id: int, trades: Iterable[TradeTick], *, exchange: str) -> bytes:
    """historicalTicksLast (98)."""
    rows = [(int(tick.ts), 0, tick.price, tick.size, exchange, "") for tick in trades]
    return message(98, request_id, len(rows), *(value for row in rows for value in row), True)
