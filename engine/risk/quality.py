"""Is there a price to trade at: session, entry window, age, kind and spread of the quote, collar. Pure."""

from __future__ import annotations

import math

from engine.domain.market import NEW_YORK, Quote
from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal
from engine.risk.world import GateWorld


def check_session(world: GateWorld, limits: RiskLimits) -> Refusal | None:
    """The instrument is known, its regular session is open, and entries are allowed at this hour."""
    instrument = world.instrument
    if instrument is None:
        return Refusal(Reason.UNKNOWN_INSTRUMENT, "the broker has not described this instrument")
    if instrument.liquid_session(world.now) is None:
        return Refusal(Reason.SESSION_CLOSED, f"{instrument.key}: its regular session is not open")
    clock = world.now.astimezone(NEW_YORK).time()
    if not limits.entry_start <= clock < limits.entry_end:
        window = f"{limits.entry_start:%H:%M}-{limits.entry_end:%H:%M} ET"
        return Refusal(Reason.ENTRY_WINDOW, f"{clock:%H:%M} ET is outside the entry window {window}")
    return None


def check_quote(key: str, world: GateWorld, limits: RiskLimits) -> Refusal | None:
    """A live, fresh, two-sided quote that is not too wide."""
    quote = world.quote
    if quote is None or not quote.is_two_sided or quote.bid <= 0:
        return Refusal(Reason.NO_QUOTE, f"{key}: no two-sided quote")
    age_s = world.now.timestamp() - quote.at
    if not age_s <= limits.max_quote_age_s:
        text = f"{key}: quote is {age_s:.1f} s old"
        return Refusal(Reason.STALE_QUOTE, text, limits.max_quote_age_s, age_s)
    if not world.is_live_data:
        return Refusal(Reason.DELAYED_DATA, f"{key}: the broker delivers delayed or frozen data")
    spread_bps = 10_000.0 * (quote.ask - quote.bid) / quote.mid
    tick_bps = 10_000.0 * (world.instrument.min_tick if world.instrument else 0.0) / quote.mid
    # One step of the price is as narrow as a market can be, whatever share of the price it is.
    if spread_bps > max(limits.max_spread_bps, tick_bps * 1.000001):
        text = f"{key}: the spread is {spread_bps:.1f} bps"
        return Refusal(Reason.SPREAD, text, limits.max_spread_bps, spread_bps)
    return None


def check_collar(key: str, price: float, quote: Quote, limits: RiskLimits) -> Refusal | None:
    """An order's limit is near the fresh price. The caller has checked the quote."""
    away_pct = 100.0 * abs(price / quote.mid - 1.0)
    if math.isfinite(away_pct) and price > 0 and away_pct <= limits.price_collar_pct + 1e-9:
        return None
    text = f"{key}: {price:g} is {away_pct:.2f} % away from {quote.mid:g}"
    return Refusal(Reason.PRICE_COLLAR, text, limits.price_collar_pct, away_pct)
