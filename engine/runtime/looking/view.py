"""From the desk and what was asked for to the market that people see. Reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from engine.api_market import BarPoint, BookLevel, MarketView, TapePrint
from engine.domain.instrument import Instrument
from engine.domain.market import Bar, Depth, Level, Quote
from engine.domain.price import decimals, tick_at
from engine.runtime.desk import Desk
from engine.runtime.views import known


class Seen(NamedTuple):
    """What there is of one market besides its touch."""

    has_line: bool
    book: Depth | None
    book_text: str
    prints: tuple[TapePrint, ...]
    """Newest first."""
    tape_text: str
    bars: tuple[Bar, ...]


def touch_view(
    key: str,
    instrument: Instrument | None,
    quote: Quote | None,
    *,
    mark: float | None,
    bar_s: int,
    quote_age_s: float | None,
) -> MarketView:
    """What the touch alone says of a market, live or of a past session: no book, no tape, no bars yet."""
    return MarketView(
        symbol=key,
        decimals=2 if instrument is None else decimals(instrument),
        bar_s=bar_s,
        tick=None if instrument is None else tick_at(instrument, 0.0 if mark is None else mark),
        bid=None if quote is None else known(quote.bid),
        ask=None if quote is None else known(quote.ask),
        bid_size=0 if quote is None else quote.bid_size,
        ask_size=0 if quote is None else quote.ask_size,
        last=None if quote is None else known(quote.last),
        last_size=0 if quote is None else quote.last_size,
        quote_age_s=quote_age_s,
    )


def market_view(desk: Desk, key: str, bar_s: int, seen: Seen) -> MarketView:
    """One market as it stands now."""
    book, now = seen.book, desk.now()
    bids, asks = ((), ()) if book is None else (_levels(book.bids), _levels(book.asks))
    touch = touch_view(
        key,
        desk.instruments.get(key),
        desk.quotes.quote(key),
        mark=known(desk.quotes.mark(key)),
        bar_s=bar_s,
        quote_age_s=desk.quotes.age_s(key, now),
    )
    return replace(
        touch,
        data_text=_data_text(desk, key, has_line=seen.has_line),
        bids=bids,
        asks=asks,
        book_age_s=None if book is None else max(0.0, now.timestamp() - book.at),
        book_text=seen.book_text,
        prints=seen.prints,
        tape_text=seen.tape_text,
        bars=points(seen.bars),
        targets=_targets(desk, key),
    )


def points(bars: Sequence[Bar]) -> tuple[BarPoint, ...]:
    """Bars as they are shown."""
    return tuple(BarPoint(b.end.timestamp(), b.open, b.high, b.low, b.close, b.volume) for b in bars)


def _levels(levels: Sequence[Level]) -> tuple[BookLevel, ...]:
    return tuple(BookLevel(one.price, one.size) for one in levels if known(one.price) is not None)


def _data_text(desk: Desk, key: str, *, has_line: bool) -> str:
    if not has_line:
        return "no data line: its prices are not followed"
    return "" if desk.quotes.is_live(key) else f"{desk.quotes.kind_of(key)}: not live"


def _targets(desk: Desk, key: str) -> tuple[float, ...]:
    """Of what is held; a target beyond which a part was taken stays in the plan and is shown."""
    leg = next((leg for leg in desk.books.ledger.positions.legs() if leg.key == key), None)
    if leg is None:
        return ()
    return tuple(price for price in (leg.plan.target1, leg.plan.target2) if price is not None)
