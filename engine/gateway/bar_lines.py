"""Five-second bars and living history: told from the market's own bars when a slot is complete.

A live bar is read from the same source as history, so the two can never differ.
"""

from __future__ import annotations

from typing import Final

from engine.gateway import encode_market
from engine.gateway.encode_market import DAY_S
from engine.gateway.history_spans import latest_session
from engine.gateway.model import Contract, HistoryBar
from engine.gateway.session import HistoryLine, Session
from engine.gateway.venue import Venue

SLOT_S: Final = 5
_CATCH_UP_SLOTS: Final = 720


def slot_start(ts: float) -> float:
    """The start of the five-second slot that contains the instant."""
    return ts - ts % SLOT_S


def publish_bars(venue: Venue) -> None:
    """Tell every bar line the slots completed since the last turn."""
    complete = slot_start(venue.reached)
    for session in venue.started():
        for request_id, line in session.subscriptions.bars.items():
            if line.next_start < complete:
                bars = _slots(venue, line.contract, line.next_start, complete, what=line.what, rth=line.rth)
                line.next_start = complete
                for bar in bars:
                    session.send(encode_market.real_time_bar(request_id, bar))
        for request_id, history in session.subscriptions.history.items():
            if history.next_start < complete:
                _update(venue, session, request_id, history, complete=complete)


def _slots(
    venue: Venue, contract: Contract, start: float, complete: float, *, what: str, rth: bool
) -> list[HistoryBar]:
    count = min(int((complete - start) // SLOT_S), _CATCH_UP_SLOTS)
    bars = venue.market.bars(contract.con_id, end=complete, count=count, seconds=SLOT_S, what=what, rth=rth)
    return [bar for bar in bars if bar.start >= start]


def forming_bar(venue: Venue, contract: Contract, *, seconds: int, what: str, rth: bool) -> HistoryBar | None:
    """The bar that is not complete yet, from its complete slots; None before the first of them."""
    complete = slot_start(venue.reached)
    start = bar_start(venue, contract, venue.reached, seconds=seconds)
    if seconds <= SLOT_S or start >= complete:
        return None
    if seconds >= DAY_S:
        return _forming_day(venue, contract, start, complete, what=what, rth=rth)
    forming: HistoryBar | None = None
    for slot in _slots(venue, contract, start, complete, what=what, rth=rth):
        forming = merge(forming, slot, start=start)
    return forming


def _forming_day(
    venue: Venue, contract: Contract, start: float, complete: float, *, what: str, rth: bool
) -> HistoryBar | None:
    minutes = int((complete - start) // 60)
    if minutes == 0:
        return None
    bars = venue.market.bars(contract.con_id, end=complete, count=minutes, seconds=60, what=what, rth=rth)
    forming: HistoryBar | None = None
    for bar in bars:
        if bar.start >= start:
            forming = merge(forming, bar, start=start)
    return forming


def bar_start(venue: Venue, contract: Contract, ts: float, *, seconds: int) -> float:
    """Where the bar that contains an instant starts; a day bar starts with its session."""
    if seconds < DAY_S:
        return ts - ts % seconds
    session = latest_session(contract, venue.calendar, at=ts)
    return session[0] if session is not None else ts - ts % DAY_S


def merge(forming: HistoryBar | None, part: HistoryBar, *, start: float) -> HistoryBar:
    """The bar with one more part of it counted in."""
    if forming is None:
        return part._replace(start=start)
    volume = forming.volume + part.volume
    value = forming.wap * forming.volume + part.wap * part.volume
    return HistoryBar(
        start=forming.start,
        open=forming.open,
        high=max(forming.high, part.high),
        low=min(forming.low, part.low),
        close=part.close,
        volume=volume,
        wap=round(value / volume, 8) if volume else part.wap,
        count=forming.count + part.count,
    )


def _update(venue: Venue, session: Session, request_id: int, line: HistoryLine, *, complete: float) -> None:
    slots = _slots(venue, line.contract, line.next_start, complete, what=line.what, rth=line.rth)
    line.next_start = complete
    for slot in slots:
        start = bar_start(venue, line.contract, slot.start, seconds=line.seconds)
        if line.forming is not None and line.forming.start != start:
            _send_update(session, request_id, line, line.forming)
            line.forming = None
        line.forming = merge(line.forming, slot, start=start)
    if slots and line.forming is not None:
        _send_update(session, request_id, line, line.forming)


def _send_update(session: Session, request_id: int, line: HistoryLine, bar: HistoryBar) -> None:
    stamp = encode_market.bar_time(
        bar.start, seconds=line.seconds, date_format=line.date_format, version=session.version
    )
    session.send(encode_market.historical_update(request_id, bar, stamp=stamp))
