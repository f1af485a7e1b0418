"""Requests for bars and past ticks: history, history that keeps up to date, five-second bars, look-back."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Final, NamedTuple

from engine.gateway import encode_market, history_jobs
from engine.gateway.bar_lines import forming_bar, slot_start
from engine.gateway.codec import FieldReader
from engine.gateway.handler import Handler
from engine.gateway.history_spans import BAR_SECONDS, Span, span_of
from engine.gateway.model import Contract, HistoryBar
from engine.gateway.parse_contracts import ContractQuery, find_one, read_contract
from engine.gateway.session import BarLine, HistoryJob, HistoryLine, Session
from engine.gateway.venue import Venue
from engine.gateway.wire_text import parse_time

_NO_DEFINITION: Final = 200
_TOO_MANY_LINES: Final = 101
_HISTORY_ERROR: Final = 162
_VALIDATION: Final = 321
_DUPLICATE_ID: Final = 322
_NO_HISTORY_ID: Final = 366
_PACED_UP_TO_S: Final = 30
_MOST_COMBO_LEGS: Final = 100
_MOST_TICKS: Final = 1000
_WHAT: Final[Mapping[str, str]] = {
    "TRADES": "TRADES",
    "ADJUSTED_LAST": "TRADES",
    "MIDPOINT": "MIDPOINT",
    "BID": "BID",
    "ASK": "ASK",
}


class _Wanted(NamedTuple):
    """A history request as its fields say it."""

    request_id: int
    query: ContractQuery
    end_text: str
    bar_size: str
    duration: str
    rth: bool
    what: str
    date_format: int
    keep_up: bool


def historical_data(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqHistoricalData (20). The last bar of a request that ends now is the one still forming."""
    wanted = _read_wanted(reader)
    contract = find_one(wanted.query, venue.contracts)
    if isinstance(contract, str):
        session.error(_NO_DEFINITION, contract, request_id=wanted.request_id)
        return
    refusal = _refusal(venue, session, wanted)
    if refusal:
        session.error(*refusal, request_id=wanted.request_id)
        return
    end = parse_time(wanted.end_text, name="endDateTime")
    seconds = BAR_SECONDS[wanted.bar_size]
    until = venue.reached if end is None else min(end, venue.reached)
    span = span_of(
        wanted.duration,
        seconds=seconds,
        end=until,
        contract=contract,
        calendar=venue.calendar,
        rth=wanted.rth,
    )
    if isinstance(span, str):
        session.error(
            _VALIDATION,
            f"Error validating request.-'historicalData' : cause - {span}",
            request_id=wanted.request_id,
        )
        return
    portions = _answer(venue, session, wanted, contract, span=span, until=until, is_open_ended=end is None)
    history_jobs.begin(venue, session, wanted.request_id, HistoryJob(portions, wanted.keep_up))


def _read_wanted(reader: FieldReader) -> _Wanted:
    request_id = reader.integer("reqId")
    query = read_contract(reader)
    reader.skip(1, name="includeExpired")
    end_text = reader.text("endDateTime")
    bar_size = reader.text("barSizeSetting")
    duration = reader.text("durationStr")
    rth = reader.flag("useRTH")
    what = reader.text("whatToShow")
    date_format = reader.integer("formatDate", default=1)
    if query.sec_type == "BAG":
        reader.skip(4 * reader.count("comboLegs", most=_MOST_COMBO_LEGS), name="comboLegs")
    return _Wanted(
        request_id, query, end_text, bar_size, duration, rth, what, date_format, reader.flag("keepUpToDate")
    )


def _refusal(venue: Venue, session: Session, wanted: _Wanted) -> tuple[int, str] | None:
    seconds = BAR_SECONDS.get(wanted.bar_size)
    if seconds is None:
        return _invalid(f"bar size '{wanted.bar_size}' is not one of: {', '.join(BAR_SECONDS)}")
    if wanted.what not in _WHAT:
        return _invalid(f"whatToShow '{wanted.what}' is not one of: {', '.join(_WHAT)}")
    if wanted.keep_up and wanted.end_text:
        return _invalid("keepUpToDate needs an empty endDateTime")
    refusal = _too_many(venue, session, wanted)
    if refusal is not None:
        return refusal
    if seconds > _PACED_UP_TO_S or venue.clock.is_lockstep:
        return None
    pacing = session.pacing.refusal(
        venue.monotonic(),
        request=repr(wanted._replace(request_id=0)),
        line=f"{wanted.query.line} {wanted.what}",
    )
    return (_HISTORY_ERROR, f"Historical Market Data Service error message:{pacing}") if pacing else None


def _too_many(venue: Venue, session: Session, wanted: _Wanted) -> tuple[int, str] | None:
    """What this client or its login has open already."""
    limits, subscribed = venue.settings.limits, session.subscriptions
    if wanted.request_id in subscribed.jobs:
        return _DUPLICATE_ID, "Error processing request.-'historicalData' : cause - Duplicate ticker id"
    if wanted.keep_up and venue.lines_in_use() >= limits.data_lines:
        return _TOO_MANY_LINES, "Max number of tickers has been reached"
    if len(subscribed.jobs) + len(subscribed.history) * wanted.keep_up >= limits.history_open:
        return (
            _HISTORY_ERROR,
            f"Historical Market Data Service error message:Max {limits.history_open} requests",
        )
    return None


def _invalid(cause: str) -> tuple[int, str]:
    return _VALIDATION, f"Error validating request.-'historicalData' : cause - {cause}"


def _answer(
    venue: Venue,
    session: Session,
    wanted: _Wanted,
    contract: Contract,
    *,
    span: Span,
    until: float,
    is_open_ended: bool,
) -> Generator[None]:
    """The answer, made in portions. What is still forming is that of the moment of the request."""
    seconds, what = BAR_SECONDS[wanted.bar_size], _WHAT[wanted.what]
    forming: HistoryBar | None = None
    next_start = slot_start(venue.reached)
    if is_open_ended:
        forming = forming_bar(venue, contract, seconds=seconds, what=what, rth=wanted.rth)
    bars = yield from venue.market.bars_gradually(
        contract.con_id, end=until, count=span.bars, seconds=seconds, what=what, rth=wanted.rth
    )
    bars = [bar for bar in bars if bar.start >= span.start]
    if forming is not None:
        bars.append(forming)
    if not bars:
        text = "Historical Market Data Service error message:HMDS query returned no data"
        session.error(_HISTORY_ERROR, text, request_id=wanted.request_id)
        return
    session.send(
        encode_market.historical_data(
            bars,
            request_id=wanted.request_id,
            end=until,
            seconds=seconds,
            date_format=wanted.date_format,
            version=session.version,
        )
    )
    if wanted.keep_up:
        session.subscriptions.history[wanted.request_id] = HistoryLine(
            contract, seconds, what, wanted.rth, wanted.date_format, next_start=next_start, forming=forming
        )


def cancel_historical_data(venue: Venue, session: Session, reader: FieldReader) -> None:
    """cancelHistoricalData (25)."""
    reader.integer("version")
    request_id = reader.integer("reqId")
    wanted = session.subscriptions
    coming = wanted.jobs.pop(request_id, None)
    if coming is None and wanted.history.pop(request_id, None) is None:
        text = f"No historical data query found for ticker id:{request_id}"
        session.error(_NO_HISTORY_ID, text, request_id=request_id)


def real_time_bars(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqRealTimeBars (50): five seconds, from the next whole slot on."""
    reader.integer("version")
    request_id = reader.integer("reqId")
    contract = find_one(read_contract(reader), venue.contracts)
    reader.skip(1, name="barSize")
    what = reader.text("whatToShow")
    rth = reader.flag("useRTH")
    if isinstance(contract, str):
        session.error(_NO_DEFINITION, contract, request_id=request_id)
        return
    if what not in _WHAT:
        session.error(
            *_invalid(f"whatToShow '{what}' is not one of: {', '.join(_WHAT)}"), request_id=request_id
        )
        return
    if venue.lines_in_use() >= venue.settings.limits.data_lines:
        session.error(_TOO_MANY_LINES, "Max number of tickers has been reached", request_id=request_id)
        return
    session.subscriptions.bars[request_id] = BarLine(contract, _WHAT[what], rth, slot_start(venue.reached))


def cancel_real_time_bars(venue: Venue, session: Session, reader: FieldReader) -> None:
    """cancelRealTimeBars (51)."""
    reader.integer("version")
    session.subscriptions.bars.pop(reader.integer("reqId"), None)


def head_timestamp(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqHeadTimeStamp (87): the start of the oldest bar there is."""
    request_id = reader.integer("reqId")
    contract = find_one(read_contract(reader), venue.contracts)
    reader.skip(3, name="includeExpired, useRTH, whatToShow")
    date_format = reader.integer("formatDate", default=1)
    if isinstance(contract, str):
        session.error(_NO_DEFINITION, contract, request_id=request_id)
        return
    start = venue.market.head_time(contract.con_id)
    session.send(encode_market.head_timestamp(request_id, start, date_format=date_format))


def cancel_head_timestamp(venue: Venue, session: Session, reader: FieldReader) -> None:
    """cancelHeadTimeStamp (90): answered at once, so there is never one to cancel."""
    reader.integer("reqId")


def historical_ticks(venue: Venue, session: Session, reader: FieldReader) -> None:
    """reqHistoricalTicks (96): from the latest thousand ticks since this gateway started."""
    request_id = reader.integer("reqId")
    contract = find_one(read_contract(reader), venue.contracts)
    reader.skip(1, name="includeExpired")
    start = parse_time(reader.text("startDateTime"), name="startDateTime")
    end = parse_time(reader.text("endDateTime"), name="endDateTime")
    most = max(1, min(reader.integer("numberOfTicks", default=_MOST_TICKS), _MOST_TICKS))
    what = reader.text("whatToShow")
    if isinstance(contract, str):
        session.error(_NO_DEFINITION, contract, request_id=request_id)
        return
    recent = venue.recent_of(contract.con_id)
    first, last = start or 0.0, end or venue.reached
    quotes = [tick for tick in recent.quotes if first <= tick.ts <= last]
    trades = [tick for tick in recent.trades if first <= tick.ts <= last]
    # A start counts forwards from itself, an end alone counts backwards: as TWS does.
    kept = slice(0, most) if start is not None else slice(-most, None)
    if what == "TRADES":
        exchange = contract.primary_exchange or contract.exchange
        session.send(encode_market.historical_ticks_trade(request_id, trades[kept], exchange=exchange))
    elif what == "BID_ASK":
        session.send(encode_market.historical_ticks_quote(request_id, quotes[kept]))
    elif what == "MIDPOINT":
        session.send(encode_market.historical_ticks_mid(request_id, quotes[kept]))
    else:
        session.error(
            *_invalid(f"whatToShow '{what}' is not TRADES, BID_ASK or MIDPOINT"), request_id=request_id
        )


HANDLERS: Final[Mapping[int, Handler]] = {
    20: historical_data,
    25: cancel_historical_data,
    50: real_time_bars,
    51: cancel_real_time_bars,
    87: head_timestamp,
    90: cancel_head_timestamp,
    96: historical_ticks,
}
