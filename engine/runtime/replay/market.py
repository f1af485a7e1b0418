"""One market of a past session as far as its record has it: touch and bars; books and tapes are not kept."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from engine.api_market import MarketView
from engine.domain.price import decimals, tick_at
from engine.market.recent import MOST_BARS, SHORT_S, joined
from engine.runtime.looking.view import points
from engine.runtime.replay.timeline import Timeline
from engine.runtime.views import known

NOT_KEPT: Final = "not recorded"


def past_market(timeline: Timeline, key: str, bar_s: int) -> MarketView:
    """The market as it stood at the timeline's moment."""
    instrument, quote = timeline.instruments.get(key), timeline.quote(key)
    every = timeline.bars.get(key, [])
    upto = bisect_right(every, timeline.now, key=lambda bar: bar.end)
    bars = joined(every[max(0, upto - MOST_BARS * bar_s // SHORT_S) : upto], bar_s)[-MOST_BARS:]
    mark = None if quote is None else known(quote.mark())
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
        quote_age_s=None if quote is None else timeline.at - quote.at,
        book_text=NOT_KEPT,
        tape_text=NOT_KEPT,
        bars=points(bars),
    )
