"""Carries market events to the lines that subscribed to them, coalesced to one state per turn.

Level 1 and depth tell the state after the turn, however many events made it, so that a fast market or a
high speed never floods a client; tick-by-tick lines get every event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from engine.gateway import encode_market
from engine.gateway.encode_market import Tick
from engine.gateway.model import DepthTick, MarketEvent, QuoteTick, TradeTick
from engine.gateway.session import DepthLine, Level, QuoteLine, Session, TickLine
from engine.gateway.venue import Venue

RT_VOLUME: Final = 233
_INSERT, _UPDATE, _DELETE = 0, 1, 2


@dataclass(slots=True)
class Batch:
    """What one turn brought for one contract."""

    quotes: list[QuoteTick] = field(default_factory=list)
    trades: list[TradeTick] = field(default_factory=list)
    depth: DepthTick | None = None


def gather(venue: Venue, events: Iterable[MarketEvent]) -> dict[int, Batch]:
    """Sort a turn's events by contract and bring statistics and look-back rings up to date."""
    batches: dict[int, Batch] = {}
    for event in events:
        batch = batches.get(event.con_id)
        if batch is None:
            batch = batches[event.con_id] = Batch()
        if isinstance(event, QuoteTick):
            batch.quotes.append(event)
        elif isinstance(event, TradeTick):
            batch.trades.append(event)
        else:
            batch.depth = event
    for con_id, batch in batches.items():
        recent = venue.recent_of(con_id)
        recent.quotes.extend(batch.quotes)
        recent.trades.extend(batch.trades)
        stats = venue.stats.get(con_id)
        if stats is not None:
            for trade in batch.trades:
                stats.add_trade(trade)
    return batches


def fan_out(venue: Venue, batches: dict[int, Batch]) -> None:
    """Tell every line what the turn brought for its contract, unless prices are to stand still."""
    if venue.faults.is_muted(venue.monotonic()):
        return
    for session in venue.started():
        lines = session.subscriptions
        for request_id, quote_line in lines.quotes.items():
            batch = batches.get(quote_line.contract.con_id)
            if batch is not None:
                _tell_level_1(venue, session, request_id, quote_line, batch)
        for request_id, depth_line in lines.depth.items():
            book = _book(venue, batches.get(depth_line.contract.con_id), depth_line)
            if book is not None:
                tell_depth(session, request_id, depth_line, book)
        for request_id, tick_line in lines.ticks.items():
            batch = batches.get(tick_line.contract.con_id)
            if batch is not None:
                tell_ticks(session, request_id, tick_line, batch)


def _book(venue: Venue, batch: Batch | None, line: DepthLine) -> DepthTick | None:
    """The book after the turn; a tape without depth has one that follows from its quotes."""
    if batch is None or (batch.depth is None and not batch.quotes):
        return None
    return batch.depth or venue.market.depth(line.contract.con_id)


def is_delayed(venue: Venue) -> bool:
    """Whether level 1 goes out under the delayed tick types."""
    return venue.faults.market_data_type >= 3


def _tell_level_1(venue: Venue, session: Session, request_id: int, line: QuoteLine, batch: Batch) -> None:
    if batch.quotes:
        tell_quote(session, request_id, line, batch.quotes[-1], delayed=is_delayed(venue))
    if batch.trades:
        _tell_trades(venue, session, request_id, line, batch.trades)


def tell_quote(
    session: Session, request_id: int, line: QuoteLine, quote: QuoteTick, *, delayed: bool
) -> None:
    """The sides that changed: a price with its size, or a size alone."""
    told = line.told
    line.told = quote
    if told is None or told.bid != quote.bid:
        session.send(
            encode_market.tick_price(request_id, Tick.BID, quote.bid, quote.bid_size, delayed=delayed)
        )
    elif told.bid_size != quote.bid_size:
        session.send(encode_market.tick_size(request_id, Tick.BID_SIZE, quote.bid_size, delayed=delayed))
    if told is None or told.ask != quote.ask:
        session.send(
            encode_market.tick_price(request_id, Tick.ASK, quote.ask, quote.ask_size, delayed=delayed)
        )
    elif told.ask_size != quote.ask_size:
        session.send(encode_market.tick_size(request_id, Tick.ASK_SIZE, quote.ask_size, delayed=delayed))


def _tell_trades(
    venue: Venue, session: Session, request_id: int, line: QuoteLine, trades: list[TradeTick]
) -> None:
    delayed = is_delayed(venue)
    last = trades[-1]
    stats = venue.stats_of(line.contract)
    session.send(encode_market.tick_price(request_id, Tick.LAST, last.price, last.size, delayed=delayed))
    session.send(encode_market.tick_size(request_id, Tick.VOLUME, stats.volume, delayed=delayed))
    session.send(
        encode_market.tick_string(request_id, Tick.LAST_TIMESTAMP, str(int(last.ts)), delayed=delayed)
    )
    if RT_VOLUME in line.generic_ticks:
        whole = last._replace(size=sum(trade.size for trade in trades))
        session.send(encode_market.real_time_volume(request_id, whole, volume=stats.volume, vwap=stats.vwap))
    tell_extremes(session, request_id, line, high=stats.high, low=stats.low, delayed=delayed)


def tell_extremes(
    session: Session, request_id: int, line: QuoteLine, *, high: float, low: float, delayed: bool
) -> None:
    """The session's high and low, where this line has not been told them."""
    if high and line.told_high != high:
        line.told_high = high
        session.send(encode_market.tick_price(request_id, Tick.HIGH, high, 0, delayed=delayed))
    if low and line.told_low != low:
        line.told_low = low
        session.send(encode_market.tick_price(request_id, Tick.LOW, low, 0, delayed=delayed))


def tell_depth(session: Session, request_id: int, line: DepthLine, book: DepthTick) -> None:
    """Bring the client's book to this one.

    Rows are inserted once at the end, changed in place and deleted from the tail: clients that shift rows
    on insert and clients that overwrite them then hold the same book.
    """
    bids, asks = list(book.bids[: line.rows]), list(book.asks[: line.rows])
    _tell_side(session, request_id, line, told=line.bids, now=bids, is_bid=True)
    _tell_side(session, request_id, line, told=line.asks, now=asks, is_bid=False)
    line.bids, line.asks = bids, asks


def _tell_side(
    session: Session, request_id: int, line: DepthLine, *, told: list[Level], now: list[Level], is_bid: bool
) -> None:
    for row, level in enumerate(now):
        if row >= len(told):
            _send_row(session, request_id, line, row, _INSERT, level, is_bid=is_bid)
        elif told[row] != level:
            _send_row(session, request_id, line, row, _UPDATE, level, is_bid=is_bid)
    for row in range(len(told) - 1, len(now) - 1, -1):
        _send_row(session, request_id, line, row, _DELETE, (0.0, 0), is_bid=is_bid)


def _send_row(
    session: Session,
    request_id: int,
    line: DepthLine,
    row: int,
    operation: int,
    level: Level,
    *,
    is_bid: bool,
) -> None:
    price, size = level
    if line.with_makers:
        payload = encode_market.depth_row_with_maker(
            request_id,
            row,
            operation,
            maker=line.contract.primary_exchange or line.contract.exchange,
            smart=line.smart,
            is_bid=is_bid,
            price=price,
            size=size,
        )
    else:
        payload = encode_market.depth_row(request_id, row, operation, is_bid=is_bid, price=price, size=size)
    session.send(payload)


def tell_ticks(session: Session, request_id: int, line: TickLine, batch: Batch) -> None:
    """Every event of the kind this tick-by-tick line asked for."""
    if line.kind in {"Last", "AllLast"}:
        kind = 1 if line.kind == "Last" else 2
        exchange = line.contract.primary_exchange or line.contract.exchange
        for trade in batch.trades:
            session.send(encode_market.tick_by_tick_trade(request_id, trade, kind=kind, exchange=exchange))
        return
    for quote in batch.quotes:
        if quote.bid > 0 and quote.ask > 0:
            _tell_tick_quote(session, request_id, line, quote)


def _tell_tick_quote(session: Session, request_id: int, line: TickLine, quote: QuoteTick) -> None:
    sizes = (0, 0) if line.ignore_size else (quote.bid_size, quote.ask_size)
    midpoint = line.kind == "MidPoint"
    state = (quote.bid + quote.ask, 0.0, 0, 0) if midpoint else (quote.bid, quote.ask, *sizes)
    if line.told == state:
        return
    line.told = state
    if midpoint:
        session.send(encode_market.tick_by_tick_midpoint(request_id, quote))
    else:
        session.send(encode_market.tick_by_tick_quote(request_id, quote))
