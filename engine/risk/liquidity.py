"""Is there enough on the other side: what is visible where an entry would take it, against its size. Pure.

Where the book is subscribed its levels up to the entry's limit count, and a book that is empty, one-sided or
old refuses. Where it is not, only the touch is known: an empty one refuses, and the share is asked of it.
"""

from __future__ import annotations

from engine.domain.instrument import SecType
from engine.domain.market import Depth
from engine.domain.order import Side
from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal
from engine.risk.world import GateWorld

_BUY, _FUTURE = Side.BUY, SecType.FUTURE
_EXACT = 1e-9


def check_depth(
    side: Side, quantity: int, limit_price: float, world: GateWorld, limits: RiskLimits
) -> Refusal | None:
    """An entry is no larger than its share of what is visible, and the touch no thinner than it ever is.

    The caller has checked instrument and quote.
    """
    instrument, quote = world.instrument, world.quote
    if instrument is None or quote is None:
        return Refusal(Reason.NO_QUOTE, "no quote to look for depth at")
    is_future = instrument.sec_type is _FUTURE
    share = limits.depth_share_future if is_future else limits.depth_share_stock
    touch = visible = quote.ask_size if side is _BUY else quote.bid_size
    if world.depth is not None and share:
        age_s = world.now.timestamp() - world.depth.at
        if not age_s <= (most_s := limits.quote_age_s(instrument.sec_type)):
            words = "{}: its book is {:.1f} s old, {:g} s are allowed"
            return Refusal(Reason.ILLIQUID, words, most_s, age_s, (instrument.key, age_s, most_s))
        visible = _within(side, limit_price, world.depth, enough=quantity / share)
    if share and quantity > visible * share + _EXACT:
        words = "{}: {} wanted, {} visible{}; an entry may be {:.0%} of that"
        where = " at the touch" if world.depth is None else f" up to {limit_price:g}"
        figures = (instrument.key, quantity, visible, where, share)
        return Refusal(Reason.ILLIQUID, words, visible * share, quantity, figures)
    if touch < world.depth_floor:
        words = "{}: {} at the touch, which nearly always shows {} or more"
        thin = (instrument.key, touch, world.depth_floor)
        return Refusal(Reason.ILLIQUID, words, world.depth_floor, touch, thin)
    return None


def _within(side: Side, limit_price: float, book: Depth, *, enough: float) -> int:
    """Units that a limit at this price could take, as far as they are needed; none where a side is gone."""
    bids, asks, seen = book.bids, book.asks, 0
    if not bids or not asks:
        return 0
    # A loop of its own: nearly always the first level says it all.
    buys = side is _BUY
    for price, size in asks if buys else bids:
        if price > limit_price + _EXACT if buys else price < limit_price - _EXACT:
            break
        seen += size
        if seen >= enough:
            break
    return seen
