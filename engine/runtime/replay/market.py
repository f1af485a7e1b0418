"""One market of a past session as far as its record has it: touch and bars; books and tapes are not kept."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import Final

from engine.api_market import MarketView
from engine.market.recent import MOST_BARS, SHORT_S, joined
from engine.runtime.looking.view import points, touch_view
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
    touch = touch_view(
        key,
        instrument,
        quote,
        mark=mark,
        bar_s=bar_s,
        quote_age_s=None if quote is None else timeline.at - quote.at,
    )
    return replace(touch, book_text=NOT_KEPT, tape_text=NOT_KEPT, bars=points(bars))
