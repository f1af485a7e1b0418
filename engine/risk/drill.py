"""The gate of a kill drill: the one kind of order that is meant never to fill. Pure.

It is as far from the ordinary gate's idea of a good order as can be: one unit, far below the market. So it
has a rule of its own, which lets nothing else through.
"""

from __future__ import annotations

import math

from engine.domain.instrument import Instrument
from engine.domain.market import Quote
from engine.domain.preview import EntryTicket
from engine.domain.price import Rounding, round_to_tick
from engine.domain.reasons import Reason
from engine.risk.refusal import Refusal

FAR_PCT = 5.0
"""How far below the bid a test order stands: no market falls as fast as a drill ends."""


def drill_ticket(
    instrument: Instrument, quote: Quote | None, *, unit_usd: float, max_value_usd: float
) -> EntryTicket | Refusal:
    """One unit to buy, `FAR_PCT` below the bid; refused without a bid, or where one unit is too large.

    `unit_usd` is the exposure of one unit; NaN, which is not known, is too large.
    """
    key = instrument.key
    bid = math.nan if quote is None else quote.bid
    if not (math.isfinite(bid) and bid > 0):
        return Refusal(Reason.NO_QUOTE, f"{key}: no bid to stay away from")
    limit = round_to_tick(instrument, bid * (1 - FAR_PCT / 100), Rounding.DOWN)
    if not 0 < limit < bid:
        return Refusal(Reason.NOT_FINITE, f"{key}: no price below {bid:g}")
    if not unit_usd <= max_value_usd:
        text = f"{key}: one unit is {unit_usd:,.0f} USD, more than a test order may be"
        return Refusal(Reason.ORDER_VALUE, text, max_value_usd, unit_usd)
    return EntryTicket(1, limit, 0.0, unit_usd, unit_usd)
