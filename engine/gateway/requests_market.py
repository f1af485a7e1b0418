"""Requests for streaming market data: level 1, depth, tick by tick; within the lines IBKR allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.gateway import encode_market, fanout
from engine.gateway.codec import FieldReader
from engine.gateway.encode_market import Tick
from engine.gateway.fanout import Batch
from engine.gateway.handler import Handler
from engine.gateway.model import Contract
from engine.gateway.parse_contracts import find_one, read_contract
from engine.gateway.session import DepthLine, QuoteLine, Session, TickKind, TickLine
from engine.gateway.venue import Venue

_NO_DEFINITION: Final = 200
_TOO_MANY_LINES: Final = 101
_DUPLICATE_ID: Final = 102
_NO_SUBSCRIPTION: Final = 300
_TOO_MANY_DEPTH: Final = 309
_NO_DEPTH_SUBSCRIPTION: Final = 310
_VALIDATION: Final = 321
_TOO_MANY_TICKS: Final = 10190
_MOST_COMBO_LEGS: Final = 100
_MOST_ROWS: Final = 10
_TICK_KINDS: Final[Mapping[str, TickKind]] = {
    "Last": "Last",
    "AllLast": "AllLast",
    "BidAsk": "BidAsk",
    "MidPoint": "MidPoint",
}


def _contract(venue: Venue, session: Session, reader: FieldReader, *, request_id: int) -> Contract | None:
    found = find_one(read_contract(reader), venue.contracts)
    if isinstance(found, str):
        session.error(_NO_DEFINITION, found, request_id=request_id)
        return None
    return found


def market_data(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqMktData (1): a level-1 stream, or a snapshot with its end marker."""
    reader.integer("version")
    request_id = reader.integer("reqId")
    query = read_contract(reader)
    if query.sec_type == "BAG":
        reader.skip(4 * reader.count("comboLegs", most=_MOST_COMBO_LEGS), name="comboLegs")
    if reader.flag("deltaNeutralContract"):
        reader.skip(3, name="deltaNeutralContract")
    generic = frozenset(int(word) for word in reader.text("genericTickList").split(",") if word.isdigit())
    snapshot = reader.flag("snapshot")
    contract = find_one(query, venue.contracts)
    if isinstance(contract, str):
        session.error(_NO_DEFINITION, contract, request_id=request_id)
        return
    if not _line_is_free(venue, session, request_id, snapshot=snapshot):
        return
    line = QuoteLine(contract, generic)
    _open_line(venue, session, request_id, line)
    if snapshot:
        session.reply(57, 1, request_id)
    else:
        session.subscriptions.quotes[request_id] = line


def _line_is_free(venue: Venue, session: Session, request_id: int, *, snapshot: bool) -> bool:
    if request_id in session.subscriptions.quotes:
        session.error(_DUPLICATE_ID, "Duplicate ticker ID", request_id=request_id)
        return False
    if not snapshot and venue.lines_in_use() >= venue.settings.limits.data_lines:
        session.error(_TOO_MANY_LINES, "Max number of tickers has been reached", request_id=request_id)
        return False
    return True


def _open_line(venue: Venue, session: Session, request_id: int, line: QuoteLine) -> None:
    """What level 1 starts with: parameters, data type, the quote and the day so far."""
    contract = line.contract
    delayed = fanout.is_delayed(venue)
    session.reply(81, request_id, contract.min_tick, "9c0001" if contract.sec_type == "STK" else "", 3)
    session.reply(58, 1, request_id, venue.faults.market_data_type)
    quote = venue.market.quote(contract.con_id)
    if quote is not None:
        fanout.tell_quote(session, request_id, line, quote, delayed=delayed)
    last = venue.market.last_trade(contract.con_id)
    if last is not None:
        session.send(encode_market.tick_price(request_id, Tick.LAST, last.price, last.size, delayed=delayed))
        session.send(
            encode_market.tick_string(request_id, Tick.LAST_TIMESTAMP, str(int(last.ts)), delayed=delayed)
        )
    _tell_day(venue, session, request_id, line)
    halted = venue.faults.halted.get(contract.con_id)
    if halted:
        session.send(encode_market.tick_generic(request_id, Tick.HALTED, halted))


def _tell_day(venue: Venue, session: Session, request_id: int, line: QuoteLine) -> None:
    delayed = fanout.is_delayed(venue)
    stats = venue.stats_of(line.contract)
    session.send(encode_market.tick_size(request_id, Tick.VOLUME, stats.volume, delayed=delayed))
    fanout.tell_extremes(session, request_id, line, high=stats.high, low=stats.low, delayed=delayed)
    if stats.open:
        session.send(encode_market.tick_price(request_id, Tick.OPEN, stats.open, 0, delayed=delayed))
    close = venue.market.previous_close(line.contract.con_id)
    session.send(encode_market.tick_price(request_id, Tick.CLOSE, close, 0, delayed=delayed))


def cancel_market_data(venue: Venue, session: Session, reader: FieldReader) -> None:
    """cancelMktData (2)."""
    reader.integer("version")
    request_id = reader.integer("reqId")
    if session.subscriptions.quotes.pop(request_id, None) is None:
        session.error(_NO_SUBSCRIPTION, f"Can't find EId with tickerId:{request_id}", request_id=request_id)


def market_data_type(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqMarketDataType (59): live data is always there, so a wish for delayed changes nothing."""
    reader.integer("version")
    kind = reader.integer("marketDataType")
    if kind not in {1, 2, 3, 4}:
        session.error(_VALIDATION, f"Error validating request.-'marketDataType' : cause - {kind} is not 1..4")


def market_depth(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqMktDepth (10): rows with makers (13) for stocks and SMART depth, plain rows (12) for futures."""
    reader.integer("version")
    request_id = reader.integer("reqId")
    contract = _contract(venue, session, reader, request_id=request_id)
    if contract is None:
        return
    rows = reader.integer("numRows", default=_MOST_ROWS)
    smart = reader.flag("isSmartDepth")
    if request_id in session.subscriptions.depth:
        session.error(_DUPLICATE_ID, "Duplicate ticker ID", request_id=request_id)
        return
    limit = venue.settings.limits.depth_lines
    if venue.depth_in_use() >= limit:
        text = f"Max number ({limit}) of market depth requests has been reached"
        session.error(_TOO_MANY_DEPTH, text, request_id=request_id)
        return
    line = DepthLine(
        contract,
        rows=max(1, min(rows, _MOST_ROWS)),
        with_makers=smart or contract.sec_type == "STK",
        smart=smart,
    )
    session.subscriptions.depth[request_id] = line
    book = venue.market.depth(contract.con_id)
    if book is not None:
        fanout.tell_depth(session, request_id, line, book)


def cancel_market_depth(venue: Venue, session: Session, reader: FieldReader) -> None:
    """cancelMktDepth (11)."""
    reader.integer("version")
    request_id = reader.integer("reqId")
    if session.subscriptions.depth.pop(request_id, None) is None:
        session.error(
            _NO_DEPTH_SUBSCRIPTION,
            f"Can't find the subscribed market depth with tickerId:{request_id}",
            request_id=request_id,
        )


def tick_by_tick(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqTickByTickData (97)."""
    request_id = reader.integer("reqId")
    contract = _contract(venue, session, reader, request_id=request_id)
    if contract is None:
        return
    kind = _TICK_KINDS.get(reader.text("tickType"))
    reader.integer("numberOfTicks")
    ignore_size = reader.flag("ignoreSize")
    if kind is None:
        text = "Error validating request.-'tickByTick' : cause - Incorrect tick-by-tick type"
        session.error(_VALIDATION, text, request_id=request_id)
        return
    if venue.ticks_in_use() >= venue.settings.limits.tick_by_tick_lines:
        text = "Max number of tick-by-tick requests has been reached"
        session.error(_TOO_MANY_TICKS, text, request_id=request_id)
        return
    line = TickLine(contract, kind, ignore_size)
    session.subscriptions.ticks[request_id] = line
    quote = venue.market.quote(contract.con_id)
    fanout.tell_ticks(session, request_id, line, Batch(quotes=[] if quote is None else [quote]))


def cancel_tick_by_tick(venue: Venue, session: Session, reader: FieldReader) -> None:
    """cancelTickByTickData (98)."""
    session.subscriptions.ticks.pop(reader.integer("reqId"), None)


HANDLERS: Final[Mapping[int, Handler]] = {
    1: market_data,
    2: cancel_market_data,
    10: market_depth,
    11: cancel_market_depth,
    59: market_data_type,
    97: tick_by_tick,
    98: cancel_tick_by_tick,
}
